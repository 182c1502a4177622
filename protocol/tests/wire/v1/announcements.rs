//! The line that a board says unasked, as `WIRE.md` quotes it.

use super::{BOOT, text};
use lastword_protocol::announcement::{Announcement, AnnouncementReader};
use lastword_protocol::identity::{Cause, NAME_BYTES};
use lastword_protocol::{BootId, Text};

/// A board writes this line, and a host reads it.
#[track_caller]
fn check(name: &str, boot: BootId, cause: Cause, line: &str) {
    let name: Text<NAME_BYTES> = text(name);
    let announcement = Announcement { name, boot, cause };
    let mut written = String::new();
    announcement.write(&mut |piece| written.push_str(piece));
    assert_eq!(written, format!("\r\n{line}\r\n"));
    let mut reader = AnnouncementReader::new();
    let read: Vec<_> = written.bytes().filter_map(|it| reader.push(it)).collect();
    assert_eq!(read, [announcement]);
}

#[test]
fn a_bare_name() {
    check(
        "lab7",
        BOOT,
        Cause::Requested,
        "! 0 board state=up name=lab7 boot=00112233-4455-6677-8899-aabbccddeeff cause=requested crc=335e32f4",
    );
}

#[test]
fn a_quoted_name() {
    check(
        "B\u{fc}ro \"7\"",
        BOOT,
        Cause::PowerOn,
        r#"! 0 board state=up name="B\u{fc}ro \"7\"" boot=00112233-4455-6677-8899-aabbccddeeff cause=power_on crc=09a416ed"#,
    );
}
