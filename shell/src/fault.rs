//! What is wrong with a line, and where.

use crate::arguments::Kind;
use crate::out::Out;
use crate::tag::Tag;
use crate::topic::Topic;
use core::fmt;
use lastword_protocol::refusal::Code;

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
    Value(Kind),
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

impl Fault {
    #[cold]
    pub(crate) const fn new(code: Code, at: usize, len: usize, message: &'static str) -> Self {
        Self {
            code,
            at,
            len,
            message,
            want: Want::Nothing,
        }
    }

    pub(crate) const fn wanting(mut self, want: Want) -> Self {
        self.want = want;
        self
    }
}

impl Want {
    /// Writes it: a word, or a description such as `a duration: 500ms, 30s, 5m, 2h`.
    ///
    /// # Errors
    ///
    /// If `out` takes no more.
    pub fn write(self, out: &mut dyn Out) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Word(word) => out.text(word),
            Self::Value(kind) => kind.describe(out),
            Self::Below(topic) => {
                let mut words = topic.words();
                if let Some(first) = words.next() {
                    out.text("one of ")?;
                    out.text(first)?;
                }
                words.try_for_each(|word| {
                    out.text(", ")?;
                    out.text(word)
                })
            }
        }
    }
}
