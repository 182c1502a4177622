//! What commands take: kinds of values, how they are read, and the arguments of one command.

use crate::out::Out;
use crate::topic::Topic;
use crate::word::Word;
use core::fmt;
use heapless::String;
use lastword_protocol::{BootId, Millis};

/// The most arguments that any command takes by position.
pub const MAX_POSITIONALS: usize = 2;
/// The most options that any command has.
pub const MAX_OPTIONS: usize = 7;

/// What an argument holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number, decimal or with `0x`, in this range (both ends included).
    Integer {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// A span of time with its unit: `500ms`, `30s`, `5m`, `2h`.
    Duration,
    /// A boot id: 32 hexadecimal digits, dashes allowed.
    Boot,
    /// Text of at most so many bytes.
    Text {
        /// The most bytes.
        max: usize,
    },
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// The words of a command or of a group: takes the rest of the line.
    Topic,
}

/// An argument as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Argument<'a> {
    /// An option without a value is there.
    Flag,
    /// Of [`Kind::Integer`].
    Integer(u64),
    /// Of [`Kind::Duration`].
    Duration(Millis),
    /// Of [`Kind::Boot`].
    Boot(BootId),
    /// Of [`Kind::Text`].
    Text(Word<'a>),
    /// Of [`Kind::OneOf`]: which one.
    Choice(usize),
    /// Of [`Kind::Topic`].
    Topic(Topic),
}

