//! Bytes in, lines out: every dialect, every split, every limit.

mod echoes;
mod editing;
mod lost;
mod screen;

use super::*;
use crate::commands::ALL;
use crate::parse::{Rules, Step, parse};
use crate::table::Level;
use lastword_protocol::Millis;
use proptest::prelude::*;

const SERIAL: Medium = Medium::Serial { baud: 115_200 };

/// What a session saw, in words that stand apart: `plain:status`, `413:12/8`, `http`.
fn told(received: &Received<'_>) -> String {
    match received {
        Received::Line { dialect, text } => format!("{}:{text}", dialect.word()),
        Received::Refused {
            dialect,
            tag,
            error,
        } => {
            let tag = tag.as_ref().map(ToString::to_string).unwrap_or_default();
            let extent = match error {
                LineError::TooLong { got, max } => format!(" {got}/{max}"),
                _ => String::new(),
            };
            format!("{}:{}{extent}{tag}", dialect.word(), error.code().number())
        }
        Received::Interrupt => "interrupt".into(),
        Received::Redraw => "redraw".into(),
        Received::Complete => "complete".into(),
        Received::Choices => "choices".into(),
        Received::Logout => "logout".into(),
        Received::Echo => "echo".into(),
        Received::Http => "http".into(),
    }
}

/// An input with what it told and echoed.
struct Session<const LINE: usize> {
    input: Input<LINE>,
    now: Instant,
    told: Vec<String>,
    echo: String,
}

impl<const LINE: usize> Session<LINE> {
    fn new(medium: Medium) -> Self {
        let (input, now) = (Input::new(medium), Instant(0));
        Self {
            input,
            now,
            told: Vec::new(),
            echo: String::new(),
        }
    }

    fn send(&mut self, mut bytes: &[u8]) {
        while let Some(received) = self.input.feed(self.now, &mut bytes, &mut self.echo) {
            let mut said = told(&received);
            if said == "redraw" {
                said = format!("redraw:{}", self.input.typed());
            }
            self.told.push(said);
        }
        assert!(bytes.is_empty());
    }

    fn wait(&mut self, span: u64) {
        self.now = self.now.after(Millis(span));
        let received = self.input.tick(self.now, &mut self.echo);
        self.told.extend(received.as_ref().map(told));
    }

    fn end(&mut self) {
        let received = self.input.end(&mut self.echo);
        self.told.extend(received.as_ref().map(told));
    }
}

/// Sends the parts, with a second between them, and compares what was told.
#[track_caller]
fn check(medium: Medium, parts: &[&[u8]], expected: &[&str]) -> String {
    let mut session = Session::<8>::new(medium);
    for part in parts {
        session.send(part);
        session.wait(1_000);
    }
    assert_eq!(session.told, expected, "{parts:?}");
    session.echo
}

#[test]
fn lf_and_cr_lf_are_plain_and_nothing_is_echoed() {
    let lines = ["plain:a", "plain:b c", "plain:", "plain:d"];
    assert_eq!(check(Medium::Stream, &[b"a\nb c\r\n\r\nd\n"], &lines), "");
    assert_eq!(check(SERIAL, &[b"\na\n"], &["plain:", "plain:a"]), "");
}

#[test]
fn the_answer_to_an_echoed_first_line_begins_a_line() {
    for (first, told) in [
        (&b"a\n"[..], "plain:a"),
        (b"a\r\n", "plain:a"),
        (b"{\n", "json:{"),
    ] {
        let (key, rest) = first.split_at(1);
        let echo = check(SERIAL, &[key, rest, b"b\n"], &[told, "plain:b"]);
        assert_eq!(echo, format!("{}\r\n", &told[5..].trim_start_matches(':')));
    }
}

/// Otherwise a command that a line echoes would run again, in every boot.
#[test]
fn a_first_line_that_comes_in_one_go_is_not_echoed() {
    for (first, told, echo) in [
        (&b"ab\n"[..], "plain:ab", ""),
        (b"ab\r\n", "plain:ab", ""),
        (b"ab\r", "term:ab", "\r\n"),
    ] {
        assert_eq!(check(SERIAL, &[first], &[told]), echo);
    }
    let mut session = Session::<8>::new(SERIAL);
    session.send(b"a");
    session.wait(19);
    session.send(b"b");
    session.wait(1_000);
    session.send(b"c");
    assert_eq!(session.echo, "");
    let mut session = Session::<8>::new(SERIAL);
    session.send(b"a");
    session.wait(20);
    session.send(b"bc");
    assert_eq!(session.echo, "abc");
}

