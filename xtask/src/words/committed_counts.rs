//! The committed counts: one line `RULE PACKAGE NUMBER` for each that is not zero.

use super::finding::{CountRule, CountedPlace};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fmt;

/// The number of places that each rule counts in each package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RuleCounts(BTreeMap<(CountRule, String), usize>);

/// A count that is not the committed one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CountChange {
    pub(super) rule: CountRule,
    pub(super) package: String,
    pub(super) committed: usize,
    pub(super) found: usize,
}

impl RuleCounts {
    /// Counts places.
    pub(super) fn of(places: &[CountedPlace]) -> Self {
        let mut counts = Self::default();
        for place in places {
            *counts
                .0
                .entry((place.rule, place.package.clone()))
                .or_default() += 1;
        }
        counts
    }

    /// Reads the file of committed counts; `#` begins a comment.
    ///
    /// # Errors
    ///
    /// The line that is none.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let counts = lines.map(|line| count(line).with_context(|| format!("no count: {line}")));
        Ok(Self(counts.collect::<Result<_>>()?))
    }

    /// Returns the counts that differ from the committed ones.
    pub(super) fn changes_from(&self, committed: &Self) -> Vec<CountChange> {
        let keys: std::collections::BTreeSet<_> = self.0.keys().chain(committed.0.keys()).collect();
        let changes = keys.into_iter().map(|key| CountChange {
            rule: key.0,
            package: key.1.clone(),
            committed: committed.0.get(key).copied().unwrap_or_default(),
            found: self.0.get(key).copied().unwrap_or_default(),
        });
        changes
            .filter(|change| change.committed != change.found)
            .collect()
    }

    /// Returns these counts, each lowered to the other one where that is less.
    pub(super) fn lowered_to(&self, found: &Self) -> Self {
        let lowered = self.0.iter().map(|(key, number)| {
            let found = found.0.get(key).copied().unwrap_or_default();
            (key.clone(), (*number).min(found))
        });
        Self(lowered.filter(|(_, number)| *number > 0).collect())
    }

    /// Returns a rule's sum over all packages.
    pub(super) fn sum(&self, rule: CountRule) -> usize {
        let numbers = self.0.iter().filter(|((counted, _), _)| *counted == rule);
        numbers.map(|(_, number)| number).sum()
    }
}

impl fmt::Display for RuleCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|((rule, package), number)| {
            writeln!(f, "{} {package} {number}", rule.name())
        })
    }
}

impl fmt::Display for CountChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            package,
            committed,
            found,
        } = self;
        write!(
            f,
            "{} in {package}: {found}, committed {committed}",
            rule.name()
        )
    }
}

fn count(line: &str) -> Result<((CountRule, String), usize)> {
    let words: Vec<_> = line.split_whitespace().collect();
    let [rule, package, number] = words.as_slice() else {
        anyhow::bail!("not three words");
    };
    let rule = CountRule::ALL
        .into_iter()
        .find(|known| known.name() == *rule);
    let rule = rule.context("unknown rule")?;
    Ok(((rule, (*package).to_owned()), number.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(text: &str) -> RuleCounts {
        RuleCounts::parse(text).unwrap()
    }

    #[track_caller]
    fn check(found: &str, committed: &str, expected: &[&str]) {
        let changes = counts(found).changes_from(&counts(committed));
        let changes: Vec<_> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(changes, expected, "{found:?} {committed:?}");
    }

    #[test]
    fn a_count_that_rose_and_one_that_fell_are_changes() {
        let committed = "# Comment.\n\none-word-types a 2\ndoc-openings b/c 3\n";
        check("doc-openings b/c 3\none-word-types a 2", committed, &[]);
        check(
            "doc-openings b/c 2\none-word-types a 3",
            committed,
            &[
                "one-word-types in a: 3, committed 2",
                "doc-openings in b/c: 2, committed 3",
            ],
        );
    }

    #[test]
    fn a_package_without_a_line_has_none() {
        check(
            "repeated-types new 1",
            "",
            &["repeated-types in new: 1, committed 0"],
        );
        check(
            "",
            "repeated-types old 1",
            &["repeated-types in old: 0, committed 1"],
        );
    }

    #[test]
    fn counts_are_lowered_and_never_raised() {
        let committed = counts("one-word-types a 2\none-word-types b 2\none-word-types c 1");
        let found = counts("one-word-types a 1\none-word-types b 3\none-word-types d 1");
        let lowered = committed.lowered_to(&found).to_string();
        assert_eq!(lowered, "one-word-types a 1\none-word-types b 2\n");
    }

    #[test]
    fn a_line_that_is_no_count_is_an_error() {
        for text in ["one-word-types a", "vague a 1", "one-word-types a -1"] {
            assert!(RuleCounts::parse(text).is_err(), "{text}");
        }
    }
}
