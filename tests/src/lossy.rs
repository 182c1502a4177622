//! Links that lose, damage, repeat and delay what is written to them, as the dice fall.
//!
//! What strikes single bytes is the same that a simulated UART can be struck with; here whole
//! writes, which are whole frames, suffer as well: they vanish, come again, come late, or stall in
//! the middle. A path is one direction without a clock, a [`Lossy`] a link around a link.

mod link;
mod path;

pub use link::{Lossy, LossyUart};
pub(crate) use link::{Shared, shared};
pub(crate) use path::Path;

use crate::faults::Rates;
use std::fmt;

/// How often each mishap befalls a write, in a million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mishaps {
    /// What strikes its single bytes.
    pub bytes: Rates,
    /// It is lost as a whole.
    pub lost: u32,
    /// A copy of it arrives later as well, like an old retransmission out of a queue.
    pub again: u32,
    /// It arrives late, behind what is written after it.
    pub late: u32,
    /// Its end arrives after a pause.
    pub stalled: u32,
}

/// How often each mishap befell a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Struck {
    /// How many writes there were.
    pub writes: u64,
    /// How many bytes were struck.
    pub bytes: u64,
    /// Those lost as a whole.
    pub lost: u64,
    /// Those that arrived again.
    pub again: u64,
    /// Those that arrived late.
    pub late: u64,
    /// Those that stalled.
    pub stalled: u64,
}

impl fmt::Display for Mishaps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rates {
            flip,
            drop,
            duplicate,
            framing,
            garbage,
            ..
        } = self.bytes;
        let Self {
            lost,
            again,
            late,
            stalled,
            ..
        } = self;
        write!(
            f,
            "of a million writes {lost} lost, {again} repeated, {late} late, {stalled} stalled; of a \
             million bytes {flip} flipped, {drop} lost, {duplicate} twice, {framing} with a wrong \
             stop bit, {garbage} with garbage behind"
        )
    }
}

impl Struck {
    /// Adds another count to this one.
    pub const fn add(&mut self, other: Self) {
        self.writes += other.writes;
        self.bytes += other.bytes;
        self.lost += other.lost;
        self.again += other.again;
        self.late += other.late;
        self.stalled += other.stalled;
    }
}

impl fmt::Display for Struck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            writes,
            bytes,
            lost,
            again,
            late,
            stalled,
        } = self;
        write!(
            f,
            "of {writes} writes {lost} lost, {again} repeated, {late} late, {stalled} stalled, \
             {bytes} bytes struck"
        )
    }
}
