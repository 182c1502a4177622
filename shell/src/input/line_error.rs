//! Why a line is refused before anybody reads it.

use lastword_protocol::refusal::Code;

/// Why a line is not fit to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineError {
    /// It is over the limit.
    TooLong {
        /// Its bytes.
        got: usize,
        /// The most bytes.
        max: usize,
    },
    /// It has control characters.
    Control,
    /// It is not UTF-8.
    NotUtf8,
    /// The input ended within it.
    Incomplete,
    /// Bytes of it were lost: they came faster than they were taken, or arrived damaged.
    Lost,
}

impl LineError {
    /// The kind of it, as on the wire.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::TooLong { .. } => Code::TooLong,
            Self::Control | Self::NotUtf8 | Self::Incomplete => Code::Syntax,
            Self::Lost => Code::SlowDown,
        }
    }

    /// What is wrong, in a few words.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::TooLong { .. } => "line too long",
            Self::Control => "control characters in the line",
            Self::NotUtf8 => "the line is not UTF-8",
            Self::Incomplete => "the input ended within the line",
            Self::Lost => "input was lost; send the line again, slower",
        }
    }
}
