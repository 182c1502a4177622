//! The power cut at every operation of what the agent keeps durable, on a simulated disk.

use crate::lossy::by_chance;
use anyhow::{Context, Result, ensure};
use lastword_tests::storage::{self, LONG_EFFORT, SHORT_EFFORT};

/// Cuts, and tears what was not synced, as `seed` says, or as chance does; with `mutants`, leaves out each sync and
/// each rename, one after the other, and fails if nobody finds out.
pub(crate) fn run(seed: Option<u64>, mutants: bool) -> Result<()> {
    let seed = seed.unwrap_or_else(by_chance);
    println!("storage: seed {seed}");
    let report = if mutants {
        storage::run_mutants(seed, SHORT_EFFORT, |family, fate| match &fate.found_out {
            Some((subject, how)) => {
                let last = how.lines().last().unwrap_or_default();
                let last: String = last.chars().take(SHOWN_CHARS).collect();
                println!("{family}, without {}: red ({subject}: {last})", fate.site);
            }
            None => println!("{family}, without {}: SURVIVED", fate.site),
        })
        .context("cannot read the agent's source")?
    } else {
        storage::run(seed, LONG_EFFORT, |subject, tally| {
            println!("{subject}: {tally}");
        })
    };
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

/// The part that is shown of the way in which a mutant was found.
const SHOWN_CHARS: usize = 100;
