//! Suggestions for a mistyped word: they are shown, and never run.

use crate::word::Word;

/// The most edits between a word and its suggestion.
const MAX_EDITS: u8 = 2;

/// The longest word, in bytes, that is compared.
const MAX_BYTES: usize = 24;

/// The candidate nearest to `word`: at most two edits (Damerau–Levenshtein) away and fewer than
/// it has bytes, or else the only one that `word` begins.
pub(crate) fn nearest(
    word: Word<'_>,
    candidates: impl Iterator<Item = &'static str> + Clone,
) -> Option<&'static str> {
    let typed = word.copy::<MAX_BYTES>().filter(|typed| !typed.is_empty())?;
    let near = candidates
        .clone()
        .filter_map(|candidate| Some((edits(&typed, candidate)?, candidate)))
        .filter(|(edits, _)| usize::from(*edits) < typed.len())
        .min_by_key(|(edits, _)| *edits);
    near.map(|(_, candidate)| candidate)
        .or_else(|| only_beginning_with(word, candidates))
}

/// The only candidate that `word` begins; `None` if there are several.
pub(crate) fn only_beginning_with(
    word: Word<'_>,
    candidates: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    let typed = word.copy::<MAX_BYTES>().filter(|typed| !typed.is_empty())?;
    let mut matching = candidates.filter(|candidate| candidate.starts_with(typed.as_str()));
    matching.next().filter(|_| matching.next().is_none())
}

/// How many insertions, deletions, replacements and swaps of neighbours turn one into the other,
/// in bytes; `None` if it takes more than [`MAX_EDITS`].
fn edits(typed: &str, candidate: &str) -> Option<u8> {
    let (typed, candidate) = (typed.as_bytes(), candidate.as_bytes());
    let apart = typed.len().abs_diff(candidate.len());
    if apart > usize::from(MAX_EDITS) || candidate.len() > MAX_BYTES {
        return None;
    }
    // Three rows of the usual table: the one before the last serves the swaps.
    let mut before = [0_u8; MAX_BYTES + 1];
    let mut above: [u8; MAX_BYTES + 1] = core::array::from_fn(|column| column.to_le_bytes()[0]);
    for (row, byte) in typed.iter().enumerate() {
        let mut current = [0_u8; MAX_BYTES + 1];
        current[0] = above[0] + 1;
        for (column, other) in candidate.iter().enumerate() {
            let replaced = above[column] + u8::from(byte != other);
            let mut best = replaced.min(above[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *byte == candidate[column - 1] && typed[row - 1] == *other {
                best = best.min(before[column - 1] + 1);
            }
            current[column + 1] = best;
        }
        before = core::mem::replace(&mut above, current);
    }
    Some(above[candidate.len()]).filter(|edits| *edits <= MAX_EDITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, suggested: Option<&str>) {
        let words = ["reboot", "shutdown", "status", "cancel", "help"];
        assert_eq!(
            nearest(Word::literal(typed), words.into_iter()),
            suggested,
            "{typed:?}"
        );
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
            assert_eq!(edits(one, other), count, "{one} {other}");
            assert_eq!(edits(other, one), count, "{other} {one}");
        }
    }
}
