//! `lastword-sim`: a simulated board. The same responder as on a microcontroller, on a simulated
//! UART whose far end is a pseudo-terminal or a TCP port.

mod application;
mod clock;
mod faults;
mod hardware;
mod lane;
mod machine;
mod memory;
mod options;
mod port;
mod serve;
mod uart;

use clap::Parser;
use options::Options;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// The command line is wrong.
const BAD_USAGE: u8 = 3;

fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => {
            // Printing can only fail if nobody reads.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { BAD_USAGE } else { 0 });
        }
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    match serve::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lastword-sim: {error:#}");
            ExitCode::FAILURE
        }
    }
}
