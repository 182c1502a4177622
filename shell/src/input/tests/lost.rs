//! Input that was lost: the line with the hole is refused wherever the hole is, and no other.

use super::*;

/// What a stream with holes, written as `%`, comes to. `|` lets 25 ms pass.
#[track_caller]
fn check(medium: Medium, stream: &str, expected: &[&str]) {
    let mut session = Session::<32>::new(medium);
    for part in stream.split_inclusive(['%', '|']) {
        session.send(part.trim_end_matches(['%', '|']).as_bytes());
        match part.as_bytes().last() {
            Some(b'%') => session.input.lost(),
            Some(b'|') => session.wait(25),
            _ => {}
        }
    }
    let told: Vec<_> = session
        .told
        .iter()
        .filter(|told| !told.starts_with("redraw"))
        .collect();
    assert_eq!(told, expected, "{stream:?} on {medium:?}");
}

#[test]
fn a_line_with_a_hole_is_refused_and_the_next_one_runs() {
    for medium in [SERIAL, Medium::Stream] {
        check(medium, "a\nb%b\nc\n", &["plain:a", "plain:429", "plain:c"]);
        // In front of its first byte, behind its last, and where two lines were joined.
        check(medium, "a\n%b\nc\n", &["plain:a", "plain:429", "plain:c"]);
        check(medium, "a\nb%\nc\n", &["plain:a", "plain:429", "plain:c"]);
        check(
            medium,
            "a\nb%%b%\nc\n",
            &["plain:a", "plain:429", "plain:c"],
        );
        // The first line: no dialect is decided.
        check(medium, "%a\nb\n", &["plain:429", "plain:b"]);
        check(medium, "a%\nb\n", &["plain:429", "plain:b"]);
        check(medium, "{\"a\"%:1}\n{}\n", &["json:429", "json:{}"]);
    }
}

#[test]
fn a_line_end_with_a_hole_in_it_ends_nothing_twice() {
    for medium in [SERIAL, Medium::Stream] {
        // Between CR and LF the LF may be another line's.
        check(
            medium,
            "a\r\nb\r%\nc\r\n",
            &["plain:a", "plain:429", "plain:c"],
        );
        check(medium, "b\r%\nc\n", &["plain:429", "plain:c"]);
        check(
            medium,
            "a\r|b\r%\nc\r",
            &["term:a", "term:b", "term:429", "term:c"],
        );
    }
    // What a CR has not opened yet is open no more: its LF may be what was lost.
    check(SERIAL, "a\r%b\nc\n", &["plain:429", "plain:c"]);
    check(
        SERIAL,
        "a\n\r%|b\nc\n",
        &["plain:a", "plain:429", "plain:c"],
    );
}

#[test]
fn a_person_s_line_with_a_hole_is_refused_whatever_is_typed_behind() {
    let refused = &["term:a", "term:429", "term:c"];
    check(SERIAL, "a\r|b%\rc\r", refused);
    for keys in ["\x15", "\x17", "\x1b[A", "\x10", "\t", "\x04", "\x1b%[A"] {
        check(SERIAL, &format!("a\r|%{keys}b\rc\r"), refused);
    }
    check(
        SERIAL,
        "a\r|%\x03b\rc\r",
        &["term:a", "interrupt", "term:429", "term:c"],
    );
    // In a paste, whose line ends are blanks.
    check(SERIAL, "a\r|\x1b[200~b%\rb\x1b[201~\rc\r", refused);
    check(SERIAL, "a\r|\x1b%[201~b\rc\r", refused);
}

#[test]
fn a_tag_is_told_only_if_all_of_it_came_before_the_hole() {
    check(SERIAL, "@7 b%\n", &["plain:429@7"]);
    check(SERIAL, "@7% b\n", &["plain:429"]);
    check(SERIAL, "@%7 b\n", &["plain:429"]);
    check(SERIAL, "%@7 b\n", &["plain:429"]);
    check(SERIAL, "@7 b%%\n", &["plain:429@7"]);
    check(SERIAL, "%@7 %b\n", &["plain:429"]);
    // Rubbed out and typed again behind the hole.
    check(SERIAL, "@7 b%\x08\x08\x08\x088 c\n", &["plain:429"]);
}

#[test]
fn what_looks_like_http_behind_a_hole_closes_nothing() {
    check(Medium::Stream, "GE%T /\na\n", &["plain:429", "plain:a"]);
}

#[test]
fn the_end_of_input_tells_no_tag_that_a_hole_has_made() {
    let mut session = Session::<32>::new(Medium::Stream);
    session.send(b"@7");
    session.input.lost();
    session.send(b"8 b");
    session.end();
    assert_eq!(session.told, ["plain:400"]);
}

#[test]
fn what_is_dropped_in_the_middle_of_a_line_spoils_it_and_between_two_nothing() {
    for (before, expected) in [
        ("a\nb", &["plain:a", "plain:429", "plain:c"][..]),
        ("a\nb\n", &["plain:a", "plain:b", "plain:b", "plain:c"]),
        ("a\r", &["term:a", "term:b"]),
    ] {
        let mut session = Session::<32>::new(SERIAL);
        session.send(before.as_bytes());
        session.input.dropped();
        session.wait(25);
        session.send(b"b\nc\n");
        assert_eq!(session.told[..expected.len()], *expected, "{before:?}");
    }
}

proptest! {
    /// Lines of a script with holes anywhere: whatever is read was sent as a line.
    #[test]
    fn what_is_read_was_sent_whole(
        numbers in prop::collection::vec(100_u32..100_000, 1..20),
        holes in prop::collection::vec((0_usize..200, 0_usize..20), 0..8),
        end in prop::sample::select(vec!["\n", "\r\n"]),
    ) {
        let lines: Vec<_> = numbers.iter().map(|number| format!("tally {number}")).collect();
        let sent = lines.join(end) + end;
        let mut session = Session::<32>::new(SERIAL);
        let mut at = 0;
        while at < sent.len() {
            if let Some((_, length)) = holes.iter().find(|(hole, _)| *hole == at) {
                session.input.lost();
                at += length + 1;
            } else {
                session.send(&sent.as_bytes()[at..=at]);
                at += 1;
            }
        }
        for told in &session.told {
            let is_sent = told.strip_prefix("plain:").is_some_and(|line| lines.iter().any(|it| it == line));
            prop_assert!(is_sent || told == "plain:429", "{told}");
        }
    }
}
