//! Waiting for the line: for a board that has nothing else to do while it speaks.

use super::{WINDOW_BYTES, is_ready, take};
use crate::hardware::Board;
use crate::responder::Responder;
use crate::text::Text;
use embedded_io::{Read, ReadReady, Write};

/// Takes what has arrived, answers it, and sees the answer off. Call it in a loop.
///
/// It waits for the line while it writes, and in `flush` for an acknowledgement to leave. Where a
/// peer can hold the line for longer than the watchdog waits, use [`super::poll`]: a board that the
/// watchdog resets here has not had its last word.
///
/// # Errors
///
/// If the line is gone; what was staged has stood down.
pub fn turn<
    T: Text,
    U: Read + ReadReady + Write,
    B: Board,
    const FRAME: usize,
    const REPLIES: usize,
>(
    responder: &mut Responder<T, FRAME, REPLIES>,
    line: &mut U,
    board: &mut B,
) -> Result<(), U::Error> {
    board.feed();
    let moved = step(responder, line, board);
    if moved.is_err() {
        let now = board.now();
        responder.link_lost(now, board);
    }
    moved
}

fn step<
    T: Text,
    U: Read + ReadReady + Write,
    B: Board,
    const FRAME: usize,
    const REPLIES: usize,
>(
    responder: &mut Responder<T, FRAME, REPLIES>,
    line: &mut U,
    board: &mut B,
) -> Result<(), U::Error> {
    if responder.wants_input() {
        let now = board.now();
        if is_ready(responder, line, now)? {
            take(responder, line, board, now)?;
        }
    }
    let now = board.now();
    responder.tick(now, board);
    let mut room = [0; WINDOW_BYTES];
    loop {
        let now = board.now();
        let length = responder.output(now, &mut room, board);
        let Some(output) = room.get(..length).filter(|output| !output.is_empty()) else {
            break;
        };
        responder.sent(line.write(output)?);
        board.feed();
    }
    if responder.awaits_drain() {
        line.flush()?;
        let now = board.now();
        responder.drained(now, board);
    }
    Ok(())
}
