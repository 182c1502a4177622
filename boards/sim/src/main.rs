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
use lastword_daemon::output::{complain, complain_of_usage};
use lastword_daemon::{log, panics, signals};
use lastword_shell::escape::Shown;
use options::Options;
use std::process::ExitCode;

/// The command line is wrong.
const BAD_USAGE: u8 = 3;

fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => {
            if !error.use_stderr() || !complain_of_usage(&error.render().to_string()) {
                // Printing can only fail if nobody reads.
                let _ = error.print();
            }
            return ExitCode::from(if error.use_stderr() { BAD_USAGE } else { 0 });
        }
    };
    let sink = match signals::unblock_all().and_then(|()| log::start()) {
        Ok(sink) => sink,
        Err(error) => {
            complain(format_args!("lastword-sim: cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    panics::end_the_process("lastword-sim", sink.clone(), || None);
    let ran = serve::run(options);
    if let Err(error) = &ran {
        let error = format!("{error:#}");
        sink.push(format!("lastword-sim: {}\n", Shown(&error)).as_bytes());
    }
    sink.flush();
    ran.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}
