//! What scripts and people read.

use crate::bench::Bench;

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

#[test]
fn a_line_that_lost_bytes_does_not_run() {
    let mut bench = Bench::new();
    bench.say("\nrebo");
    bench.uart.overrun = true;
    let heard = bench.say("ot\nuptime\n");
    assert!(
        heard.starts_with(
            "err 429 slow_down detail=\"input was lost; send the line again, slower\"\nok uptime"
        ),
        "{heard:?}"
    );
    assert_eq!(bench.hardware.fired, []);
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
