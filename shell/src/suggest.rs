//! Suggestions for a mistyped word: they are shown, and never run.

use crate::table::Switch;
use crate::topic::Words;
use crate::word::Word;
use core::slice;
use heapless::String;

/// The most edits between a word and its suggestion.
const MAX_EDITS: u8 = 2;

/// The longest quoted word, in bytes, that is compared.
const MAX_BYTES: usize = 24;

/// The words that could have been meant.
#[derive(Clone, Debug)]
pub(crate) enum Candidates {
    /// Those of commands.
    Words(Words),
    /// Those of options.
    Options(slice::Iter<'static, Switch>),
}

impl Iterator for Candidates {
    type Item = &'static str;

    fn next(&mut self) -> Option<&'static str> {
        match self {
            Self::Words(words) => words.next(),
            Self::Options(options) => options.next().map(|option| option.name),
        }
    }
}

/// The one of `candidates` that is likely meant by `typed`: the only one that it begins, or else one
/// that is at most two edits (Damerau–Levenshtein, in bytes) away, and fewer than `typed` has bytes.
#[cfg(feature = "services")]
pub fn nearest<'c>(typed: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let typed = Some(typed).filter(|typed| !typed.is_empty())?;
    Likeness::of_text(typed, candidates).nearest()
}

/// What a mistyped word is like.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Likeness<'c> {
    /// How many of the candidates it begins.
    pub(crate) begun: usize,
    /// The first of those.
    first: Option<&'c str>,
    /// The candidate that the fewest edits lead to.
    near: Option<&'c str>,
}

impl Likeness<'static> {
    /// Compares `word` with each candidate.
    #[cold]
    pub(crate) fn of(word: Word<'_>, candidates: Candidates) -> Self {
        let mut room = String::<MAX_BYTES>::new();
        let Some(typed) = word.text(&mut room).filter(|typed| !typed.is_empty()) else {
            return Self::default();
        };
        Self::of_text(typed, candidates)
    }
}

impl<'c> Likeness<'c> {
    #[inline]
    fn of_text(typed: &str, candidates: impl Iterator<Item = &'c str>) -> Self {
        let mut likeness = Self::default();
        let mut fewest = MAX_EDITS + 1;
        for candidate in candidates {
            if candidate.starts_with(typed) {
                likeness.begun += 1;
                likeness.first.get_or_insert(candidate);
            }
            let edits = (0..fewest).find(|edits| {
                usize::from(*edits) < typed.len()
                    && is_within(*edits, typed.as_bytes(), candidate.as_bytes())
            });
            if let Some(edits) = edits {
                fewest = edits;
                likeness.near = Some(candidate);
            }
        }
        likeness
    }

    /// The only candidate that the word begins; `None` if there are several.
    pub(crate) fn only(self) -> Option<&'c str> {
        self.first.filter(|_| self.begun == 1)
    }

    /// The candidate nearest to the word: the only one that it begins, or else one that is at most
    /// two edits (Damerau–Levenshtein) away, and fewer than it has bytes.
    pub(crate) fn nearest(self) -> Option<&'c str> {
        self.only().or(self.near)
    }
}

/// Whether so many insertions, deletions, replacements and swaps of neighbours turn one into the
/// other, in bytes.
///
/// Calls itself at most `edits` deep: what both begin with takes none.
fn is_within(edits: u8, mut one: &[u8], mut other: &[u8]) -> bool {
    loop {
        let (Some((first, one_left)), Some((second, other_left))) =
            (one.split_first(), other.split_first())
        else {
            return one.len() + other.len() <= usize::from(edits);
        };
        if first != second {
            break;
        }
        (one, other) = (one_left, other_left);
    }
    let Some(edits) = edits.checked_sub(1) else {
        return false;
    };
    if let ([a, b, one @ ..], [c, d, other @ ..]) = (one, other)
        && (a, b) == (d, c)
        && is_within(edits, one, other)
    {
        return true;
    }
    let (one_left, other_left) = (behind_first(one), behind_first(other));
    is_within(edits, one_left, other_left)
        || is_within(edits, one_left, other)
        || is_within(edits, one, other_left)
}

fn behind_first(bytes: &[u8]) -> &[u8] {
    bytes.get(1..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, suggested: Option<&str>) {
        const fn option(name: &'static str) -> Switch {
            let (value, summary) = (None, "");
            Switch {
                name,
                value,
                summary,
            }
        }
        static OPTIONS: [Switch; 6] = [
            option("led"),
            option("reboot"),
            option("shutdown"),
            option("status"),
            option("cancel"),
            option("help"),
        ];
        let likeness = Likeness::of(Word::literal(typed), Candidates::Options(OPTIONS.iter()));
        assert_eq!(likeness.nearest(), suggested, "{typed:?}");
    }

    #[test]
    fn two_edits_are_near_and_three_are_not() {
        check("reboot", Some("reboot"));
        check("rebot", Some("reboot"));
        check("erboot", Some("reboot"));
        check("rbeoto", Some("reboot"));
        check("rbeotox", None);
        check("statsu", Some("status"));
        check("xx", None);
    }

    #[test]
    fn a_beginning_is_enough_if_it_is_unique() {
        check("c", Some("cancel"));
        check("shut", Some("shutdown"));
        check("reb", Some("reboot"));
        check("s", None);
        check("", None);
    }

    #[test]
    fn a_very_long_word_has_no_suggestion() {
        check(&"x".repeat(1_000), None);
    }

    #[test]
    fn edits_are_counted_the_same_both_ways() {
        for (one, other, count) in [
            ("", "ab", Some(2)),
            ("ab", "ba", Some(1)),
            ("abc", "cab", Some(2)),
            ("abcd", "badc", Some(2)),
            ("abc", "xyz", None),
        ] {
            let edits = |one: &str, other: &str| {
                let is_within = |edits: &u8| is_within(*edits, one.as_bytes(), other.as_bytes());
                (0..=MAX_EDITS).find(is_within)
            };
            assert_eq!(edits(one, other), count, "{one} {other}");
            assert_eq!(edits(other, one), count, "{other} {one}");
        }
    }
}
