//! What is wrong with a line, and where.

use crate::arguments::Kind;
use crate::out::Out;
use crate::pen::Pen;
use crate::tag::Tag;
use crate::topic::Topic;
use crate::word::Word;
use core::cell::Cell;
use core::fmt;
use lastword_protocol::refusal::Code;
use lastword_protocol::words;

/// Why a line was not understood; nothing of it ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError<'a> {
    /// The line as sent.
    pub line: &'a str,
    /// Its tag, if that much could be read.
    pub tag: Option<Tag>,
    /// What is wrong, and where.
    pub fault: Fault,
}

/// One thing wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind of it, as on the wire.
    pub code: Code,
    /// The byte column in the line as sent, counted from 0.
    pub at: usize,
    /// The bytes that are wrong; 0 where something is missing.
    pub len: usize,
    /// What is wrong, in a few words.
    pub message: &'static str,
    /// What would have been right.
    pub want: Want,
}

/// What would have been right. A suggestion: it never runs by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// There is nothing to suggest.
    Nothing,
    /// This word, perhaps.
    Word(&'static str),
    /// A value of this kind.
    Value(&'static Kind),
    /// One of the words below this one.
    Below(Topic),
}

impl ParseError<'_> {
    /// The text that is wrong; empty where something is missing.
    #[must_use]
    pub fn got(&self) -> &str {
        let Fault { at, len, .. } = self.fault;
        self.line.get(at..at + len).unwrap_or_default()
    }
}

impl fmt::Display for ParseError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fault.message)?;
        if !self.got().is_empty() {
            f.write_str(": ")?;
            f.write_str(self.got())?;
        }
        Ok(())
    }
}

impl core::error::Error for ParseError<'_> {}

macro_rules! flaws {
    ($($name:ident = $code:ident, $message:literal;)*) => {
        /// Everything that can be wrong with a line.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Flaw { $($name,)* }

        impl Flaw {
            /// What it is on the wire.
            const fn code(self) -> Code {
                match self { $(Self::$name => Code::$code,)* }
            }

            /// What it is in a few words.
            const fn message(self) -> &'static str {
                words::nth(concat!($($message, "\n"),*), self as usize)
            }
        }
    };
}

flaws! {
    UnexpectedCharacter = Syntax, "unexpected character";
    UnterminatedQuote = Syntax, "unterminated quote";
    BadEscape = Syntax, "bad escape";
    BadTag = Syntax, "a tag is @ and 1 to 8 letters, digits, - or _";
    MissingCommand = Syntax, "missing command";
    IncompleteCommand = Syntax, "incomplete command";
    MissingArgument = Syntax, "missing argument";
    OneTooMany = Syntax, "one argument too many";
    NeedsValue = Syntax, "needs a value";
    TakesNoValue = Syntax, "takes no value";
    GivenTwice = Syntax, "given twice";
    Unknown = Unknown, "unknown";
    Ambiguous = Unknown, "ambiguous";
    BadValue = BadValue, "bad value";
    NotLast = BadValue, "has to be the last command";
    TooManyCommands = TooLong, "more than 4 commands";
    Filter = NotHere, "filters are not available";
}

/// Where it is written down what is wrong with a line, so that the result of every step on the
/// way need not have room for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blame<'a>(pub(crate) &'a Cell<Option<Fault>>);

/// A line is wrong: how, is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed;

impl Blame<'_> {
    /// Writes down what is wrong with `len` bytes at byte column `at`.
    #[cold]
    pub(crate) fn flaw(self, flaw: Flaw, at: usize, len: usize) -> Failed {
        self.flaw_wanting(flaw, at, len, Want::Nothing)
    }

    /// Writes down what is wrong, and what would have been right.
    #[cold]
    pub(crate) fn flaw_wanting(self, flaw: Flaw, at: usize, len: usize, want: Want) -> Failed {
        self.0.set(Some(Fault {
            code: flaw.code(),
            at,
            len,
            message: flaw.message(),
            want,
        }));
        Failed
    }

    /// As [`Blame::flaw_wanting`], of a word.
    #[cold]
    pub(crate) fn word(self, flaw: Flaw, word: Word<'_>, want: Want) -> Failed {
        self.flaw_wanting(flaw, word.at(), word.raw.len(), want)
    }
}

impl Want {
    /// Writes it: a word, or a description such as `a duration: 500ms, 30s, 5m, 2h`.
    ///
    /// # Errors
    ///
    /// If `out` takes no more.
    pub fn write(self, out: &mut dyn Out) -> fmt::Result {
        let mut pen = Pen::on(out);
        self.show(&mut pen);
        pen.written()
    }

    pub(crate) fn show(self, pen: &mut Pen<'_>) {
        match self {
            Self::Nothing => {}
            Self::Word(word) => pen.text(word),
            Self::Value(kind) => kind.show(pen),
            Self::Below(topic) => {
                for (index, word) in topic.words().enumerate() {
                    pen.one_of(index, word);
                }
            }
        }
    }
}
