//! What commands take: kinds of values, how they are read, and the arguments of one command.

use crate::out::Out;
use crate::pen::Pen;
use crate::topic::Topic;
use crate::word::Word;
use core::fmt;
use heapless::String;
use heapless::string::StringView;
#[cfg(feature = "services")]
use lastword_protocol::message::generation::{GENERATION_NAME_BYTES, GENERATION_NAME_BYTES_MIN};
#[cfg(feature = "services")]
use lastword_protocol::message::service::SERVICE_BYTES;
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
    /// The same, at most this long.
    #[cfg(feature = "services")]
    DurationUpTo(Millis),
    /// A boot id: 32 hexadecimal digits, dashes allowed.
    Boot,
    /// Text of at most so many bytes.
    Text {
        /// The most bytes.
        max: usize,
    },
    /// The name of a service; where `all`, an option stands for all of them.
    #[cfg(feature = "services")]
    Service {
        /// Whether there is that option.
        all: bool,
    },
    /// The name of a generation, or a beginning of it: hexadecimal digits.
    #[cfg(feature = "services")]
    Generation,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Some of these words, at most eight: takes the rest of the line.
    #[cfg(feature = "services")]
    AnyOf(&'static [&'static str]),
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
    /// Of [`Kind::Boot`]: what reads as one. The id itself would make every argument larger.
    Boot(Word<'a>),
    /// Of [`Kind::Text`], of a service and of a generation.
    Text(Word<'a>),
    /// Of [`Kind::OneOf`]: which one.
    Choice(usize),
    /// Of [`Kind::AnyOf`]: a bit for each word that is there, the first one's the lowest.
    #[cfg(feature = "services")]
    Choices(u8),
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
    pub fn read<'a>(&self, word: Word<'a>) -> Option<Argument<'a>> {
        // Longer than any number, span or boot id.
        let mut room = String::<QUOTED_BYTES>::new();
        Some(match self {
            Self::Integer { min, max } => {
                let number = integer(word.text(&mut room)?)?;
                Argument::Integer(Some(number).filter(|number| (min..=max).contains(&number))?)
            }
            Self::Duration => Argument::Duration(duration(word.text(&mut room)?)?),
            #[cfg(feature = "services")]
            Self::DurationUpTo(most) => {
                let span = duration(word.text(&mut room)?)?;
                Argument::Duration(Some(span).filter(|span| span <= most)?)
            }
            Self::Boot => {
                boot(word)?;
                Argument::Boot(word)
            }
            Self::Text { max } if *max < word.len() => return None,
            Self::Text { .. } => Argument::Text(word),
            #[cfg(feature = "services")]
            Self::Service { .. } if SERVICE_BYTES < word.len() => return None,
            #[cfg(feature = "services")]
            Self::Service { .. } => Argument::Text(word),
            #[cfg(feature = "services")]
            Self::Generation => {
                generation(word)?;
                Argument::Text(word)
            }
            Self::OneOf(words) => Argument::Choice(words.iter().position(|known| word.is(known))?),
            #[cfg(feature = "services")]
            Self::AnyOf(words) => {
                let index = words.iter().position(|known| word.is(known))?;
                Argument::Choices(1_u8.checked_shl(u32::try_from(index).ok()?)?)
            }
            Self::Topic => return None,
        })
    }

    /// Returns whether it takes the words behind the first, too.
    pub(crate) const fn takes_more(&self) -> bool {
        #[cfg(feature = "services")]
        if let Self::AnyOf(_) = self {
            return true;
        }
        false
    }

    /// The word that stands for it in help, such as `DURATION`.
    #[must_use]
    pub const fn placeholder(&self) -> &'static str {
        match self {
            Self::Integer { .. } => "N",
            Self::Duration => "DURATION",
            #[cfg(feature = "services")]
            Self::DurationUpTo(_) => "DURATION",
            Self::Boot => "BOOT",
            Self::Text { .. } => "TEXT",
            #[cfg(feature = "services")]
            Self::Service { .. } => "NAME",
            #[cfg(feature = "services")]
            Self::Generation => "GENERATION",
            Self::OneOf(_) => "WORD",
            #[cfg(feature = "services")]
            Self::AnyOf(_) => "WORD",
            Self::Topic => "COMMAND",
        }
    }

    /// Says what is expected, with the unit or the range.
    ///
    /// # Errors
    ///
    /// If `out` takes no more.
    pub fn describe(&self, out: &mut dyn Out) -> fmt::Result {
        let mut pen = Pen::on(out);
        self.show(&mut pen);
        pen.written()
    }

    pub(crate) fn show(&self, pen: &mut Pen<'_>) {
        match self {
            Self::Integer { min, max } => {
                pen.text("a whole number from ");
                pen.number(*min);
                pen.text(" to ");
                pen.number(*max);
            }
            Self::Duration => pen.text("a duration: 500ms, 30s, 5m, 2h"),
            #[cfg(feature = "services")]
            Self::DurationUpTo(most) => {
                pen.text("a duration of at most ");
                pen.span(most.0);
                pen.text(": 500ms, 30s, 5m");
            }
            Self::Boot => pen.text("a boot id: 32 hexadecimal digits"),
            Self::Text { max } => {
                pen.count("text of at most ", *max);
                pen.text(" bytes");
            }
            #[cfg(feature = "services")]
            Self::Service { all } => {
                pen.text("the name of a service from svc list");
                if *all {
                    pen.text(", or --all");
                }
            }
            #[cfg(feature = "services")]
            Self::Generation => {
                pen.text("a generation from gen list, or its first digits: ");
                pen.number(GENERATION_NAME_BYTES_MIN as u64);
                pen.text(" at least");
            }
            Self::OneOf(words) => {
                for (index, word) in words.iter().enumerate() {
                    pen.one_of(index, word);
                }
            }
            #[cfg(feature = "services")]
            Self::AnyOf(words) => {
                pen.text("some of ");
                for (index, word) in words.iter().enumerate() {
                    pen.text(if index == 0 { "" } else { ", " });
                    pen.text(word);
                }
            }
            Self::Topic => pen.text("a command"),
        }
    }
}

