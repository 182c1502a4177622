//! The board as the responder wants it, for the firmware of ours that is measured.

#![no_std]

mod board;
mod line;
mod retained;
#[cfg(feature = "transfer")]
mod store;

pub use board::{ABOUT, Board};
pub use line::Line;

/// The longest frame on the wire.
pub const FRAME_BYTES: usize = 160;
/// How many replies are kept.
pub const REPLIES: usize = 1;
