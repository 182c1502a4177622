//! The crate menu with the line editor noline: to what menu has by itself come cursor movement, the
//! usual control keys and a history.
//!
//! It has no completion, no suggestions, no machine mode (no frames, no checksum, no repeated
//! request recognised). Before it takes a line it asks the terminal for its size and waits for the
//! answer. A byte for which the line has no room is dropped (it rings the bell), so that a line too
//! long is run without its end.

#![no_std]
#![no_main]

#[path = "../../menu/src/items.rs"]
mod items;

use cortex_m_rt::entry;
use items::ROOT;
use menu::Runner;
use noline::builder::EditorBuilder;
use size_board::{HISTORY_BYTES, LINE_BYTES, Terminal, Uart, reset};

#[entry]
fn main() -> ! {
    let mut line = [0; LINE_BYTES];
    let mut history = [0; HISTORY_BYTES];
    let mut terminal = Terminal::new(Uart::new());
    let built = EditorBuilder::from_slice(&mut line)
        .with_slice_history(&mut history)
        .build_sync(&mut terminal);
    let Ok(mut editor) = built else { reset() };
    let mut runner = Runner::new(ROOT, &mut editor, terminal, &mut ());
    loop {
        // ^C and ^D end a line with an error; the next one is new.
        let _ = runner.input_line(&mut ());
    }
}