impl Arguments<'_> {
    /// Keeps a choice of some words together with one that was made before it.
    #[cfg(feature = "services")]
    pub(crate) const fn and_chosen(slot: &mut Option<Argument<'_>>, before: Option<Argument<'_>>) {
        if let (Some(Argument::Choices(bits)), Some(Argument::Choices(earlier))) = (slot, before) {
            *bits |= earlier;
        }
    }

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
            Some(Argument::Boot(word)) => boot(*word),
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

    /// Appends the text that the option at `index` holds; nothing if there is none, and as much of
    /// it as there is room for otherwise.
    pub fn say(&self, index: usize, text: &mut StringView) {
        if let Some(Some(Argument::Text(word))) = self.options.get(index) {
            word.say(text);
        }
    }
}

/// Reads a whole number, decimal or hexadecimal with `0x`. No signs.
fn integer(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => digits_of(digits, 16),
        None => digits_of(text, 10),
    }
}

/// Reads digits; `None` if there are none, or the number overflows.
fn digits_of(text: &str, radix: u32) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.bytes().try_fold(0_u64, |number, byte| {
        let digit = char::from(byte)
            .to_digit(16)
            .filter(|digit| *digit < radix)?;
        let number = number.checked_mul(u64::from(radix))?;
        number.checked_add(u64::from(digit))
    })
}

/// Reads a span with its unit; `None` if the unit is missing or the span overflows.
fn duration(text: &str) -> Option<Millis> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, unit) = text.split_at_checked(digits)?;
    let millis: u32 = match unit.as_bytes() {
        b"ms" => 1,
        b"s" => 1_000,
        b"m" => 60_000,
        b"h" => 3_600_000,
        _ => return None,
    };
    let number = digits_of(digits, 10)?;
    number.checked_mul(u64::from(millis)).map(Millis)
}

/// Returns how many digits a word has that may be the beginning of a generation's name; `None` if it is none.
#[cfg(feature = "services")]
fn generation(word: Word<'_>) -> Option<usize> {
    let mut room = String::<GENERATION_NAME_BYTES>::new();
    let digits = word.text(&mut room)?;
    let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let lengths = GENERATION_NAME_BYTES_MIN..=GENERATION_NAME_BYTES;
    (is_hexadecimal && lengths.contains(&digits.len())).then_some(digits.len())
}

#[inline(never)]
fn boot(word: Word<'_>) -> Option<BootId> {
    let mut room = String::<QUOTED_BYTES>::new();
    word.text(&mut room)?.parse().ok()
}

/// The longest word with quotes in it, in bytes, that is read as a number, a span, a boot id, or
/// one of several words.
const QUOTED_BYTES: usize = 40;

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
    #[cfg(feature = "services")]
    fn a_duration_may_have_a_limit() {
        let kind = Kind::DurationUpTo(Millis(60_000));
        for (text, millis) in [("0s", 0), ("1m", 60_000), ("60000ms", 60_000)] {
            check(kind, text, Some(Argument::Duration(Millis(millis))));
        }
        check(kind, "60001ms", None);
        check(kind, "0", None);
    }

    #[test]
    #[cfg(feature = "services")]
    fn a_generation_is_four_to_64_hexadecimal_digits() {
        let kind = Kind::Generation;
        let name = |text| Some(Argument::Text(Word::literal(text)));
        let (whole, longer) = ("a".repeat(64), "a".repeat(65));
        for text in ["00ff", "00FF", "0123456789abcdef", &whole] {
            check(kind, text, name(text));
        }
        for text in [
            "", "00f", &longer, "00fg", "0x00ff", "00 ff", "00ff-", "é00",
        ] {
            check(kind, text, None);
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
