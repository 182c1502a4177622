//! Input that was lost or arrived damaged: no line and no frame runs without it.

use super::*;

const LOST: &str = "err 429 slow_down detail=\"input was lost; send the line again, slower\"\n";

/// What a serial line answers to text behind a first line. `%` is a damaged byte, as a tty marks it,
/// and `&` a place where the driver has lost some.
#[track_caller]
fn check(text: &str, expected: &str) {
    let mut bench = Bench::new(UART);
    bench.receive(b"\n");
    bench.said.clear();
    send(&mut bench, text);
    assert_eq!(bench.text(), expected, "{text:?}");
}

fn send(bench: &mut Bench, text: &str) {
    for part in text.split_inclusive(['%', '&']) {
        bench.receive(part.trim_end_matches(['%', '&']).as_bytes());
        match part.as_bytes().last() {
            Some(b'%') => bench.receive(b"\xFF\x00x"),
            Some(b'&') => bench.session.lose(bench.now, &Board),
            _ => {}
        }
    }
}

#[test]
fn a_line_with_a_damaged_or_lost_byte_is_refused_and_the_next_one_runs() {
    let uptime = "ok uptime_ms=12345 boot=07070707-0707-0707-0707-070707070707\n";
    for hole in ["%", "&", "%&%"] {
        let text = |text: &str| text.replace('%', hole);
        check(&text("up%time\nuptime\n"), &format!("{LOST}{uptime}"));
        check(&text("uptime%\nuptime\n"), &format!("{LOST}{uptime}"));
        check(&text("%uptime\nuptime\n"), &format!("{LOST}{uptime}"));
        let answers = format!("{uptime}{LOST}{uptime}");
        check(&text("uptime\n%uptime\nuptime\n"), &answers);
        check(&text("uptime\n%power cancel;%reboot\nuptime\n"), &answers);
        check(&text("@7 up%time\n"), &format!("err @7 {}", &LOST[4..]));
        check(&text("@7%8 uptime\n"), LOST);
    }
}

#[test]
fn behind_a_line_that_asks_others_the_hole_keeps_its_place() {
    let mut bench = Bench::new(UART);
    // The answer comes once all has been received.
    bench
        .session
        .receive(bench.now, b"\npower reboot --in 1h\nre", &Board);
    bench.session.lose(bench.now, &Board);
    bench.session.receive(bench.now, b"boot\nuptime\n", &Board);
    bench.receive(b"");
    let heard = bench.text();
    let at = |text: &str| {
        heard
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {heard}"))
    };
    assert!(at("ok initiated") < at(LOST) && at(LOST) < at("ok uptime"));
    assert_eq!(bench.asked.len(), 1, "{:?}", bench.asked);
}

#[test]
fn a_program_is_told_in_its_own_words() {
    let mut bench = Bench::new(UART);
    bench.receive(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"uptime\"}\n");
    bench.said.clear();
    for text in [
        "{\"id\":2,%}\n",
        "%\"id\":2}\n",
        "{&\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"uptime\"}\n",
    ] {
        send(&mut bench, text);
        let heard = bench.text();
        assert!(
            heard.contains("\"id\":null") && heard.contains("input was lost"),
            "{text:?}: {heard}"
        );
        bench.said.clear();
    }
}

#[test]
fn a_person_is_told_and_prompted() {
    let mut bench = Bench::new(UART);
    bench.receive(b"\r");
    bench.wait(25);
    bench.said.clear();
    send(&mut bench, "re%boot\r");
    let heard = bench.text();
    assert!(
        heard.contains("input was lost") && heard.ends_with("board1> "),
        "{heard:?}"
    );
    assert!(bench.asked.is_empty());
}

#[test]
fn what_may_have_a_hole_anywhere_runs_no_line_of_it() {
    let mut bench = Bench::new(UART);
    bench.receive(b"\nup");
    bench.said.clear();
    bench
        .session
        .receive_unsure(bench.now, b"time\nuptime\nuptime\nup", &Board);
    bench.receive(b"time\nuptime\n");
    let heard = bench.text();
    let expected = LOST.repeat(4) + "ok uptime";
    assert!(heard.starts_with(&expected), "{heard}");
}

#[test]
fn a_frame_with_a_hole_does_not_run_and_the_next_one_does() {
    let mut bench = Bench::new(UART);
    bench.receive(&ask_hello(CLIENT, false));
    let nonce = welcomed(&bench.said);
    let reboot = Request::Power(PowerRequest::plain(Operation::Reboot));
    let packet = request(nonce, 1, &reboot);
    let (head, tail) = packet.split_at(packet.len() / 2);
    bench.receive(head);
    bench.session.lose(bench.now, &Board);
    bench.receive(tail);
    assert!(bench.asked.is_empty());
    bench.receive(&request(nonce, 2, &reboot));
    assert_eq!(bench.asked.len(), 1);
}

#[test]
fn a_byte_behind_a_logout_is_not_lost() {
    let mut bench = Bench::new(UART);
    bench.receive(b"logout\rxuptime\n");
    assert!(bench.text().contains("got=\"xuptime\""), "{}", bench.text());
}

#[test]
fn text_around_what_was_no_frame_is_no_line() {
    for noise in [&b"\0"[..], b"\0 1\n", b"\0 1\n\0 2\n"] {
        let mut bench = Bench::new(UART);
        bench.receive(b"\nupt");
        bench.receive(noise);
        bench.wait(1_100);
        bench.said.clear();
        bench.receive(b"ime\nuptime\n");
        let heard = bench.text();
        assert!(
            heard.contains(LOST) && heard.contains("ok uptime"),
            "{noise:?}: {heard}"
        );
    }
}

#[test]
fn a_line_with_a_frame_in_it_is_refused_and_one_behind_a_frame_runs() {
    let mut bench = Bench::new(UART);
    bench.receive(b"\nreboot --in 1");
    bench.receive(&ask_hello(CLIENT, false));
    bench.wait(1_001);
    bench.said.clear();
    bench.receive(b"h\nuptime\n");
    assert!(bench.asked.is_empty());
    let heard = bench.text();
    assert!(
        heard.starts_with(&format!("{LOST}ok uptime_ms=")),
        "{heard:?}"
    );
}
