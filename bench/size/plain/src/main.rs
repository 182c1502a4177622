//! Frames, and on the same line text for scripts: help, suggestions, errors with their place. A person
//! can type it too, in a terminal that echoes and edits lines by itself.
//!
//! The commands and their texts are those of `all`.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use lastword_responder::io::poll;
use lastword_responder::{Responder, Shell};
use lastword_shell::{Command, Table, commands};
use size_board::LINE_BYTES;
use size_hardware::{ABOUT, Board, FRAME_BYTES, Line, REPLIES};

static HELLO: Command = commands::hello(LINE_BYTES, 1);

const COMMANDS: Table = Table(&[
    &commands::HELP,
    &HELLO,
    &commands::STATUS,
    &commands::UPTIME,
    &commands::VERSION,
    &commands::MODE,
    &commands::LOGOUT,
    &commands::POWER_STATUS,
    &commands::POWER_REBOOT,
    &commands::POWER_SHUTDOWN,
    &commands::POWER_CANCEL,
    &commands::REBOOT,
    &commands::SHUTDOWN,
]);

type Side = Responder<Shell<LINE_BYTES, 0>, FRAME_BYTES, REPLIES>;

#[entry]
fn main() -> ! {
    let mut line = Line::new();
    let mut board = Board::default();
    let mut responder = start(&mut board);
    loop {
        // This line never goes away: it has no error.
        let Ok(()) = poll(&mut responder, &mut line, &mut board);
    }
}

/// Begins the boot. Apart from `main`, which never gives back the stack on which the shell is made
/// before it has its place.
#[inline(never)]
fn start(board: &mut Board) -> Side {
    Side::start(&ABOUT, Shell::new(COMMANDS, ABOUT.baud), board)
}
