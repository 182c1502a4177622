//! How a request is spelled in text.

/// The spelling of a request, and of its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// For scripts: `ok …` and `err …`, no echo, no prompt.
    Plain,
    /// For a person: prompt, echo, tables.
    Term,
    /// For programs: one JSON-RPC object a line.
    Json,
}

/// Whether people are served too: the feature `term`.
pub const HAS_TERM: bool = cfg!(feature = "term");

impl Dialect {
    /// Every dialect, in the order of [`Dialect::WORDS`].
    pub const ALL: [Self; 3] = [Self::Plain, Self::Term, Self::Json];

    /// The words for them.
    pub const WORDS: &'static [&'static str] = &["plain", "term", "json"];

    /// Whether it is for a person, and people are served.
    ///
    /// Asked wherever a person is served, so that a build without the feature `term` has nothing of
    /// all that.
    #[must_use]
    pub const fn is_term(self) -> bool {
        HAS_TERM && matches!(self, Self::Term)
    }

    /// The word for it, as `mode` takes it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_has_its_own_word() {
        let words = Dialect::ALL.map(Dialect::word);
        assert_eq!(words, ["plain", "term", "json"]);
    }
}
