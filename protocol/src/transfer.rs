//! Objects that arrive whole: the engine of both ends of a transfer, whatever the line between them
//! loses, damages, repeats or reorders.
//!
//! A request ([`crate::message::TransferRequest`]) opens a transfer. From there on one end cuts the
//! object into [`ObjectPiece`]s and the other grants room for them with [`PieceCredit`]s:
//! [`TransferSender`] decides which piece goes next, [`TransferReceiver`] says of each that arrives
//! what to do with it. Neither touches a byte of the object, so that a file, flash or memory will do,
//! and neither computes its hash: its owner reads the object back before anybody uses it.
//!
//! Everything in a credit is absolute, so that copies, and credits that overtook each other, are
//! harmless. `WIRE.md` specifies the frames.

mod patience;
mod piece;
mod receiver;
mod round_trip;
mod sender;
mod window;

pub use patience::{TransferPatience, TransferStatus};
pub use piece::{
    ObjectPiece, PIECE_CREDIT_OPCODE, PIECE_OPCODE, PieceCredit, PieceRange, piece_bytes,
};
pub use receiver::{CREDIT_DELAY, PieceDecision, PieceOrder, TransferReceiver};
pub use sender::{CreditOutcome, SENDER_WINDOW_MAX, TransferSender};
pub use window::WINDOW_PIECES;
