//! The table of three ways to reset behind an acknowledgement, in simulated time.

use crate::cargo::root;
use anyhow::{Context, Result};
use lastword_tests::policies::{self, table};
use std::fs;

/// What to do with the figures.
#[derive(Clone, Copy)]
pub(crate) enum Show {
    /// Print what the README shows.
    Summary,
    /// Print every trial.
    All,
    /// Print what the README shows, and put it there.
    Write,
}

/// Tries every policy on every line, and shows what came of it.
pub(crate) fn run(show: Show) -> Result<()> {
    let trials = policies::run();
    let summary = table::readme(&trials);
    match show {
        Show::Summary => print!("{summary}"),
        Show::All => print!("{}", table::grid(&trials)),
        Show::Write => {
            print!("{summary}");
            write(&summary)?;
        }
    }
    Ok(())
}

fn write(summary: &str) -> Result<()> {
    let path = root().join("README.md");
    let readme = fs::read_to_string(&path).context("cannot read the README")?;
    let written = table::put(&readme, summary)
        .with_context(|| format!("the README has no {} and {}", table::BEGIN, table::END))?;
    fs::write(&path, written).context("cannot write the README")
}
