//! The crate menu with what it has by itself: echo, backspace, help, options by name, menus within
//! menus.
//!
//! It has no cursor movement, no history, no completion, no suggestions, no machine mode (no
//! frames, no checksum, no repeated request recognised); numbers are the application's to parse, an
//! option it does not know is an error, one given twice is not. To a byte for which the line has no
//! room it answers `Buffer overflow!`, and Enter runs what is there: a line too long is run without
//! its end.

#![no_std]
#![no_main]

mod items;

use cortex_m_rt::entry;
use items::ROOT;
use menu::Runner;
use size_board::{LINE_BYTES, Terminal, Uart};

#[entry]
fn main() -> ! {
    let mut line = [0; LINE_BYTES];
    let terminal = Terminal::new(Uart::new());
    let mut runner = Runner::new(ROOT, &mut line, terminal, &mut ());
    loop {
        let byte = runner.interface.read_byte();
        runner.input_byte(byte, &mut ());
    }
}
