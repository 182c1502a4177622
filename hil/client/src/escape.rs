//! Console text made safe to show: what a terminal would act on is spelled out.

use lastword_shell::escape::{Shown, is_hidden};
use std::fmt::Write;

/// Returns `bytes` with every hidden character but tab and line end, and whatever is not UTF-8, spelled out
/// as [`Shown`] does. A return in front of a line end is left out.
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let text = chunk.valid();
        for (at, character) in text.char_indices() {
            let ends_line = character == '\r' && text[at + 1..].starts_with('\n');
            match character {
                '\n' | '\t' => shown.push(character),
                '\r' if ends_line => {}
                hidden if is_hidden(hidden) => {
                    // Writing to a String cannot fail.
                    let _ = write!(shown, "{}", Shown(hidden.encode_utf8(&mut [0; 4])));
                }
                other => shown.push(other),
            }
        }
        for byte in chunk.invalid() {
            // Nor can this.
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], shown: &str) {
        assert_eq!(escape(bytes), shown, "{bytes:?}");
    }

    #[test]
    fn text_is_shown_as_it_is() {
        check("a\tb\r\ngrün\n".as_bytes(), "a\tb\ngrün\n");
    }

    #[test]
    fn what_a_terminal_acts_on_is_spelled_out() {
        check(b"\x1b[2J", "\\x1b[2J");
        check("\u{9b}2J".as_bytes(), "\\u{9b}2J");
        check("a\u{202e}b\u{2028}".as_bytes(), "a\\u{202e}b\\u{2028}");
        check(b"a\rb\0", "a\\x0db\\x00");
    }

    #[test]
    fn what_is_not_utf8_is_spelled_out_byte_by_byte() {
        check(b"\xffok\xc3", "\\xffok\\xc3");
    }
}
