//! `cargo xtask`: everything that a person or CI runs on this project.

mod bare_metal;
mod bench;
mod board;
mod cargo;
mod check;
mod cycle;
mod demo;
mod firmware;
mod fuzz;
mod last_word;
mod line;
mod lossy;
mod model;
mod no_std;
mod orders;
mod outside_programs;
mod policies;
mod power_cuts;
mod rollout_cuts;
mod services_kill;
mod siege;
mod size;
mod splice;
mod storage;
mod test;
mod tidy;
mod vectors;
mod witness;
mod words;

use clap::{Parser, Subcommand};
use policies::Show;
use std::process::ExitCode;

/// Project automation for lastword.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

/// A kind of virtual board.
#[derive(Clone, Copy, clap::ValueEnum)]
enum BoardKind {
    /// A kernel with the agent.
    Linux,
    /// A Cortex-M3 with firmware.
    Mcu,
}

#[derive(Subcommand)]
enum Task {
    /// Set everything up and show boards being rebooted: Linux over serial and over TCP, a
    /// microcontroller over its UART.
    Demo {
        /// Without a virtual board: a pseudo-terminal and the dry-run backend. Nothing reboots.
        #[arg(long)]
        no_vm: bool,
    },
    /// Run everything that CI runs.
    Test {
        /// Leave out what needs a virtual board.
        #[arg(long)]
        no_vm: bool,
    },
    /// Measure the figures that the project promises.
    Bench {
        /// Shorter rounds.
        #[arg(long)]
        quick: bool,
        /// What to measure; everything otherwise.
        #[arg(value_parser = [
            "tcp", "sessions", "codec", "parse", "transfer", "objects", "push", "follower", "rest", "services",
        ])]
        parts: Vec<String>,
    },
    /// Format, lints, `no_std` builds, documentation, tidiness.
    Check,
    /// Build the firmware for microcontrollers, and print where each binary is.
    Firmware,
    /// Reboot a virtual board over and over, and count acknowledgements that were lost.
    LastWord {
        /// Which kind of board.
        #[arg(long, value_enum, default_value_t = BoardKind::Linux)]
        board: BoardKind,
        /// How often over each kind of link.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        count: u32,
    },
    /// Ask over lines that lose, damage, repeat and delay, and count what ran how often.
    Lossy {
        /// Ask a virtual board of this kind, with a console on its line; the simulated agent
        /// otherwise.
        #[arg(long, value_parser = ["mcu"])]
        board: Option<String>,
        /// How many requests are to be answered: 100,000 otherwise, or 10,000 by a virtual board.
        #[arg(long, value_parser = clap::value_parser!(u64).range(100..))]
        requests: Option<u64>,
        /// Put and fetch so many objects instead, and read lists of events, while power requests go over another line
        /// of the same board.
        #[arg(long, conflicts_with_all = ["board", "requests"], value_parser = clap::value_parser!(u64).range(1..))]
        objects: Option<u64>,
        /// What the dice fall by; chance otherwise.
        #[arg(long)]
        seed: Option<u64>,
        /// Let one reply in so many answer another request, which has to be found out.
        #[arg(long, requires = "board", value_name = "ONE_IN",
              value_parser = clap::value_parser!(u64).range(1..))]
        planted: Option<u64>,
    },
    /// Send more lines than boards take, and look for any that runs and was not sent.
    Splice {
        /// The board that they are sent to; each kind in turn otherwise.
        #[arg(long, value_enum)]
        target: Option<splice::SpliceTarget>,
        /// The number of lines.
        #[arg(long, default_value_t = splice::LINES, value_parser = clap::value_parser!(u32).range(100..))]
        lines: u32,
        /// The seed of the dice; chance otherwise.
        #[arg(long)]
        seed: Option<u64>,
        /// Tell the board nothing of what was lost, which has to be found out.
        #[arg(long)]
        ignore_marks: bool,
    },
    /// Cut the power at every operation of what the agent keeps durable, on a simulated disk. Much faster as
    /// `cargo run --release --package xtask -- storage`.
    Storage {
        /// The seed of what is lost and torn; chance otherwise.
        #[arg(long)]
        seed: Option<u64>,
        /// Leave out each sync and each rename, one after the other, which has to be found out.
        #[arg(long)]
        mutants: bool,
    },
    /// Cut the power of a virtual board while objects are put into its store, and look for any that was
    /// acknowledged and is not there.
    PowerCuts {
        /// The number of cuts.
        #[arg(long, default_value_t = 200)]
        count: u32,
        /// The seed of the dice; chance otherwise.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Show each outcome of a rollout on a virtual board, then cut its power in the middle of others: it always runs one
    /// generation whole, and each rollout comes to its end.
    RolloutCuts {
        /// The number of cuts.
        #[arg(long, default_value_t = 50)]
        count: u32,
        /// The seed of the dice; chance otherwise.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Let two peers ask, take, cancel and die in every order. Much faster as
    /// `cargo run --release --package xtask -- orders`.
    Orders,
    /// Kill an agent over and over while its services write, and look for lost lines and restarts.
    ServicesKill {
        /// How often: 100 times otherwise, or 50 under load.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        count: Option<u32>,
        /// Nine services write without end, clients keep the agent busy, and the moment is chance.
        #[arg(long)]
        under_load: bool,
    },
    /// Explore the exchange of an agent and its controller in every order of its effects, and find planted defects.
    Model {
        /// Only what takes seconds, without a build of its own; a minute and a half otherwise, with 5 GB of memory.
        #[arg(long)]
        quick: bool,
    },
    /// Besiege an agent from all sides at once, beside a console and a power client that must not notice.
    Siege {
        /// How long.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=600))]
        minutes: u32,
        /// Plant a fault, which has to be found out.
        #[arg(long, value_enum)]
        inject: Option<siege::Inject>,
    },
    /// The other side of a siege, in a process of its own.
    #[command(hide = true)]
    SiegeLoad {
        /// The agent's TCP listener.
        address: String,
        /// The agent's Unix socket.
        socket: std::path::PathBuf,
        /// How long.
        seconds: u64,
    },
    /// Let a real systemd restart, kill and watch the agent in a virtual board.
    Systemd,
    /// Run the fuzz targets, one after the other.
    Fuzz(fuzz::Options),
    /// Measure what firmware takes of a microcontroller, beside its peers; fails over budget.
    Size {
        /// List the largest functions and constants of each.
        #[arg(long)]
        verbose: bool,
        /// Put the table into `BENCHMARKS.md`.
        #[arg(long)]
        write: bool,
        /// Leave out what needs a virtual board: how deep the stack goes.
        #[arg(long, conflicts_with = "write")]
        no_vm: bool,
    },
    /// List the names, documentation and modules that `check` counts.
    Words {
        /// Lower the committed counts to what is left; they are never raised.
        #[arg(long)]
        lower: bool,
    },
    /// Check the protocol's golden vectors on an emulated Cortex-M3.
    Vectors,
    /// Compare three ways to reset behind an acknowledgement, in simulated time.
    Policies {
        /// Show every trial.
        #[arg(long)]
        all: bool,
        /// Put the table into the README.
        #[arg(long, conflicts_with = "all")]
        write: bool,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Demo { no_vm } => demo::run(no_vm),
        Task::Test { no_vm } => test::run_all(no_vm),
        Task::Bench { quick, parts } => bench::run(quick, &parts),
        Task::Check => check::run_all(),
        Task::Firmware => firmware::run_builds(),
        Task::LastWord { board, count } => match board {
            BoardKind::Linux => last_word::run(count),
            BoardKind::Mcu => last_word::mcu::run(count),
        },
        Task::Lossy {
            board,
            requests,
            objects,
            seed,
            planted,
        } => match board {
            None if let Some(objects) = objects => lossy::objects(objects, seed),
            None => lossy::run(requests.unwrap_or(lossy::REQUESTS), seed),
            Some(_) => lossy::mcu::run(requests.unwrap_or(lossy::mcu::REQUESTS), seed, planted),
        },
        Task::Splice {
            target,
            lines,
            seed,
            ignore_marks,
        } => splice::run(target, lines, seed, ignore_marks),
        Task::PowerCuts { count, seed } => power_cuts::run(count, seed),
        Task::RolloutCuts { count, seed } => rollout_cuts::run(count, seed),
        Task::Storage { seed, mutants } => storage::run(seed, mutants),
        Task::Orders => {
            orders::run();
            Ok(())
        }
        Task::Systemd => test::run_systemd(),
        Task::Model { quick } => model::run(quick),
        Task::Siege { minutes, inject } => siege::run(siege::MINUTE * minutes, inject),
        Task::SiegeLoad {
            address,
            socket,
            seconds,
        } => siege::run_load(&address, &socket, std::time::Duration::from_secs(seconds)),
        Task::ServicesKill { count, under_load } => services_kill::run_for(count, under_load),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Size {
            verbose,
            write,
            no_vm,
        } => size::run(size::Show {
            verbose,
            write,
            no_vm,
        }),
        Task::Words { lower } => words::show(lower),
        Task::Vectors => vectors::run(),
        Task::Policies { all, write } => policies::run(policies_shown(all, write)),
    }
}

const fn policies_shown(all: bool, write: bool) -> Show {
    match (all, write) {
        (true, _) => Show::All,
        (false, true) => Show::Write,
        (false, false) => Show::Summary,
    }
}
