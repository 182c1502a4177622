//! A board's own words that come back are not answered.

use super::*;

#[test]
fn what_a_board_says_is_no_line_of_a_script_and_is_told_of_once() {
    let board = b"ok\nerr 404 unknown\n| 1 ok\n! 0 board state=up\n{\"id\":1,\"result\":1}\n";
    let mut session = Session::<LINE_BYTES>::new(Medium::Stream);
    session.send(b"\n");
    session.send(board);
    session.send(b"bad\n");
    session.send(board);
    assert_eq!(session.told, ["plain:", "echo", "plain:bad"]);
    session.input.forget();
    session.send(b"ok\n");
    assert_eq!(session.told.last().unwrap(), "echo");
}

#[test]
fn a_board_line_that_is_too_long_or_damaged_is_not_answered_either() {
    let long = format!("| 1 ok line=\"{}\"\n", "x".repeat(2 * LINE_BYTES));
    let mut session = Session::<LINE_BYTES>::new(Medium::Stream);
    session.send(b"\n");
    session.send(long.as_bytes());
    session.send(b"err 400 \xff\x01\n");
    assert_eq!(session.told, ["plain:", "echo"]);
}

#[test]
fn a_script_is_answered_however_many_bad_lines_it_sends() {
    let mut session = Session::<LINE_BYTES>::new(SERIAL);
    session.send(b"\n");
    for _ in 0..1_000 {
        session.send(b"bogus\n^~~ x\nlab7> x\n");
    }
    assert_eq!(session.told.len(), 3_001);
}

/// Returns a session whose echo comes back, in the dialect of people, with `answer` to each line, on a
/// line on which a byte takes `byte_ms`; before it, the number of bytes.
fn loops(first: &[u8], answer: &str, byte_ms: u64) -> (usize, Session<LINE_BYTES>) {
    let mut session = Session::<LINE_BYTES>::new(SERIAL);
    session.input.set_dialect(crate::Dialect::Term);
    session.input.set_name("lab7");
    session.echo.push_str(std::str::from_utf8(first).unwrap());
    let mut bytes = 0;
    while !session.echo.is_empty() && bytes < 100_000 {
        let back = std::mem::take(&mut session.echo);
        bytes += back.len();
        for byte in back.bytes() {
            let before = session.told.len();
            session.now = session.now.after(Millis(byte_ms));
            session.send(&[byte]);
            for told in &session.told[before..] {
                if told.starts_with("term:") {
                    session.echo.push_str(answer);
                    session.echo.push_str("lab7> ");
                } else if told == "echo" {
                    session.echo.push_str("\r\n! 0 line state=echo\r\n");
                }
            }
        }
    }
    (bytes, session)
}

#[test]
fn what_comes_back_to_a_person_ends_at_any_speed_and_the_next_is_heard() {
    let long = format!("{}\r\n", "x".repeat(LINE_BYTES - 10));
    // 1 Mbaud, 9600, 300 and 50 baud.
    let byte_times_ms = [0, 1, 33, 200];
    for first in [
        &b"lab7> "[..],
        b"\r\n",
        b"x",
        b"bogus\r\n",
        b"\r\rlab7> x\x1b[K",
        long.as_bytes(),
    ] {
        for answer in ["", "      ^~~~ unknown: x\r\n", "uptime: 1d\r\n", &long] {
            for byte_ms in byte_times_ms {
                let (bytes, mut session) = loops(first, answer, byte_ms);
                let case = format!("{first:?} {answer:?} {byte_ms} ms: {bytes}");
                assert!(bytes < 5_000, "{case}");
                session.now = session.now.after(Millis(1_000));
                session.told.clear();
                session.send(b"\nuptime\n");
                assert_eq!(session.told.last().unwrap(), "term:uptime", "{case}");
            }
        }
    }
}

/// A tty shows a control character as two others.
#[test]
fn a_bell_rings_once_for_a_line_too_long() {
    for dialect in [None, Some(crate::Dialect::Term)] {
        let mut session = Session::<8>::new(SERIAL);
        if let Some(dialect) = dialect {
            session.input.set_dialect(dialect);
        }
        session.send(b"x");
        session.wait(20);
        let mut bytes = 1;
        session.echo = "x".to_owned();
        while !session.echo.is_empty() && bytes < 10_000 {
            let back = std::mem::take(&mut session.echo).replace('\x07', "^G");
            bytes += back.len();
            session.send(back.as_bytes());
        }
        assert!(bytes < 100, "{dialect:?}: {bytes}");
    }
}

#[test]
fn a_person_who_pastes_a_prompt_is_answered() {
    let mut session = Session::<LINE_BYTES>::new(SERIAL);
    session.input.set_dialect(crate::Dialect::Term);
    session.send(b"lab7> uptime\rlab7> x\r");
    session.wait(3_000);
    session.send(b"lab7> y\ruptime\r");
    let told = ["lab7> uptime", "lab7> x", "lab7> y", "uptime"];
    assert_eq!(session.told, told.map(|line| format!("term:{line}")));
}

#[test]
fn a_first_line_is_echoed_as_late_as_its_ticks_come() {
    // Nobody has ticked between the first key, which stood alone, and the second.
    let mut late = Session::<LINE_BYTES>::new(SERIAL);
    late.send(b"u");
    late.now = late.now.after(Millis(100));
    late.send(b"pt");
    let mut ticked = Session::<LINE_BYTES>::new(SERIAL);
    ticked.send(b"u");
    ticked.wait(100);
    ticked.send(b"pt");
    assert_eq!(late.echo, "upt");
    assert_eq!(late.echo, ticked.echo);
}

#[test]
fn a_pause_behind_a_persons_line_counts_as_late_as_its_ticks_come() {
    // Nobody has ticked between the first line, which a lone CR ended, and the second.
    let mut session = Session::<LINE_BYTES>::new(SERIAL);
    session.send(b"lab7> x\r");
    session.now = session.now.after(Millis(5_000));
    session.send(b"lab7> y\rlab7> z\r");
    let told = ["lab7> x", "lab7> y", "lab7> z"];
    assert_eq!(session.told, told.map(|line| format!("term:{line}")));
}
