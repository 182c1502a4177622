//! What a TCP session makes of the byte FF, with which telnet commands begin.

use super::*;

/// A session that has received these bytes, in any two pieces, and then the end of input: what it
/// says is the same however they are cut.
#[track_caller]
fn says(bytes: &[u8]) -> Vec<u8> {
    let said = |cut: usize| {
        let (first, second) = bytes.split_at(cut);
        let mut bench = Bench::new(TCP);
        bench.receive(first);
        bench.receive(second);
        bench.session.end_of_input(&Board);
        bench.take_output();
        bench.said
    };
    let whole = said(bytes.len());
    for cut in 0..bytes.len() {
        let cut_said = said(cut);
        assert_eq!(cut_said, whole, "{bytes:02x?} cut at {cut}");
    }
    whole
}

/// Checks how each line that is said begins.
#[track_caller]
fn check(bytes: &[u8], lines: &[&str]) {
    let said = says(bytes);
    let text = String::from_utf8_lossy(&said);
    let starts: Vec<_> = text
        .lines()
        .zip(lines)
        .map(|(line, start)| line.get(..start.len()))
        .collect();
    let expected: Vec<_> = lines.iter().map(|start| Some(*start)).collect();
    assert_eq!(starts, expected, "{bytes:02x?}: {text:?}");
    assert_eq!(text.lines().count(), lines.len(), "{bytes:02x?}: {text:?}");
}

#[test]
fn a_byte_ff_in_a_line_refuses_that_line_and_no_other() {
    let bad = "err 400 syntax";
    let ok = "ok uptime_ms=12345";
    check(
        b"@1 svc status \xFF\n@2 uptime\n",
        &["err @1 400 syntax", "ok @2 uptime_ms=12345"],
    );
    check(b"cam\xFF\xFBera\nuptime\n", &[bad, ok]);
    for command in 0xF0..=0xFF {
        check(&[b'u', 0xFF, command, b'\n'], &[bad]);
        check(
            &[b"uptime\nup\xFF".as_slice(), &[command], b"time\nuptime\n"].concat(),
            &[ok, bad, ok],
        );
    }
    for inside in [
        &b"\xFF"[..],
        b"\xFF\xFF",
        b"\xFF\xFA\x18",
        b"\xFF\xFD\x01",
        b"\xFF\xF4\xFF\xFD\x06",
    ] {
        check(&[b"reboot", inside, b"\nuptime\n"].concat(), &[bad, ok]);
        check(&[b"  ", inside, b"reboot\nuptime\n"].concat(), &[bad, ok]);
    }
    let json: &[u8] = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"uptime\xFF\xFB\"}\nuptime\n";
    check(json, &["{\"error\":{\"code\":-32700", ok]);
}

#[test]
fn a_negotiation_that_does_not_open_the_connection_refuses_its_line() {
    let (bad, ok) = ("err 400 syntax", "ok uptime_ms=12345");
    check(b"uptime\n\xFF\xFD\x01\nuptime\n", &[ok, bad, ok]);
    check(b"uptime\n\xFF\xFB\x18uptime\nuptime\n", &[ok, bad, ok]);
    check(
        b"uptime\n\xFF\xFA\x18\x01\xFF\xF0uptime\nuptime\n",
        &[ok, bad, ok],
    );
    // A lone one at the start is no negotiation either.
    check(b"\xFFuptime\nuptime\n", &[bad, ok]);
    check(b"\xFF\xFFuptime\nuptime\n", &[bad, ok]);
    check(b"uptime\n\xFF\n", &[ok, bad]);
}

#[test]
fn an_ff_that_the_end_of_input_leaves_is_an_unfinished_line() {
    check(b"uptime\n\xFF", &["ok uptime_ms=12345", "err 400 syntax"]);
    check(
        b"uptime\n\xFF\xFD",
        &["ok uptime_ms=12345", "err 400 syntax"],
    );
}

