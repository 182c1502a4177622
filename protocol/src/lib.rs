//! What both ends of a lastword link must agree on: frames, messages, sessions and the staged
//! power operation. No I/O, no allocation, no clock: bytes and the time go in, decisions come out.
//!
//! The modules are listed in the order a byte travels: it arrives in the [`decoder`], leaves as a
//! [`frame`], becomes a [`message`], passes the exactly-once check of a device [`session`], may
//! open a [`transfer`] or move the [`power`] machine, and its answer returns to the host's [`caller`].
//!
//! `WIRE.md`, beside this crate's manifest, specifies every byte.

#![cfg_attr(not(test), no_std)]
// `inline(never)` and `repr(C)` are about a board's flash and stack: see boards/responder/src/lib.rs.

pub mod checksum;
pub mod digits;
pub mod units;
pub mod words;

pub mod decoder;
pub mod frame;

pub mod announcement;
pub mod hello;
pub mod identity;
pub mod message;
pub mod refusal;

pub mod session;
#[cfg(feature = "services")]
pub mod stream;

pub mod transfer;

pub mod power;

pub mod rollout;

pub mod caller;

mod cobs;
mod codec;

pub use units::{
    BootId, ClientId, Generation, Instant, Millis, Nonce, NotAGeneration, NotAnObjectHash,
    ObjectHash, OperationId, Sequence, Text, TransferId,
};
