//! The crate embedded-cli, with all that it has: line editing (left, right, backspace), completion
//! of the first word, history, help from the commands' documentation, options parsed and checked.
//!
//! It has no machine mode (no frames, no checksum, no repeated request recognised), no suggestions
//! and no completion of options. A byte for which the line has no room is dropped without a word,
//! so that a line too long is run without its end.

#![no_std]
#![no_main]

mod power;

use core::convert::Infallible;
use cortex_m_rt::entry;
use embedded_cli::Command;
use embedded_cli::cli::{CliBuilder, CliHandle};
use power::Power;
use size_board::{HISTORY_BYTES, Job, LINE_BYTES, Uart, uptime_ms};
use ufmt::uwriteln;

/// What a command may answer to.
pub(crate) type Handle<'a> = CliHandle<'a, Uart, Infallible>;

#[derive(Command)]
enum Command<'a> {
    /// Say who the board is and which boot this is.
    Hello,
    /// Show uptime and what is staged.
    Status,
    /// Show how long the board is up.
    Uptime,
    /// Show what runs on the board.
    Version,
    /// Reboot or power off.
    Power {
        #[command(subcommand)]
        command: Power<'a>,
    },
}

#[entry]
fn main() -> ! {
    let mut uart = Uart::new();
    let Ok(mut cli) = CliBuilder::default()
        .writer(uart)
        .command_buffer([0; LINE_BYTES])
        .history_buffer([0; HISTORY_BYTES])
        .prompt("board1> ")
        .build();
    let mut job = Job::default();
    loop {
        if let Some(byte) = uart.try_read() {
            let mut run = Command::processor(|handle, command| run(handle, command, &mut job));
            let Ok(()) = cli.process_byte::<Command<'_>, _>(byte, &mut run);
        }
        job.poll(&mut uart);
    }
}

fn run(handle: &mut Handle<'_>, command: Command<'_>, job: &mut Job) -> Result<(), Infallible> {
    let out = handle.writer();
    match command {
        Command::Hello => uwriteln!(out, "kind=mcu name=board1 firmware=size-0.1.0"),
        Command::Status => {
            let is_staged = job.staged().is_some();
            uwriteln!(out, "uptime_ms={} staged={}", uptime_ms(), is_staged)
        }
        Command::Uptime => uwriteln!(out, "uptime_ms={}", uptime_ms()),
        Command::Version => uwriteln!(out, "firmware=size-0.1.0"),
        Command::Power { command } => command.run(handle, job),
    }
}
