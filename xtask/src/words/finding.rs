//! The rules that are counted, and a place that one of them counts.

use std::fmt;
use std::path::PathBuf;

/// A rule that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum CountRule {
    /// A type whose name is a single word.
    OneWordType,
    /// Another definition of a type's name.
    RepeatedType,
    /// A documentation text whose first word is relative or asks.
    DocOpening,
    /// A module whose imports lead back to it.
    ModuleCircle,
}

impl CountRule {
    pub(super) const ALL: [Self; 4] = [
        Self::OneWordType,
        Self::RepeatedType,
        Self::DocOpening,
        Self::ModuleCircle,
    ];

    /// Returns the rule's name in the file of committed counts.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::OneWordType => "one-word-types",
            Self::RepeatedType => "repeated-types",
            Self::DocOpening => "doc-openings",
            Self::ModuleCircle => "modules-in-circles",
        }
    }
}

/// One place that a rule counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CountedPlace {
    pub(super) rule: CountRule,
    /// The package's directory.
    pub(super) package: String,
    pub(super) file: PathBuf,
    pub(super) line: usize,
    /// Names the place without its line, so that it is known again when lines have moved.
    pub(super) subject: String,
    /// Tells a person what is wrong.
    pub(super) message: String,
}

impl fmt::Display for CountedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            message,
            ..
        } = self;
        write!(f, "{}:{line}: {message}", file.display())
    }
}
