//! The one line that a board says unasked: that it is up.
//!
//! It is text and nothing but text, because control bytes of a frame that nobody asked for stop
//! terminals (XOFF) and print garbage. People read it; a host finds it wherever it stands in a
//! stream of boot messages, and trusts it because it carries a checksum.

mod reader;

pub use reader::AnnouncementReader;

use crate::checksum::RunningChecksum;
use crate::digits;
use crate::identity::{Cause, NAME_BYTES};
use crate::units::{BootId, Text};

/// The longest announcement in bytes, line ends included: every byte of its name is escaped.
pub const ANNOUNCEMENT_BYTES: usize = LINE_END.len()
    + HEAD.len()
    + NAME_KEY.len()
    + NAME_BYTES * ESCAPE_BYTES
    + "\"\"".len()
    + BOOT_KEY.len()
    + UUID_BYTES
    + CAUSE_KEY.len()
    + CAUSE_BYTES
    + SUM_KEY.len()
    + SUM_DIGITS
    + LINE_END.len();

/// A board's words about itself, unasked. `S` holds its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement<S = Text<NAME_BYTES>> {
    /// The board's name, at most [`NAME_BYTES`] long.
    pub name: S,
    /// This boot.
    pub boot: BootId,
    /// The cause of the boot.
    pub cause: Cause,
}

impl<S: AsRef<str>> Announcement<S> {
    /// Writes the line, with a line end before it: what booted may have left its last line open.
    pub fn write(&self, write: &mut dyn FnMut(&str)) {
        write(LINE_END);
        let mut sum = RunningChecksum::begin();
        self.write_summed(&mut |text| {
            sum.add(text.as_bytes());
            write(text);
        });
        write(SUM_KEY);
        hexadecimal(&sum.finish().to_be_bytes(), write);
        write(LINE_END);
    }

    /// Writes what the checksum covers: from the exclamation mark to the blank before `crc=`.
    fn write_summed(&self, write: &mut dyn FnMut(&str)) {
        write(HEAD);
        write(NAME_KEY);
        write_word(self.name.as_ref(), write);
        write(BOOT_KEY);
        for (place, byte) in self.boot.0.iter().enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                write("-");
            }
            digits::hexadecimal(*byte, &mut *write);
        }
        write(CAUSE_KEY);
        write(self.cause.word());
    }
}

/// Writes text as one word of the shell's grammar, of printable ASCII only.
fn write_word(text: &str, write: &mut dyn FnMut(&str)) {
    let is_bare = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'_' | b'-' | b'+' | b':' | b'/' | b'@')
    };
    if !text.is_empty() && text.bytes().all(is_bare) {
        return write(text);
    }
    write("\"");
    let mut rest = text.chars();
    loop {
        let from = rest.as_str();
        let Some(character) = rest.next() else {
            break;
        };
        if matches!(character, ' '..='~') {
            if matches!(character, '"' | '\\') {
                write("\\");
            }
            // One byte: it is ASCII.
            write(from.get(..1).unwrap_or_default());
            continue;
        }
        write("\\u{");
        let bytes = u32::from(character).to_be_bytes();
        let first = bytes.iter().take_while(|byte| **byte == 0).count();
        // A NUL has a digit, too.
        hexadecimal(bytes.get(first.min(3)..).unwrap_or_default(), write);
        write("}");
    }
    write("\"");
}

fn hexadecimal(bytes: &[u8], write: &mut dyn FnMut(&str)) {
    for byte in bytes {
        digits::hexadecimal(*byte, &mut *write);
    }
}

const LINE_END: &str = "\r\n";
/// The beginning of an announcement: an event of the shell, of the topic `board`, with the number 0.
const HEAD: &str = "! 0 board state=up";
const NAME_KEY: &str = " name=";
const BOOT_KEY: &str = " boot=";
const CAUSE_KEY: &str = " cause=";
const SUM_KEY: &str = " crc=";
const SUM_DIGITS: usize = 8;
/// A boot id with its dashes.
const UUID_BYTES: usize = 36;
/// The longest word for a cause.
const CAUSE_BYTES: usize = "requested".len();
/// The most that one byte of a name takes: `\u{1b}`.
const ESCAPE_BYTES: usize = 6;

#[cfg(test)]
mod tests;
