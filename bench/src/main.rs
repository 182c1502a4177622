//! `cargo xtask bench` builds what is measured and runs this.

use anyhow::Result;
use clap::{Parser, ValueEnum};
use lastword_bench::part::{Part, Setting};
use std::path::PathBuf;
use std::process::ExitCode;

/// Measures lastword.
#[derive(Parser)]
struct Arguments {
    /// The agent, built for release.
    #[arg(long, value_name = "FILE")]
    agent: PathBuf,
    /// The agent as a board gets it.
    #[arg(long, value_name = "FILE")]
    board_agent: PathBuf,
    /// Shorter rounds.
    #[arg(long)]
    quick: bool,
    /// What to measure; everything otherwise.
    parts: Vec<Part>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("lastword-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether every bar was met.
fn run(arguments: Arguments) -> Result<bool> {
    let setting = Setting {
        agent: arguments.agent,
        board_agent: arguments.board_agent,
        quick: arguments.quick,
    };
    let parts = match arguments.parts.as_slice() {
        [] => Part::value_variants(),
        selected => selected,
    };
    let mut met = true;
    for part in parts {
        println!("== {}", part.title());
        for figure in part.measure(&setting)? {
            println!("{figure}");
            met &= figure.is_met() != Some(false);
        }
    }
    Ok(met)
}