#[test]
fn a_lone_cr_or_cr_nul_is_term() {
    for medium in [Medium::Stream, SERIAL] {
        check(
            medium,
            &[b"a\r", b"b\r", b"c\n"],
            &["term:a", "term:b", "term:c"],
        );
        check(
            medium,
            &[b"a\r\0b\r\0\r\nc\r"],
            &["term:a", "term:b", "term:", "term:c"],
        );
        check(medium, &[b"a\rb\rc\r"], &["term:a", "term:b", "term:c"]);
    }
    assert_eq!(
        check(SERIAL, &[b"a", b"\r", b"b\r"], &["term:a", "term:b"]),
        "a\r\nb\r\n"
    );
    assert_eq!(
        check(Medium::Stream, &[b"a\r", b"b\r"], &["term:a", "term:b"]),
        "\r\nb\r\n"
    );
}

#[test]
fn a_cr_waits_for_its_lf_no_longer_than_two_characters_and_20_ms() {
    for (baud, wait) in [(115_200, 20), (1_200, 20), (300, 67)] {
        let mut session = Session::<8>::new(Medium::Serial { baud });
        session.send(b"a\r");
        session.wait(wait - 1);
        assert!(session.told.is_empty(), "{baud}");
        assert_eq!(session.input.deadline(), Some(Instant(wait)));
        session.wait(1);
        assert_eq!(session.told, ["term:a"], "{baud}");
        session.wait(1);
        session.send(b"\n");
        assert_eq!(session.told, ["term:a"], "{baud}");
    }
}

#[test]
fn a_late_lf_counts_even_if_nobody_ticked() {
    let mut session = Session::<8>::new(Medium::Stream);
    session.send(b"a\r");
    session.now = Instant(20);
    session.send(b"\nb\n");
    assert_eq!(session.told, ["term:a", "term:b"]);
}

#[test]
fn a_line_that_begins_with_a_brace_or_bracket_is_json() {
    check(
        Medium::Stream,
        &[b"{}\na\n[]\n"],
        &["json:{}", "plain:a", "json:[]"],
    );
    check(Medium::Stream, &[b"a\n {}\n"], &["plain:a", "plain: {}"]);
    check(Medium::Stream, &[b"{123456789\n"], &["json:413 10/8"]);
}

#[test]
fn an_http_request_closes_the_session() {
    check(
        Medium::Stream,
        &[b"GET / HTTP/1.1\r\nreboot\r\n\r\nreboot\n"],
        &["http"],
    );
    check(
        Medium::Stream,
        &[b"a\nGET /\n"],
        &["plain:a", "plain:GET /"],
    );
}

#[test]
fn a_line_over_the_limit_is_refused_whole() {
    check(
        Medium::Stream,
        &[b"1234567\ngo\n"],
        &["plain:1234567", "plain:go"],
    );
    check(
        Medium::Stream,
        &[b"12345678\r\ngo\n"],
        &["plain:12345678", "plain:go"],
    );
    check(
        Medium::Stream,
        &[b"123456789\ngo\n"],
        &["plain:413 9/8", "plain:go"],
    );
    check(
        Medium::Stream,
        &[b"@7 456789012\r\ngo\n"],
        &["plain:413 12/8@7", "plain:go"],
    );
    // The two-byte character does not fit; the one behind it must not fill its place.
    check(
        Medium::Stream,
        &["1234567éx\n".as_bytes()],
        &["plain:413 10/8"],
    );
}

#[test]
fn control_characters_and_bad_utf_8_refuse_a_script_line() {
    for bad in [
        &b"a\x01"[..],
        b"a\x08b",
        b"\x1b[Aab",
        b"\x1b\tab",
        b"a\rb",
        b"\x03ab",
        b"a\x7f",
        b"a\0b",
    ] {
        check(
            Medium::Stream,
            &[b"\n", bad, b"\ngo\n"],
            &["plain:", "plain:400", "plain:go"],
        );
    }
    // So does an Esc that nothing followed in time.
    for before in [&b"\n"[..], b"\r\n\x1b["] {
        let told = ["plain:", "plain:400", "plain:go"];
        check(SERIAL, &[before, b"\x1b", b"ab\ngo\n"], &told);
    }
    check(Medium::Stream, &[b"\x1b", b"ab\n"], &["plain:400"]);
    for bad in [&b"a\xFF"[..], b"\xC3", b"\xC3(", b"\xED\xA0\x80"] {
        check(
            Medium::Stream,
            &[b"\n", bad, b"\ngo\n"],
            &["plain:", "plain:400", "plain:go"],
        );
        check(
            Medium::Stream,
            &[bad, b"\ngo\n"],
            &["plain:400", "plain:go"],
        );
    }
    // In a first line too: what a person may do is allowed only once it is known that it is one.
    check(SERIAL, &[b"noise\x15a\n"], &["plain:400"]);
    check(SERIAL, &[b"noise\x15a\r"], &["term:a"]);
    check(Medium::Stream, &[b"a\tb\n"], &["plain:a\tb"]);
}

