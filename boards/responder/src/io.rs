//! Drivers: what moves a responder's bytes over `embedded-io`.
//!
//! | driver | reading | writing | the drain |
//! | --- | --- | --- | --- |
//! | [`poll`] | never waits | never waits | asks [`Drain::is_drained`] |
//! | [`turn`] | never waits | waits for the line | `flush()` |
//! | `run` (feature `async`) | awaits | awaits | awaits `flush()` |
//!
//! `flush()` has to mean what `embedded-io` says: everything has reached its destination, the byte
//! in the shift register too. A driver whose `flush` returns earlier loses last words.

//!
//! # Lost input
//!
//! A receiver that overruns has a hole in what it hands in. What stands on both sides of a hole must
//! not become one line, so the responder has to know where it is: it refuses the line and drops the
//! frame that the hole is in, and takes the next.
//!
//! [`poll`] asks [`Drain::take_line_event`] in front of each byte. A receive ring keeps the place as a
//! mark on the byte that is pushed next; a UART without one tells behind which byte its flag rose.
//! BREAKs have their place there, too.
//!
//! An error of `read` says that as well, but not where: HALs report an overrun in front of the bytes
//! that arrived before it, or in place of one. So everything that can be read from there on without
//! waiting is refused, each line and frame of it and the one that goes on or begins behind it. That is what
//! framing, noise and parity errors come to as well. Only an error whose
//! [`kind`](embedded_io::Error::kind) says that the other side is not there (`NotConnected`,
//! `BrokenPipe` and their like) is the end of the line. A HAL that drops bytes and tells nobody needs
//! another driver.

#[cfg(feature = "async")]
mod asynchronous;
mod blocking;
mod polling;

#[cfg(feature = "async")]
pub use asynchronous::run;
pub use blocking::turn;
pub use polling::{Drain, LineEvent, poll};

use crate::hardware::Board;
use crate::responder::Responder;
use crate::text::Text;
use embedded_io::{Error, ErrorKind, Read, ReadReady};
use lastword_protocol::Instant;

/// How many bytes are moved at a time.
const WINDOW_BYTES: usize = 16;

/// Returns whether a byte can be read without waiting.
fn is_ready<T: Text, U: ReadReady, const FRAME: usize, const REPLIES: usize>(
    responder: &mut Responder<T, FRAME, REPLIES>,
    line: &mut U,
    now: Instant,
) -> Result<bool, U::Error> {
    match line.read_ready() {
        Ok(true) => return Ok(true),
        Ok(false) => responder.caught_up(),
        Err(error) if is_loss(&error) => responder.lost_input_somewhere(now),
        Err(error) => return Err(error),
    }
    Ok(false)
}

/// Hands in the byte that can be read.
fn take<T: Text, U: Read, B: Board, const FRAME: usize, const REPLIES: usize>(
    responder: &mut Responder<T, FRAME, REPLIES>,
    line: &mut U,
    board: &mut B,
    now: Instant,
) -> Result<(), U::Error> {
    let mut byte = [0];
    match line.read(&mut byte) {
        Ok(0) => {}
        Ok(_) => responder.receive(now, byte[0], board),
        Err(error) if is_loss(&error) => responder.lost_input_somewhere(now),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Returns whether an error of a read says that input was lost, and not that the line is gone.
fn is_loss(error: &impl Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
            | ErrorKind::BrokenPipe
    )
}
