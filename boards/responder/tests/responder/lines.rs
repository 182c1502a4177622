//! What scripts and people read.

use crate::bench::Bench;
use lastword_responder::io::LineEvent;

/// A line, and how its answer begins.
#[track_caller]
fn check(line: &str, answer: &str) {
    let mut bench = Bench::new();
    bench.say("\n");
    let heard = bench.say(line);
    // A serial line echoes until the dialect is decided, which the first LF has done.
    assert!(heard.starts_with(answer), "{line:?}: {heard:?}");
    assert!(heard.ends_with('\n'), "{line:?}: {heard:?}");
}

#[test]
fn a_line_is_answered_with_one_final() {
    check("uptime\n", "ok uptime_ms=");
    check("@7 version\n", "ok @7 firmware=1.2.3 proto=1 ");
    check("power status\n", "ok backend=mcu boot=07070707-");
    check("@x\n", "ok @x\n");
    check("uptime; version\n", "| 1 ok uptime_ms=");
    check("help\n", "| ");
    check("double 21\n", "ok doubled=42\n");
    check("@a double 2147483648\n", "err @a 422 bad_value detail=");
}

#[test]
fn a_wrong_line_is_told_where() {
    check(
        "power rebot\n",
        "err 404 unknown at=6 len=5 got=\"rebot\" want=\"reboot\"\n",
    );
    check(
        "{\"jsonrpc\":\"2.0\"}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":",
    );
    check(
        "mode json\n",
        "err 415 mode detail=\"this board speaks no json\"\n",
    );
    check(
        &format!("{}\n", "x".repeat(129)),
        "err 413 too_long got=129 max=128\n",
    );
}

/// What a board answers to text with holes, written as `%`, behind a first line.
#[track_caller]
fn check_lost(text: &str, expected: &str) {
    let mut bench = Bench::new();
    bench.say("\n");
    for part in text.split_inclusive('%') {
        let bytes = part.trim_end_matches('%');
        bench.uart.arrived.extend(bytes.as_bytes());
        if bytes.len() < part.len() {
            let place = bench.uart.read + bench.uart.arrived.len();
            let event = (place, LineEvent::InputLost);
            bench.uart.events.push_back(event);
        }
    }
    bench.turns(400);
    assert_eq!(bench.heard(), expected, "{text:?}");
    assert_eq!(bench.hardware.fired, []);
}

#[test]
fn the_line_with_the_hole_is_refused_and_no_other() {
    let lost = "err 429 slow_down detail=\"input was lost; send the line again, slower\"\n";
    check_lost("double 2%1\ndouble 4\n", &format!("{lost}ok doubled=8\n"));
    // All of it arrives at once: the hole is in the second line, or between the first two.
    let answers = format!("ok doubled=2\n{lost}ok doubled=8\n");
    check_lost("double 1\ndouble %2\ndouble 4\n", &answers);
    check_lost("double 1\n%ouble 2\ndouble 4\n", &answers);
    check_lost("double 1\ndouble 2%\ndouble 4\n", &answers);
    check_lost("double 1\ndouble 2\r%\ndouble 4\n", &answers);
    check_lost("double 1\nrebo%\ndouble 4\n", &answers);
    check_lost("double 1\n%reboot\ndouble 4\n", &answers);
    check_lost(
        "@7 double%1\n@8% double 2\n",
        &format!("err @7 {}{lost}", &lost[4..]),
    );
    let no_json = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"this board speaks no json\",\"data\":{\"code\":415,\"symbol\":\"mode\"}}}\n";
    check_lost("{\"id\":%1}\n", no_json);
}

#[test]
fn a_byte_that_arrives_behind_a_loss_while_the_driver_looks_does_not_slip_past_it() {
    for questions in 1..12 {
        let mut bench = Bench::new();
        bench.say("\n");
        bench.uart.interrupt = Some((questions, b"1\ndouble 4\n".to_vec()));
        bench.uart.arrived.extend(b"double 2");
        bench.turns(400);
        assert_eq!(bench.hardware.asked, [4], "behind {questions} questions");
    }
}

#[test]
fn text_around_what_was_no_frame_is_no_line() {
    for noise in [&b"\0"[..], b"\0 1\n", b"\0 1\n\0 2\n"] {
        let mut bench = Bench::new();
        bench.say("\ndouble 1");
        bench.exchange(noise);
        bench.pass(1_100);
        bench.heard();
        let heard = bench.say("2\ndouble 4\n");
        assert!(heard.starts_with("err 429 "), "{noise:?}: {heard:?}");
        assert_eq!(bench.hardware.asked, [4], "{noise:?}");
    }
}

#[cfg(feature = "term")]
#[test]
fn a_person_is_prompted_and_pointed_at_what_is_wrong() {
    let mut bench = Bench::new();
    bench.say("\r");
    bench.pass(25);
    assert_eq!(bench.heard(), "\r\nbench> ");
    assert_eq!(
        bench.say("rebot\r"),
        "rebot\r\n       ^~~~~ unknown: rebot.  Did you mean: reboot?\r\nbench> "
    );
    let status = bench.say("upt\r");
    assert!(
        status.starts_with("upt\r\nuptime: 0.025 s\r\nboot:   0707"),
        "{status:?}"
    );
}

#[cfg(feature = "term")]
#[test]
fn a_person_edits_and_completes_and_lines_come_back_but_no_reboot_does() {
    let mut bench = Bench::new();
    bench.say("uptime\r");
    bench.pass(25);
    bench.heard();
    for (keys, shown) in [
        ("po\tcax\x02\x1b[3~\t", "\rbench> power cancel \x1b[K"),
        ("\x15h\t\t", "\r\nhelp  hello\r\n\rbench> hel\x1b[K"),
        ("\x15\x1b[A", "\rbench> uptime\x1b[K"),
        (
            "\x15uptime; reboot --boot 7\r\x1b[A",
            "\rbench> uptime; reboot --boot 7\x1b[K",
        ),
        (
            "\x15uptime; reboot --in 1h\r\x1b[A",
            "\rbench> uptime; reboot --boot 7\x1b[K",
        ),
    ] {
        let heard = bench.say(keys);
        assert!(heard.ends_with(shown), "{heard:?}");
    }
}

/// What is said to a board for scripts only, and all that is heard.
#[cfg(not(feature = "term"))]
#[track_caller]
fn check_plain(say: &str, expected: &str) {
    let mut bench = Bench::new();
    let mut heard = bench.say(say);
    bench.pass(25);
    heard += &bench.heard();
    assert_eq!(heard, expected, "{say:?}");
}

#[cfg(not(feature = "term"))]
#[test]
fn without_term_nothing_is_echoed_and_no_key_edits() {
    let control = "err 400 syntax detail=\"control characters in the line\"\n";
    check_plain("upti", "");
    check_plain("\r", "");
    check_plain("double 21\r\n", "ok doubled=42\n");
    check_plain("double\r21\n", control);
    check_plain("double 22\x081\n", control);
    check_plain(
        "double 21\x1b[A\n@a double 1\n",
        &format!("{control}ok @a doubled=2\n"),
    );
    check_plain(
        "doub\t21\n",
        "err 404 unknown at=0 len=4 got=\"doub\" want=\"double\"\n",
    );
    check_plain("?\n", "err 404 unknown at=0 len=1 got=\"?\"\n");
    let refused = "err 415 mode detail=\"this board speaks plain only\"\n";
    check_plain("mode term\n", refused);
    check_plain("mode plain\n", "ok mode=plain\n");
}