/// The arguments of one command, in the order of its table entry.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arguments<'a> {
    /// Those taken by position.
    pub positionals: [Option<Argument<'a>>; MAX_POSITIONALS],
    /// Those taken by name.
    pub options: [Option<Argument<'a>>; MAX_OPTIONS],
}

impl Kind {
    /// Reads `word`; `None` if it is not of this kind. A topic is not one word and never is.
    #[must_use]
    #[inline]
    pub fn read(self, word: Word<'_>) -> Option<Argument<'_>> {
        // Longer than any number, span or boot id.
        let mut room = String::<40>::new();
        Some(match self {
            Self::Integer { min, max } => {
                let number = integer(word.text(&mut room)?)?;
                Argument::Integer(Some(number).filter(|number| (min..=max).contains(number))?)
            }
            Self::Duration => Argument::Duration(duration(word.text(&mut room)?)?),
            Self::Boot => Argument::Boot(word.text(&mut room)?.parse().ok()?),
            Self::Text { max } if max < word.len() => return None,
            Self::Text { .. } => Argument::Text(word),
            Self::OneOf(words) => Argument::Choice(words.iter().position(|known| word.is(known))?),
            Self::Topic => return None,
        })
    }

    /// The word that stands for it in help, such as `DURATION`.
    #[must_use]
    pub const fn placeholder(self) -> &'static str {
        match self {
            Self::Integer { .. } => "N",
            Self::Duration => "DURATION",
            Self::Boot => "BOOT",
            Self::Text { .. } => "TEXT",
            Self::OneOf(_) => "WORD",
            Self::Topic => "COMMAND",
        }
    }

    /// Says what is expected, with the unit or the range.
    ///
    /// # Errors
    ///
    /// If `out` takes no more.
    pub fn describe(self, out: &mut dyn Out) -> fmt::Result {
        match self {
            Self::Integer { min, max } => {
                out.text("a whole number from ")?;
                crate::text::decimal(out, min)?;
                out.text(" to ")?;
                crate::text::decimal(out, max)
            }
            Self::Duration => out.text("a duration: 500ms, 30s, 5m, 2h"),
            Self::Boot => out.text("a boot id: 32 hexadecimal digits"),
            Self::Text { max } => {
                out.text("text of at most ")?;
                crate::text::decimal(out, max as u64)?;
                out.text(" bytes")
            }
            Self::OneOf(words) => {
                out.text("one of")?;
                words.iter().enumerate().try_for_each(|(index, word)| {
                    out.text(if index == 0 { " " } else { ", " })?;
                    out.text(word)
                })
            }
            Self::Topic => out.text("a command"),
        }
    }
}

impl Arguments<'_> {
    /// Whether no option is given.
    #[must_use]
    pub fn has_no_options(&self) -> bool {
        self.options.iter().all(Option::is_none)
    }

    /// Whether the option without a value at `index` is given.
    #[must_use]
    pub fn flag(&self, index: usize) -> bool {
        matches!(self.options.get(index), Some(Some(_)))
    }

    /// The number that the option at `index` holds.
    #[must_use]
    pub fn integer(&self, index: usize) -> Option<u64> {
        match self.options.get(index)? {
            Some(Argument::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// The span that the option at `index` holds.
    #[must_use]
    pub fn duration(&self, index: usize) -> Option<Millis> {
        match self.options.get(index)? {
            Some(Argument::Duration(span)) => Some(*span),
            _ => None,
        }
    }

    /// The boot id that the option at `index` holds.
    #[must_use]
    pub fn boot(&self, index: usize) -> Option<BootId> {
        match self.options.get(index)? {
            Some(Argument::Boot(boot)) => Some(*boot),
            _ => None,
        }
    }

    /// The text that the option at `index` holds.
    #[must_use]
    pub fn text<const N: usize>(&self, index: usize) -> Option<String<N>> {
        match self.options.get(index)? {
            Some(Argument::Text(word)) => word.copy(),
            _ => None,
        }
    }
}

/// Reads a whole number, decimal or hexadecimal with `0x`. No signs.
fn integer(text: &str) -> Option<u64> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    if digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// Reads a span with its unit; `None` if the unit is missing or the span overflows.
fn duration(text: &str) -> Option<Millis> {
    let unit_at = text.bytes().position(|byte| !byte.is_ascii_digit())?;
    let (digits, unit) = text.split_at_checked(unit_at)?;
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    if digits.is_empty() {
        return None;
    }
    let number = digits.bytes().try_fold(0_u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })?;
    number.checked_mul(millis).map(Millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: Kind, text: &str, read: Option<Argument<'_>>) {
        assert_eq!(kind.read(Word::literal(text)), read, "{kind:?} {text:?}");
    }

    #[test]
    fn integers_are_decimal_or_hexadecimal_and_in_range() {
        let kind = Kind::Integer { min: 1, max: 255 };
        check(kind, "0", None);
        check(kind, "1", Some(Argument::Integer(1)));
        check(kind, "255", Some(Argument::Integer(255)));
        check(kind, "256", None);
        check(kind, "0xFf", Some(Argument::Integer(255)));
        for text in [
            "",
            "0x",
            "+1",
            "-1",
            "0x+1",
            "1_0",
            "1.0",
            "99999999999999999999",
        ] {
            check(kind, text, None);
        }
    }

    #[test]
    fn a_duration_has_a_unit() {
        let span = |millis| Some(Argument::Duration(Millis(millis)));
        check(Kind::Duration, "500ms", span(500));
        check(Kind::Duration, "30s", span(30_000));
        check(Kind::Duration, "5m", span(300_000));
        check(Kind::Duration, "2h", span(7_200_000));
        for text in [
            "",
            "30",
            "s",
            "30 s",
            "30S",
            "-1s",
            "1.5s",
            "1m30s",
            "18446744073709551615s",
        ] {
            check(Kind::Duration, text, None);
        }
    }

    #[test]
    fn text_is_measured_in_bytes() {
        let kind = Kind::Text { max: 4 };
        let text = |text| Some(Argument::Text(Word::literal(text)));
        check(kind, "", text(""));
        check(kind, "éé", text("éé"));
        check(kind, "ééx", None);
    }

    #[test]
    fn a_choice_is_one_of_the_words() {
        let kind = Kind::OneOf(&["plain", "term"]);
        check(kind, "term", Some(Argument::Choice(1)));
        check(kind, "te", None);
    }
}
