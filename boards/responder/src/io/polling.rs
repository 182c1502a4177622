//! Without waiting: for a main loop that has other things to do.

use super::WINDOW_BYTES;
use crate::hardware::Board;
use crate::responder::Responder;
use crate::text::Text;
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};

/// A transmitter that can tell, without waiting, whether everything has left.
pub trait Drain: ErrorType {
    /// Whether every byte written has left, the one in the shift register too: where
    /// [`Write::flush`] would return at once.
    ///
    /// # Errors
    ///
    /// If the line is gone.
    fn is_drained(&mut self) -> Result<bool, Self::Error>;

    /// Whether the receiver lost bytes since this was last asked.
    fn has_lost_input(&mut self) -> bool {
        false
    }
}

/// How many bytes are taken in a turn at most.
const TURN_BYTES: usize = 64;

/// Does what can be done without waiting. Call it often: each turn of a main loop.
///
/// # Errors
///
/// If the line is gone; what was staged has stood down.
pub fn poll<T: Text, U, B: Board, const FRAME: usize, const REPLIES: usize>(
    responder: &mut Responder<T, FRAME, REPLIES>,
    line: &mut U,
    board: &mut B,
) -> Result<(), U::Error>
where
    U: Read + ReadReady + Write + WriteReady + Drain,
{
    board.feed();
    let moved = turn(responder, line, board);
    if moved.is_err() {
        let now = board.now();
        responder.link_lost(now, board);
    }
    moved
}

fn turn<T: Text, U, B: Board, const FRAME: usize, const REPLIES: usize>(
    responder: &mut Responder<T, FRAME, REPLIES>,
    line: &mut U,
    board: &mut B,
) -> Result<(), U::Error>
where
    U: Read + ReadReady + Write + WriteReady + Drain,
{
    let now = board.now();
    if line.has_lost_input() {
        responder.lost_input();
    }
    // What has arrived is older than this turn. Not all of it: who goes on talking must not keep
    // time from passing.
    for _ in 0..TURN_BYTES {
        if !responder.wants_input() || !line.read_ready()? {
            break;
        }
        let mut byte = [0];
        if line.read(&mut byte)? > 0 {
            responder.receive(now, byte[0], board);
        }
    }
    responder.tick(now, board);
    let mut room = [0; WINDOW_BYTES];
    while line.write_ready()? {
        let length = responder.output(now, &mut room, board);
        let Some(output) = room.get(..length).filter(|output| !output.is_empty()) else {
            break;
        };
        responder.sent(line.write(output)?);
    }
    if responder.awaits_drain() && line.is_drained()? {
        responder.drained(now, board);
    }
    Ok(())
}
