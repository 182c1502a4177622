//! The `lastword` command: a shell line asked from the desk, a proof of a reboot, a console.
//!
//! The modules are listed in the order a line travels: `arguments` become a line, it is parsed
//! by the shell's grammar and asked by `line` (a log that is `following` again and again) or, behind `--`, sent by `text_line`, the replies are written by a `report` and the
//! asides (console text, rungs) by `notes`. `lastword console`, the `objects` of a board's store, the `generation`s on the desk and the certificates of the `pki` go their own way.

mod arguments;
mod default_endpoint;
mod events;
mod own_words;
mod words;

mod following;
mod generation;
mod line;
mod objects;
mod pki;
mod text_line;

mod json;
mod notes;
mod report;
mod rollout_wait;
mod trouble;
mod user_cache;
mod user_config;

mod console;
mod proof;
mod raw_terminal;

mod signals;

use arguments::{Arguments, ReadCommand, Task};
use lastword_client::escape::escape;
use notes::Notes;
use std::ffi::OsString;
use std::process::ExitCode;

/// How the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// Done.
    Done = 0,
    /// The board said no, or the proof failed.
    No = 1,
    /// The board could not be reached, or stopped answering.
    Unreachable = 2,
    /// The command line is wrong.
    Usage = 3,
    /// Ctrl-C; the number, 128 and that of the signal, is the shells' custom.
    Interrupted = 130,
    /// SIGHUP, likewise.
    HungUp = 129,
    /// SIGTERM, likewise.
    Terminated = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(std::env::args_os()).await {
        // The board may have done it, but what it says is lost.
        Exit::Done if report::has_failed() => Exit::No.into(),
        exit => exit.into(),
    }
}

async fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let order = match Arguments::read(arguments) {
        Ok(ReadCommand::Board(order)) => order,
        Ok(ReadCommand::Desk(command, json)) => return generation::run(command, json).await,
        Ok(ReadCommand::Pki(command, json)) => return pki::run(&command, json),
        Err(error) => return usage(&error),
    };
    match order.task {
        Task::Console => console::run(&order.endpoint, order.take_over).await,
        Task::Put(ref file) => objects::put(&order, file).await,
        Task::Generation(ref command) => objects::generation(&order, command).await,
        Task::Get(hash, ref file) => objects::get(&order, hash, file.as_deref()).await,
        Task::Verbatim(ref line) if order.wait.is_none() && !line::can_be_asked(line) => {
            text_line::run(&order, line).await
        }
        Task::Line(ref line) | Task::Verbatim(ref line) => line::run(&order, line).await,
    }
}

/// Prints what is wrong with the command line; or the help, if that was asked for.
fn usage(error: &clap::Error) -> Exit {
    let text = error.render().to_string();
    let shown = escape(text.as_bytes());
    if error.use_stderr() && shown != text {
        // It quotes what a terminal would act on.
        Notes::default().line(shown.trim_end());
    } else {
        // Nobody to tell if neither stream can be written.
        let _ = error.print();
    }
    if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Done
    }
}