#[test]
fn enter_on_an_empty_plain_line_opens_term_on_serial() {
    check(
        SERIAL,
        &[b"a\n", b"\r", b"b\r"],
        &["plain:a", "term:", "term:b"],
    );
    check(
        SERIAL,
        &[b"a\n", b"\r\nb\n"],
        &["plain:a", "plain:", "plain:b"],
    );
    check(
        SERIAL,
        &[b"a\n", b"b\r", b"\r", b"c\r"],
        &["plain:a", "term:", "term:c"],
    );
    check(
        Medium::Stream,
        &[b"a\n", b"\r", b"b\n"],
        &["plain:a", "plain:400"],
    );
}

#[test]
fn the_end_of_input_runs_nothing_unterminated() {
    for (bytes, expected) in [
        (&b"a\nreboot"[..], &["plain:a", "plain:400"][..]),
        (b"reboot", &["plain:400"]),
        (b"reboot\n", &["plain:reboot"]),
        (b"reboot\r", &["term:reboot"]),
        (b"a\nreboot\r", &["plain:a", "plain:400"]),
        (b"a\n\xC3", &["plain:a", "plain:400"]),
        (b"", &[]),
    ] {
        let mut session = Session::<8>::new(Medium::Stream);
        session.send(bytes);
        session.end();
        session.end();
        assert_eq!(session.told, expected, "{bytes:?}");
    }
}

#[test]
fn a_person_edits_with_echo() {
    let mut session = Session::<8>::new(SERIAL);
    session.input.set_dialect(Dialect::Term);
    let cases: &[(&[u8], &str, &[&str])] = &[
        (
            b"aX\x08b\x7f\x7f\x7f\x7fc\r",
            "aX\x08 \x08b\x08 \x08\x08 \x08c\r\n",
            &["term:c"],
        ),
        ("é\x7fü\n".as_bytes(), "é\x08 \x08ü\r\n", &["term:ü"]),
        (
            "漢\x7f\n".as_bytes(),
            "漢\x08 \x08\x08 \x08\r\n",
            &["term:"],
        ),
        (b"ab\x15c\r", "abc\r\n", &["redraw:", "term:c"]),
        (b"ab\x03", "ab^C\r\n", &["interrupt"]),
        (b"ab\x0c", "ab\x1b[H\x1b[2J", &["redraw:ab"]),
        (
            b"\x1b[A\x1bOBc\x04\x01\x06\r",
            "c\r\r\x1b[1C\r\n",
            &["redraw:c", "redraw:ab", "term:abc"],
        ),
        (b"\x04", "", &["logout"]),
        (b"123456789\x08\r", "12345678\x07\r\n", &["term:413 9/8"]),
        (
            b"123456789\x15a\r",
            "12345678\x07a\r\n",
            &["redraw:", "term:a"],
        ),
        (b"a\xFF\r", "a\x07\r\n", &["term:400"]),
        (b"a\xE9\r", "a\r\n", &["term:400"]),
    ];
    for (keys, echo, told) in cases {
        session.echo.clear();
        session.told.clear();
        session.send(keys);
        assert_eq!(session.told, *told, "{keys:?}");
        assert_eq!(session.echo, *echo, "{keys:?}");
    }
}

#[test]
fn a_first_line_is_echoed_without_a_prompt() {
    for (keys, echo) in [
        (&b"aX\x08b\r"[..], "aX\x08 \x08b\r\n"),
        (b"ab\x15c\r", "ab\r\x1b[Kc\r\n"),
        (b"ab\x03c\r", "ab^C\r\nc\r\n"),
        (b"a\tb\x0c\x04\x1b[D\x01\x10c\r", "a bc\r\n"),
    ] {
        let mut session = Session::<8>::new(SERIAL);
        session.send(&keys[..1]);
        session.wait(20);
        session.send(&keys[1..]);
        session.wait(20);
        assert_eq!(session.echo, echo, "{keys:?}");
    }
    let long = "x".repeat(200);
    let mut session = Session::<LINE_BYTES>::new(SERIAL);
    session.send(b"x");
    session.wait(20);
    session.send(&long.as_bytes()[1..]);
    assert_eq!(session.echo, long);
    session.echo.clear();
    session.send(&[0x08; 200]);
    assert_eq!(session.echo, "\x08 \x08".repeat(200));
}

