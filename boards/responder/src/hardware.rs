//! What a responder needs of the hardware: one small trait for each thing.
//!
//! A board's type implements all of them, and so is a [`Board`].

use crate::application::Application;
use lastword_protocol::Instant;
use lastword_protocol::power::{Evidence, Operation};

/// Tells the time.
pub trait Clock {
    /// The time since the board booted. Never goes back.
    fn now(&mut self) -> Instant;
}

/// Resets the board, and switches it off where it can be.
pub trait Power {
    /// Whether the board can do this now. It is asked before anything is promised, so whatever
    /// can fail should fail here.
    fn can(&mut self, operation: Operation) -> bool;

    /// Does it. The evidence says how sure it is that the acknowledgement has left.
    ///
    /// Returns only if it failed, with a number for the record; 0 says nothing.
    fn fire(&mut self, operation: Operation, evidence: Evidence) -> u16;
}

/// How many bytes have to survive a reset.
pub const RETAINED_BYTES: usize = 24;

/// Memory that survives a reset, if not a loss of power: a section of RAM that start-up leaves
/// alone, backup registers, a page of FRAM.
pub trait Retained {
    /// What was kept last; after a loss of power, anything.
    fn load(&mut self) -> [u8; RETAINED_BYTES];

    /// Keeps this. Returns whether it is kept for sure: an operation whose release is not on
    /// record does not fire.
    fn store(&mut self, bytes: &[u8; RETAINED_BYTES]) -> bool;
}

/// Tells one board, and one power-on, from another.
pub trait Birth {
    /// What no other board has: a serial number of the chip, say.
    fn unique(&mut self) -> [u8; 12];

    /// A number that differs from one power-on to the next, as far as the board can make one.
    /// Asked for only if nothing was retained: boots are counted from here.
    fn chance(&mut self) -> u32;

    /// Whether the watchdog has reset the board.
    fn watchdog_bit(&mut self) -> bool;
}

/// Resets the board if it is not fed.
pub trait Watchdog {
    /// Says that the responder is alive. Called at each turn, in which nothing waits but what the
    /// driver's documentation names.
    fn feed(&mut self);
}

/// A board: all of its hardware, and its application.
pub trait Board: Clock + Power + Retained + Birth + Watchdog + Application {}

impl<T: Clock + Power + Retained + Birth + Watchdog + Application> Board for T {}
