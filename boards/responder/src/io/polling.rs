//! Without waiting: for a main loop that has other things to do.

use super::{WINDOW_BYTES, is_ready, take};
use crate::hardware::Board;
use crate::responder::Responder;
use crate::text::Text;
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use lastword_protocol::Instant;

/// Something that happened on the way in, between two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEvent {
    /// Bytes are missing: the receiver overran, or some arrived damaged.
    InputLost,
    /// The line was held in the spacing state for longer than any byte takes: a BREAK.
    Break,
}

/// A UART that can tell, without waiting, whether everything has left, and where something happened
/// on the way in.
pub trait Drain: ErrorType {
    /// Whether every byte written has left, the one in the shift register too: where
    /// [`Write::flush`] would return at once.
    ///
    /// # Errors
    ///
    /// If the line is gone.
    fn is_drained(&mut self) -> Result<bool, Self::Error>;

    /// Takes the event that has its place behind the byte that was read last, and in front of the one
    /// that is read next; `None` if there is none, or if another byte comes first.
    ///
    /// [`poll`] asks once [`ReadReady`] has told that a byte waits, and before it reads that; and where
    /// none waits. Events at one place are taken one after the other; losses at one place are one.
    fn take_line_event(&mut self) -> Option<LineEvent> {
        None
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
    receive(responder, line, board, now)?;
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

/// Takes what has arrived, which is older than this turn. Not all of it: who goes on talking must not
/// keep time from passing.
fn receive<T: Text, U, B: Board, const FRAME: usize, const REPLIES: usize>(
    responder: &mut Responder<T, FRAME, REPLIES>,
    line: &mut U,
    board: &mut B,
    now: Instant,
) -> Result<(), U::Error>
where
    U: Read + ReadReady + Drain,
{
    for _ in 0..TURN_BYTES {
        if !responder.wants_input() {
            break;
        }
        // First: a byte that comes with an event from here on waits for the next time.
        let is_ready = is_ready(responder, line, now)?;
        match line.take_line_event() {
            Some(LineEvent::InputLost) => responder.lost_input(now),
            Some(LineEvent::Break) => responder.broken(),
            None if is_ready => take(responder, line, board, now)?,
            None => break,
        }
    }
    Ok(())
}