#[test]
fn mode_and_forget_override_the_dialect() {
    let mut session = Session::<8>::new(SERIAL);
    session.send(b"a\n");
    session.input.set_dialect(Dialect::Term);
    session.send(b"b\r\n");
    session.input.set_dialect(Dialect::Plain);
    session.send(b"c\nd");
    session.input.forget();
    assert_eq!(session.input.dialect(), None);
    session.send(b"e\n");
    assert_eq!(session.told, ["plain:a", "term:b", "plain:c", "plain:e"]);
}

#[test]
fn millions_of_random_bytes_change_nothing() {
    for medium in [Medium::Stream, SERIAL] {
        let mut session = Session::<LINE_BYTES>::new(medium);
        // Xorshift (Marsaglia 2003), so that a failure repeats.
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        for _ in 0..250_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            session.send(&state.to_le_bytes());
            session.echo.clear();
            for told in session.told.drain(..) {
                let (dialect, line) = told.split_once(':').unwrap_or_default();
                let is_term = dialect == Dialect::Term.word();
                let dialect = if is_term {
                    Dialect::Term
                } else {
                    Dialect::Plain
                };
                let script = parse(line, Rules::new(ALL, dialect)).unwrap_or_default();
                let harmless = |step: &Step| is_term && step.command.level == Level::View;
                assert!(script.steps.iter().all(harmless), "{line:?}");
            }
        }
    }
}

fn medium() -> impl Strategy<Value = Medium> {
    prop_oneof![Just(Medium::Stream), Just(SERIAL)]
}

/// Bytes in which line ends, limits and control keys are frequent.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => prop::sample::select(&b"ab {@"[..]),
        3 => prop::sample::select(&b"\r\n\n\0"[..]),
        1 => prop::sample::select(&b"\x03\x04\x08\x0c\x10\x15\x1b[AD~\xC3\xA9"[..]),
        1 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..64)
}

proptest! {
    #[test]
    fn any_split_gives_the_same_lines(medium in medium(), bytes in stream(), cuts in any::<u64>()) {
        let mut whole = Session::<8>::new(medium);
        whole.send(&bytes);
        whole.end();
        let mut split = Session::<8>::new(medium);
        let mut from = 0;
        for to in 1..=bytes.len() {
            if cuts >> (to % 64) & 1 == 1 || to == bytes.len() {
                split.send(&bytes[from..to]);
                from = to;
            }
        }
        split.end();
        prop_assert_eq!(whole.told, split.told);
        prop_assert_eq!(whole.echo, split.echo);
    }

    #[test]
    fn a_script_line_arrives_as_sent_or_not_at_all(bytes in stream()) {
        let mut session = Session::<8>::new(Medium::Stream);
        session.send(b"\n");
        session.told.clear();
        // What a board says is passed over, and has a test of its own.
        let is_boards = |byte: &u8| matches!(byte, b'!' | b'|' | b'o' | b'e' | b'{');
        let bytes: Vec<_> = bytes.iter().map(|it| if is_boards(it) { b'a' } else { *it }).collect();
        session.send(&bytes);
        let sent = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        prop_assert_eq!(session.told.len(), sent.clone().count() - 1);
        for (told, sent) in session.told.iter().zip(sent) {
            let (_, text) = told.split_once(':').unwrap();
            let fit = sent.len() <= 8
                && std::str::from_utf8(sent).is_ok_and(|text| !text.chars().any(|c| c.is_control() && c != '\t'));
            prop_assert_eq!(fit, text.as_bytes() == sent, "{:?} {:?}", told, sent);
        }
        prop_assert!(session.echo.is_empty());
    }

    #[test]
    fn a_good_line_after_any_noise_arrives(medium in medium(), noise in stream()) {
        let mut session = Session::<8>::new(medium);
        session.send(b"\n");
        session.send(&noise.iter().copied().filter(|byte| *byte != b'\r').collect::<Vec<_>>());
        session.send(b"\nstatus\n");
        prop_assert_eq!(session.told.last().map(String::as_str), Some("plain:status"));
    }

    #[test]
    fn no_byte_panics(medium in medium(), bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let mut session = Session::<8>::new(medium);
        for byte in bytes {
            session.send(&[byte]);
            session.wait(u64::from(byte) / 8);
        }
        session.end();
    }
}
