//! Frames only: checked by a CRC with the session's nonce, typed requests and replies, each request
//! run at most once and its reply replayed, a power operation that fires once its acknowledgement
//! has left, a record of the last one, boots counted.
//!
//! Besides, objects into and out of a store in memory. Its SHA-256 is the hardware's: none is in here.
//!
//! No text: whatever is no frame is ignored.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use lastword_responder::io::poll;
use lastword_responder::{FramesOnly, Responder};
use size_hardware::{ABOUT, Board, FRAME_BYTES, Line, REPLIES};

#[entry]
fn main() -> ! {
    let mut line = Line::new();
    let mut board = Board::default();
    let mut responder = Responder::<_, FRAME_BYTES, REPLIES>::start(&ABOUT, FramesOnly, &mut board);
    loop {
        // This line never goes away: it has no error.
        let Ok(()) = poll(&mut responder, &mut line, &mut board);
    }
}
