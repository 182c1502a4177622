//! `cargo xtask bench` builds what is measured and runs this.

use anyhow::Result;
use clap::{Parser, ValueEnum};
use lastword_bench::figure::{Figure, all_met};
use lastword_bench::machine::Machine;
use lastword_bench::page::page;
use lastword_bench::part::Part;
use lastword_bench::peer::Peer;
use lastword_bench::setting::Setting;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
enum Arguments {
    /// Measure lastword.
    Measure(Measure),
    /// Be a server that lastword is measured beside.
    Serve {
        /// Which.
        peer: Peer,
    },
}

#[derive(clap::Args)]
struct Measure {
    /// The agent, built for release.
    #[arg(long, value_name = "FILE")]
    agent: PathBuf,
    /// The agent as a board gets it.
    #[arg(long, value_name = "FILE")]
    board_agent: PathBuf,
    /// A service to be supervised.
    #[arg(long, value_name = "FILE")]
    service: PathBuf,
    /// The host's command.
    #[arg(long, value_name = "FILE")]
    lastword: PathBuf,
    /// The agent as a board gets it, built from the commit before.
    #[arg(long, value_name = "FILE")]
    older_agent: Option<PathBuf>,
    /// Where other supervisors are kept once they are downloaded.
    #[arg(long, value_name = "DIRECTORY")]
    peers: PathBuf,
    /// Shorter rounds.
    #[arg(long)]
    quick: bool,
    /// Write the page here as well.
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// What to measure; everything otherwise.
    parts: Vec<Part>,
}

fn main() -> ExitCode {
    let done = match Arguments::parse() {
        Arguments::Measure(measure) => run(measure),
        Arguments::Serve { peer } => serve(peer).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("lastword-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether every bar that counts was met.
fn run(arguments: Measure) -> Result<bool> {
    let setting = Setting {
        agent: arguments.agent,
        board_agent: arguments.board_agent,
        service: arguments.service,
        lastword: arguments.lastword,
        older_agent: arguments.older_agent,
        peers: arguments.peers,
        quick: arguments.quick,
    };
    let parts = match arguments.parts.as_slice() {
        [] => Part::value_variants(),
        selected => selected,
    };
    let mut measured = Vec::new();
    for part in parts {
        println!("== {}", part.title());
        let figures = part.measure(&setting)?;
        for figure in &figures {
            println!("{figure}");
        }
        measured.push((*part, figures));
    }
    if let Some(file) = arguments.page {
        fs::write(file, page(&Machine::this()?, &measured)?)?;
    }
    let figures = || measured.iter().flat_map(|(_, figures)| figures);
    let missed = figures().filter(|figure| figure.is_met() == Some(false));
    println!("bench: {} bars missed", missed.count());
    // A busy machine must not fail a quick run.
    let counts = |figure: &&Figure| !(setting.quick && figure.unit.is_of_time());
    Ok(all_met(figures().filter(counts)))
}

fn serve(peer: Peer) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(peer.serve())
}
