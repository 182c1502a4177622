//! The power cut at every operation of what the agent keeps durable, on a simulated disk.

use crate::lossy::by_chance;
use anyhow::{Context, Result, ensure};
use lastword_tests::storage::{self, CAN_WATCH_TREES, LONG_EFFORT, MutantFate, SHORT_EFFORT};

/// Cuts, and tears what was not synced, as `seed` says, or as chance does; with `mutants`, leaves out each sync and
/// each rename, one after the other, and fails if nobody finds out.
pub(crate) fn run(seed: Option<u64>, mutants: bool) -> Result<()> {
    let seed = seed.unwrap_or_else(by_chance);
    println!("storage: seed {seed}");
    let mut report;
    if mutants {
        let all = storage::run_mutants(seed, SHORT_EFFORT, show_mutant);
        report = all.context("cannot read the agent's source")?;
        if CAN_WATCH_TREES {
            let of_trees = storage::run_tree_mutants(show_mutant);
            report.extend(of_trees.context("cannot read the agent's source")?);
        }
    } else {
        report = storage::run(seed, LONG_EFFORT, |subject, tally| {
            println!("{subject}: {tally}");
        });
        if CAN_WATCH_TREES {
            let of_trees = storage::run_trees();
            println!("trees: {of_trees}");
            report.extend(of_trees);
        }
    }
    if !CAN_WATCH_TREES {
        println!("trees: a release build cannot watch them; run it without --release");
    }
    for complaint in &report.complaints {
        println!("wrong: {complaint}");
    }
    println!("storage: {report}");
    let with_mutants = if mutants { " --mutants" } else { "" };
    ensure!(
        report.holds(),
        "reproduce it with `cargo xtask storage --seed {seed}{with_mutants}`"
    );
    Ok(())
}

fn show_mutant(family: &str, fate: &MutantFate) {
    match &fate.found_out {
        Some((subject, how)) => {
            let last = how.lines().last().unwrap_or_default();
            let last: String = last.chars().take(SHOWN_CHARS).collect();
            println!("{family}, without {}: red ({subject}: {last})", fate.site);
        }
        None => println!("{family}, without {}: SURVIVED", fate.site),
    }
}

/// The part that is shown of the way in which a mutant was found.
const SHOWN_CHARS: usize = 100;
