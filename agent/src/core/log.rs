//! The logs of services: what a line is, which lines a chunk of bytes holds, what the index beside
//! the raw file says of it, and in which order file and index are written so that nothing is lost.

pub mod index;
pub mod range;
pub mod ring;
pub mod split;
pub mod store;
pub mod unfinished;
pub mod writer;

use std::fmt;

/// The longest piece of a line that is kept as one, in bytes; a longer line is kept in pieces.
pub const LINE_BYTES: usize = 16 * 1024;
/// The most that is written at a time, in bytes. At least one piece and its newline.
pub const CHUNK_BYTES: usize = 128 * 1024;

const _: () = assert!(LINE_BYTES < CHUNK_BYTES);

/// A place in a service's log: how many lines came before it, ever, across rotations and agents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub u64);

impl Cursor {
    /// The place `lines` further on.
    #[must_use]
    pub const fn after(self, lines: u64) -> Self {
        Self(self.0.saturating_add(lines))
    }

    /// The place `lines` before this one; the very first, if there are not as many.
    #[must_use]
    pub const fn before(self, lines: u64) -> Self {
        Self(self.0.saturating_sub(lines))
    }

    /// How many lines lie between an earlier place and this one; zero if that place is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Which of its two outputs a service wrote to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl Stream {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Out, Self::Err];
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Out => "out",
            Self::Err => "err",
        })
    }
}

/// One line of a service, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its place.
    pub cursor: Cursor,
    /// When it was written to the log, in milliseconds since 1970.
    pub unix_ms: u64,
    /// Where it was written to.
    pub stream: Stream,
    /// Whether the line goes on in the next piece of the same stream.
    pub continues: bool,
    /// Its bytes, whatever they are, without the newline; at most [`LINE_BYTES`].
    pub bytes: Vec<u8>,
}

/// How much of a service's log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLimits {
    /// A file grows no further than this, in bytes, unless a single line is longer. Its index,
    /// which matters where lines are short and few at a time, has the same limit of its own.
    pub max_size_bytes: u64,
    /// How many older files are kept beside the current one.
    pub keep: u32,
    /// The most that is kept in memory, in bytes: the lines, and a little for each.
    pub ring_bytes: usize,
}
