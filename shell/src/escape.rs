//! Text that somebody else has chosen, made safe to show and to send: what a terminal, an editor or a reader
//! of logs would act on is spelled out.
//!
//! There are two spellings: [`Shown`] for text that goes to people, wherever they read it, and [`JsonSafe`]
//! for JSON, which reads back as the same text.

use core::fmt::{self, Display, Formatter, Write};

/// Whether a character is not shown as itself: a control character (C0, DEL, C1 with U+0085 and U+009B), one
/// that turns the direction of text (UAX #9), or a line or paragraph separator.
#[must_use]
pub const fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\0'..='\x1f'
            | '\x7f'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

/// Shows text on one line: a hidden character as the grammar spells it, `\n`, `\t`, `\x1b` or `\u{202e}`.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(pub &'a str);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        spell(self.0, f, |hidden, f| match hidden {
            '\n' => f.write_str("\\n"),
            '\t' => f.write_str("\\t"),
            '\0'..='\x7f' => write!(f, "\\x{:02x}", u32::from(hidden)),
            '\u{80}'..='\u{ff}' => write!(f, "\\u{{{:x}}}", u32::from(hidden)),
            other => write!(f, "\\u{{{:04x}}}", u32::from(other)),
        })
    }
}

/// Shows JSON text with every hidden character of its strings as `\u202e`. What is not in a string holds
/// none but blanks, which are left as they are.
#[derive(Clone, Copy, Debug)]
pub struct JsonSafe<'a>(pub &'a str);

impl Display for JsonSafe<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        spell(self.0, f, |hidden, f| match hidden {
            '\n' | '\r' | '\t' => f.write_char(hidden),
            other => write!(f, "\\u{:04x}", u32::from(other)),
        })
    }
}

fn spell(
    text: &str,
    f: &mut Formatter<'_>,
    mut hide: impl FnMut(char, &mut Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(is_hidden) {
        let (plain, behind) = rest.split_at(at);
        f.write_str(plain)?;
        let mut characters = behind.chars();
        if let Some(hidden) = characters.next() {
            hide(hidden, f)?;
        }
        rest = characters.as_str();
    }
    f.write_str(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_or_a_reader_acts_on_is_spelled_out_for_people() {
        for (text, shown) in [
            ("grün \u{1f980} a\u{200d}b", "grün \u{1f980} a\u{200d}b"),
            ("\x1b[2J\x07\x08\x7f", "\\x1b[2J\\x07\\x08\\x7f"),
            ("a\nb\tc\rd", "a\\nb\\tc\\x0dd"),
            ("\u{9b}2J\u{85}", "\\u{9b}2J\\u{85}"),
            (
                "a\u{202e}b\u{2066}c\u{200f}\u{61c}",
                "a\\u{202e}b\\u{2066}c\\u{200f}\\u{061c}",
            ),
            ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"),
        ] {
            assert_eq!(Shown(text).to_string(), shown);
        }
    }

    #[test]
    fn in_json_it_is_spelled_as_json_does() {
        let text = "{\"a\": \"\u{9b}2J\u{202e}\u{2028}\u{2029}\u{85}\x7fü\\u001b\"}\n";
        let safe = "{\"a\": \"\\u009b2J\\u202e\\u2028\\u2029\\u0085\\u007fü\\u001b\"}\n";
        assert_eq!(JsonSafe(text).to_string(), safe);
    }

    #[test]
    fn every_character_that_a_terminal_acts_on_is_hidden() {
        for character in (0..=0x0010_FFFF).filter_map(char::from_u32) {
            let bidirectional = [
                0x61c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067,
                0x2068, 0x2069,
            ];
            let is_one = character.is_control()
                || [0x2028, 0x2029].contains(&u32::from(character))
                || bidirectional.contains(&u32::from(character));
            assert_eq!(is_hidden(character), is_one, "{character:?}");
        }
    }
}
