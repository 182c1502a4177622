//! The command line.

use crate::faults::Rates;
use clap::{Args, Parser};
use lastword_protocol::identity::NAME_BYTES;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A simulated board: lastword's responder for microcontrollers, as a process.
///
/// It ends with `power shutdown`, SIGINT or SIGTERM.
#[derive(Debug, Parser)]
#[command(name = "lastword-sim", version)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) line: Line,

    /// Listen on an address that is not loopback: whoever reaches it may do anything.
    #[arg(long, requires = "tcp")]
    pub(crate) allow_unauthenticated: bool,

    /// The speed of the line, in bits per second.
    #[arg(long, value_name = "N", default_value_t = 115_200,
          value_parser = clap::value_parser!(u32).range(50..=10_000_000))]
    pub(crate) baud: u32,

    /// What goes wrong on the line, each with its probability for a byte: drop, flip, duplicate,
    /// garbage, stall. Such as drop=1e-3,flip=1e-4.
    #[arg(
        long,
        value_name = "NAME=P,…",
        default_value = "drop=0",
        hide_default_value = true
    )]
    pub(crate) fault: Rates,

    /// What the faults fall by; any, and logged, if not given.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// The board's name.
    #[arg(long, value_name = "NAME", default_value = "sim", value_parser = name)]
    pub(crate) name: String,

    /// Keep the board's memory in this file, so that it outlives the process as it outlives a
    /// reset.
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,

    /// How long a reset takes, in milliseconds.
    #[arg(long, value_name = "N", default_value_t = 300,
          value_parser = clap::value_parser!(u64).range(..=60_000))]
    pub(crate) reset_ms: u64,

    /// Do everything but the reset.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Do not mark where the receiver has lost bytes: a fault that tests have to find.
    #[arg(long, hide = true)]
    pub(crate) ignore_marks: bool,
}

/// Where the line ends.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Line {
    /// Open a pseudo-terminal, and put a link to it at this path.
    #[arg(long, value_name = "PATH")]
    pub(crate) pty: Option<PathBuf>,

    /// Listen on this address for one peer at a time; port 0 is any, and logged.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) tcp: Option<SocketAddr>,
}

fn name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > NAME_BYTES {
        return Err(format!("a name has 1 to {NAME_BYTES} bytes"));
    }
    Ok(text.to_owned())
}
