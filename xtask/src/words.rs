//! Counts of what the house style forbids: types named in one word or defined twice, documentation that opens
//! with a relative or a question, circles of modules.
//!
//! The counts are committed and may only fall: new code is in line from the start, old code when it is met.

mod committed_counts;
mod doc_openings;
mod finding;
mod module_circles;
mod module_graph;
mod module_imports;
mod module_paths;
mod new_places;
mod readings;
mod source_tree;
mod type_names;

use crate::cargo::root;
use anyhow::{Context, Result, ensure};
use committed_counts::RuleCounts;
use finding::{CountRule, CountedPlace};
use std::fs;

/// The file of committed counts.
const COUNTS_FILE: &str = "xtask/words.txt";
/// The most places that are shown of a count that rose.
const SHOWN_PLACES: usize = 20;

/// Holds the counts against the committed ones.
///
/// # Errors
///
/// A count rose, or fell without its number.
pub(crate) fn check() -> Result<()> {
    let places = find_places()?;
    let changes = RuleCounts::of(&places).changes_from(&committed()?);
    if changes.is_empty() {
        return Ok(());
    }
    // Without a history to look at, a person has only the whole list.
    let before = places_when_committed().unwrap_or_default();
    for change in &changes {
        eprintln!("words: {change}");
        if change.found < change.committed {
            eprintln!(
                "    lower the number to {}: `cargo xtask words --lower`",
                change.found
            );
            continue;
        }
        let new = new_places::find(&before, &places, change.rule, &change.package);
        for place in new.iter().take(SHOWN_PLACES) {
            eprintln!("    {place}");
        }
        if new.len() > SHOWN_PLACES {
            eprintln!(
                "    and {} more: `cargo xtask words`",
                new.len() - SHOWN_PLACES
            );
        }
    }
    anyhow::bail!("{} counts differ from {COUNTS_FILE}", changes.len())
}

/// Lowers the committed numbers to those of the tree, or lists what they count.
pub(crate) fn show(lower: bool) -> Result<()> {
    if lower { self::lower() } else { list() }
}

/// Prints every place that counts, and the sums.
fn list() -> Result<()> {
    let places = find_places()?;
    for place in &places {
        println!("{place}");
    }
    let counts = RuleCounts::of(&places);
    print!("\n{counts}\n");
    for rule in CountRule::ALL {
        println!("{} in all: {}", rule.name(), counts.sum(rule));
    }
    Ok(())
}

/// Lowers the committed counts to what is left.
///
/// # Errors
///
/// A count rose: it stays, and is an error of [`check`].
fn lower() -> Result<()> {
    let found = RuleCounts::of(&find_places()?);
    let text = read_counts()?;
    let head = text.lines().take_while(|line| line.starts_with('#'));
    let head: String = head.flat_map(|line| [line, "\n"]).collect();
    let lowered = RuleCounts::parse(&text)?.lowered_to(&found);
    fs::write(root().join(COUNTS_FILE), format!("{head}{lowered}"))?;
    let risen = found.changes_from(&lowered);
    ensure!(
        risen.is_empty(),
        "{} counts rose: `cargo xtask check` shows where",
        risen.len()
    );
    Ok(())
}

fn find_places() -> Result<Vec<CountedPlace>> {
    readings::find_places(&source_tree::read_working_tree()?)
}

/// Finds what counted when the counts were last committed.
fn places_when_committed() -> Result<Vec<CountedPlace>> {
    let commit = source_tree::git(&["log", "-1", "--format=%H", "--", COUNTS_FILE])?;
    readings::find_places(&source_tree::read_commit(commit.trim())?)
}

fn committed() -> Result<RuleCounts> {
    RuleCounts::parse(&read_counts()?).context(COUNTS_FILE)
}

fn read_counts() -> Result<String> {
    fs::read_to_string(root().join(COUNTS_FILE))
        .with_context(|| format!("cannot read {COUNTS_FILE}"))
}
