//! Console text made safe to show: what a terminal would act on is spelled out.

use std::fmt::Write;

/// `bytes` with every control character but tab and line end, and whatever is not UTF-8, spelled
/// as `\x1b`. A return in front of a line end is left out.
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
                control if control.is_control() => spell(&mut shown, u32::from(control)),
                other => shown.push(other),
            }
        }
        for byte in chunk.invalid() {
            spell(&mut shown, u32::from(*byte));
        }
    }
    shown
}

fn spell(shown: &mut String, value: u32) {
    // Writing to a String cannot fail.
    let _ = write!(shown, "\\x{value:02x}");
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
        check("\u{9b}2J".as_bytes(), "\\x9b2J");
        check(b"a\rb\0", "a\\x0db\\x00");
    }

    #[test]
    fn what_is_not_utf8_is_spelled_out_byte_by_byte() {
        check(b"\xffok\xc3", "\\xffok\\xc3");
    }
}
