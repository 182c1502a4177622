//! Writing numbers and text from elsewhere, without the weight of format strings.

use crate::out::Out;
use core::fmt;

/// Writes a number in decimal.
pub(crate) fn decimal(out: &mut dyn Out, number: u64) -> fmt::Result {
    let mut digits = [0_u8; 20];
    let mut rest = number;
    let mut start = digits.len();
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (rest % 10).to_le_bytes()[0];
        rest /= 10;
        start = place;
        if rest == 0 {
            break;
        }
    }
    out.text(core::str::from_utf8(&digits[start..]).unwrap_or_default())
}

/// Writes hundredths as a decimal fraction: 142 as `1.42`.
pub(crate) fn hundredths(out: &mut dyn Out, number: u32) -> fmt::Result {
    decimal(out, u64::from(number / 100))?;
    out.text(if number % 100 < 10 { ".0" } else { "." })?;
    decimal(out, u64::from(number % 100))
}

/// Writes bytes in hexadecimal.
pub(crate) fn hex(out: &mut dyn Out, bytes: &[u8]) -> fmt::Result {
    for byte in bytes {
        character(out, hex_digit(byte >> 4))?;
        character(out, hex_digit(byte & 0xF))?;
    }
    Ok(())
}

/// Writes 16 bytes as a UUID (RFC 9562, section 4).
pub(crate) fn uuid(out: &mut dyn Out, bytes: &[u8; 16]) -> fmt::Result {
    let mut from = 0;
    for to in [4, 6, 8, 10, 16] {
        if from > 0 {
            out.text("-")?;
        }
        hex(out, &bytes[from..to])?;
        from = to;
    }
    Ok(())
}

/// Writes text as one word of the grammar: as it is, or quoted and escaped where it has to be.
pub(crate) fn word(out: &mut dyn Out, text: &str) -> fmt::Result {
    let is_bare = |character: char| {
        character.is_alphanumeric() || matches!(character, '.' | '_' | '-' | '+' | ':' | '/' | '@')
    };
    if !text.is_empty() && text.chars().all(is_bare) {
        out.text(text)
    } else {
        quoted(out, text)
    }
}

/// Writes text as one quoted word of the grammar.
pub(crate) fn quoted(out: &mut dyn Out, text: &str) -> fmt::Result {
    out.text("\"")?;
    Quoting(out).text(text)?;
    out.text("\"")
}

/// Writes text for a person: control characters are escaped, the rest stands as it is.
pub(crate) fn shown(out: &mut dyn Out, text: &str) -> fmt::Result {
    text.chars().try_for_each(|shown| {
        if shown.is_control() {
            escape(out, shown)
        } else {
            character(out, shown)
        }
    })
}

/// Writes one character.
pub(crate) fn character(out: &mut dyn Out, character: char) -> fmt::Result {
    out.text(character.encode_utf8(&mut [0; 4]))
}

/// Escapes what is written through it, for the inside of double quotes.
pub(crate) struct Quoting<'a>(pub(crate) &'a mut dyn Out);

impl Out for Quoting<'_> {
    fn text(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|one| match one {
            '"' => self.0.text("\\\""),
            '\\' => self.0.text("\\\\"),
            control if control.is_control() => escape(self.0, control),
            other => character(self.0, other),
        })
    }
}

/// Writes a control character (all lie below U+0100) as the grammar reads it back.
fn escape(out: &mut dyn Out, control: char) -> fmt::Result {
    let byte = u32::from(control).to_le_bytes()[0];
    match control {
        '\n' => out.text("\\n"),
        '\t' => out.text("\\t"),
        _ if control.is_ascii() => {
            out.text("\\x")?;
            hex(out, &[byte])
        }
        _ => {
            out.text("\\u{")?;
            hex(out, &[byte])?;
            out.text("}")
        }
    }
}

const fn hex_digit(nibble: u8) -> char {
    let digit = if nibble < 10 {
        b'0' + nibble
    } else {
        b'a' + nibble - 10
    };
    digit as char
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::Cursor;
    use proptest::prelude::*;

    #[track_caller]
    fn check(expected: &str, write: impl FnOnce(&mut String) -> fmt::Result) {
        let mut out = String::new();
        write(&mut out).unwrap();
        assert_eq!(out, expected);
    }

    #[test]
    fn numbers_are_written_as_the_standard_library_does() {
        for number in [0, 9, 10, 65_535, u64::MAX] {
            check(&number.to_string(), |out| decimal(out, number));
        }
        check("0.00", |out| hundredths(out, 0));
        check("1.05", |out| hundredths(out, 105));
        check("42949672.95", |out| hundredths(out, u32::MAX));
        check("00ff1a", |out| hex(out, &[0, 255, 26]));
    }

    #[test]
    fn a_boot_id_is_written_as_the_protocol_does() {
        let bytes = core::array::from_fn(|index| index.to_le_bytes()[0] * 17);
        let boot = lastword_protocol::BootId(bytes);
        check(&boot.to_string(), |out| uuid(out, &bytes));
    }

    #[test]
    fn a_word_is_quoted_where_it_has_to_be() {
        check("dry-run", |out| word(out, "dry-run"));
        check("\"\"", |out| word(out, ""));
        check("\"a b\"", |out| word(out, "a b"));
        check(r#""\"\\\x1b\n\u{9b}""#, |out| word(out, "\"\\\x1b\n\u{9b}"));
        check("\"a=b\"", |out| word(out, "a=b"));
        check("a b\\x1b", |out| shown(out, "a b\x1b"));
    }

    proptest! {
        #[test]
        fn a_written_word_reads_back(text in any::<String>()) {
            let mut out = String::new();
            word(&mut out, &text).unwrap();
            prop_assert!(!out.chars().any(char::is_control));
            let read = Cursor::new(&out).word().unwrap().unwrap();
            prop_assert_eq!(read.raw.len(), out.len());
            prop_assert_eq!(read.chars().collect::<String>(), text);
        }
    }
}