#[test]
fn an_interrupt_at_the_start_of_a_line_drops_nothing_and_decides_nothing() {
    let ok = "ok uptime_ms=12345";
    check(b"\xFF\xF4uptime\n", &[ok]);
    check(b"\xFF\xF3uptime\n", &[ok]);
    check(b"uptime\n\xFF\xF4uptime\n", &[ok, ok]);
    let said = says(b"\xFF\xF4\xFF\xFD\x06uptime\n");
    let expected = b"\xFF\xFC\x06ok uptime_ms=12345";
    assert!(
        said.starts_with(expected),
        "the mark is refused (RFC 860): {said:02x?}"
    );
    // telnet(1) ends its lines with CR LF.
    let said = says(b"uptime\r\n\xFF\xF4\xFF\xFD\x06uptime\r\n");
    let count = said
        .windows(ok.len())
        .filter(|at| *at == ok.as_bytes())
        .count();
    assert_eq!(count, 2, "{said:02x?}");
}

#[test]
fn a_negotiation_that_opens_the_connection_makes_it_a_person_s() {
    for opening in [
        &b"\xFF\xFD\x03"[..],
        b"\xFF\xFB\x18",
        b"\xFF\xFA\x18\x00\xFF\xF0",
    ] {
        let said = says(&[opening, b"upt\xFF\xFE\x05ime\r\n"].concat());
        let text = String::from_utf8_lossy(&said);
        assert!(text.contains("board1> "), "{opening:02x?}: {text:?}");
        assert!(text.contains("uptime: 12"), "{opening:02x?}: {text:?}");
    }
}

#[test]
fn no_line_is_glued_to_the_next_where_telnet_is_read() {
    let mut bench = Bench::new(TCP);
    bench.receive(b"\r\0");
    bench.receive(b"reboot --in 1\xFF\r0m\r\0reboot --in 1\xFFm\r\0");
    assert!(bench.asked.is_empty(), "{:?}", bench.text());
    let mut script = Bench::new(TCP);
    script.receive(b"\xFF\xFB\x01mode plain\r\n");
    script.receive(b"reboot --in 1\xFF\n0m\n@1 reboot --in 1h --op 1\xFF2\n@2 uptime\n");
    assert!(script.asked.is_empty(), "{:?}", script.text());
    assert!(
        script.text().contains("ok @2 uptime_ms"),
        "{:?}",
        script.text()
    );
    let inside = [
        &b"\xFF\xFA"[..],
        &[b'a'; 300],
        b"\nreboot --in 1h\n\xFF\xF0",
    ]
    .concat();
    let mut bench = Bench::new(TCP);
    bench.receive(&inside);
    assert!(bench.asked.is_empty(), "{:?}", bench.text());
}

#[test]
fn a_person_s_session_knows_telnet_in_every_place() {
    let mut bench = Bench::new(TCP);
    bench.receive(b"\r\0");
    bench.receive(b"rebo\xFF\xF4upti\xFF\xFE\x05me\r\0");
    let text = bench.text();
    assert!(text.contains("uptime: 12"), "{text:?}");
    assert!(bench.asked.is_empty(), "{text:?}");
}

#[test]
fn an_interrupt_ends_the_waiting_for_an_answer_at_the_start_of_a_line_only() {
    for (ahead, interrupted) in [(&b""[..], true), (b"uptime\r\n", true), (b"upt", false)] {
        let mut bench = Bench::new(TCP);
        bench
            .session
            .receive(bench.now, b"svc stop cam\r\n", &Board);
        assert!(bench.session.take_job().is_some());
        bench.session.receive(bench.now, ahead, &Board);
        bench
            .session
            .receive(bench.now, b"\xFF\xF4\xFF\xFD\x06", &Board);
        bench.take_output();
        let says_499 = bench.text().contains("err 499");
        assert_eq!(says_499, interrupted, "{ahead:?}: {:?}", bench.text());
    }
}
