//! What a board says unasked, and how a host finds it.

use super::*;
use proptest::prelude::*;

fn announcement(name: &str) -> Announcement {
    Announcement {
        name: Text::try_from(name).unwrap(),
        boot: BootId([0xA5; 16]),
        cause: Cause::Requested,
    }
}

fn written(announcement: &Announcement) -> String {
    let mut line = String::new();
    announcement.write(&mut |text| line.push_str(text));
    line
}

/// What a reader finds among these bytes.
fn found(bytes: &[u8]) -> Vec<Announcement> {
    let mut reader = AnnouncementReader::new();
    bytes.iter().filter_map(|byte| reader.push(*byte)).collect()
}

#[track_caller]
fn check_name(name: &str, shown: &str) {
    let line = written(&announcement(name));
    let summed = format!(
        "! 0 board state=up name={shown} boot=a5a5a5a5-a5a5-a5a5-a5a5-a5a5a5a5a5a5 cause=requested"
    );
    let sum = checksum_of(&summed);
    assert_eq!(line, format!("\r\n{summed} crc={sum}\r\n"));
    assert_eq!(found(line.as_bytes()), [announcement(name)]);
}

fn checksum_of(text: &str) -> String {
    format!("{:08x}", crate::checksum::of_parts(&[text.as_bytes()]))
}

#[test]
fn a_name_is_written_as_a_value_of_a_plain_answer_in_printable_ascii() {
    check_name("lab7", "lab7");
    check_name("", "\"\"");
    check_name("lab 7", "\"lab 7\"");
    check_name("a\"b\\c", r#""a\"b\\c""#);
    check_name("a\n\u{11}\0", r#""a\u{0a}\u{11}\u{00}""#);
    check_name("b\u{fc}ro", r#""b\u{fc}ro""#);
    check_name("\u{1F600}\u{9b}", r#""\u{01f600}\u{9b}""#);
    check_name("! 0 board state=up", "\"! 0 board state=up\"");
    check_name("a crc=00000000", "\"a crc=00000000\"");
}

#[test]
fn the_longest_announcement_takes_as_many_bytes_as_it_may() {
    let name = "\u{1b}".repeat(NAME_BYTES);
    assert_eq!(written(&announcement(&name)).len(), ANNOUNCEMENT_BYTES);
}

#[test]
fn an_announcement_is_found_behind_whatever_stands_before_it_on_its_line() {
    let whole = written(&announcement("lab7"));
    let line = whole.trim();
    let (half, _) = line.split_at(40);
    let long = "x".repeat(3 * ANNOUNCEMENT_BYTES);
    for before in [
        "[    0.123456] uart: ready ",
        "\x1b[0m\x1b[2J",
        "! ",
        "! 0 board ",
        half,
        &line[..line.len() - 1],
        &long,
        "\u{fc}",
        "\0\x11\x13",
    ] {
        let bytes = format!("{before}{line}");
        assert_eq!(
            found(bytes.as_bytes()),
            [announcement("lab7")],
            "{before:?}"
        );
    }
}

#[test]
fn an_announcement_that_is_damaged_is_none() {
    let whole = written(&announcement("lab7"));
    let line = whole.trim();
    assert_eq!(found(line.as_bytes()).len(), 1);
    for place in 0..line.len() {
        for bit in 0..8 {
            let mut damaged = line.as_bytes().to_vec();
            damaged[place] ^= 1 << bit;
            // A digit in capitals says the same.
            let same = damaged.eq_ignore_ascii_case(line.as_bytes()) && place >= line.len() - 8;
            assert_eq!(found(&damaged).len(), usize::from(same), "{place} {bit}");
        }
        let mut cut = line.as_bytes().to_vec();
        cut.remove(place);
        assert_eq!(found(&cut), [], "{place}");
    }
}

#[test]
fn keys_that_are_not_known_are_passed_over() {
    let boot = "boot=a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5";
    for (fields, expected) in [
        (format!("name=lab7 {boot} cause=requested new=1"), true),
        (
            format!("new=\"a b=\\\"c\" cause=requested {boot} name=\"lab7\""),
            true,
        ),
        (format!("name=lab7 {boot} cause=lightning"), false),
        ("name=lab7 cause=requested".to_owned(), false),
    ] {
        let summed = format!("! 0 board state=up {fields}");
        let line = format!("{summed} crc={}", checksum_of(&summed));
        let found = found(line.as_bytes());
        assert_eq!(
            found == [announcement("lab7")],
            expected,
            "{line} {found:?}"
        );
    }
    let unknown = format!("! 0 board state=up {boot} cause=lightning");
    let line = format!("{unknown} crc={}", checksum_of(&unknown));
    assert_eq!(found(line.as_bytes())[0].cause, Cause::Unknown);
}

proptest! {
    #[test]
    fn a_written_announcement_reads_back(name in "\\PC{0,8}|.{0,8}", boot: [u8; 16]) {
        prop_assume!(name.len() <= NAME_BYTES);
        let told = Announcement { boot: BootId(boot), ..announcement(&name) };
        let line = written(&told);
        let inner = line.strip_prefix("\r\n").unwrap().strip_suffix("\r\n").unwrap();
        prop_assert!(inner.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{line:?}");
        prop_assert_eq!(found(line.as_bytes()), [told]);
    }

    #[test]
    fn whatever_is_read_nothing_panics_and_nothing_is_made_up(
        bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
    ) {
        prop_assert_eq!(found(&bytes), []);
    }
}
