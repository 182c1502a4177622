//! Bytes on their way to the peer, with a memory of how many there ever were.

use std::fmt;

/// The largest buffer that is kept while nothing waits, in bytes.
const KEPT_BYTES: usize = 32 * 1024;

/// A queue of bytes. Positions count from the start of the session, so that an acknowledgement's
/// last byte can be recognised when it is written.
#[derive(Debug, Default)]
pub struct Output {
    bytes: Vec<u8>,
    /// How many of `bytes` were written already.
    start: usize,
    written: u64,
    muted: bool,
}

impl Output {
    /// Appends bytes, unless the session has had its last word.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.muted {
            self.bytes.drain(..self.start);
            self.start = 0;
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// The bytes to write next: all that wait, in one piece, so that one write(2) can take a
    /// whole frame and nobody's text comes between.
    #[must_use]
    pub fn front(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// The link took this many bytes of [`Output::front`].
    pub fn wrote(&mut self, count: usize) {
        let count = count.min(self.len());
        self.start += count;
        self.written += count as u64;
        if self.is_empty() && self.bytes.capacity() > KEPT_BYTES {
            (self.bytes, self.start) = (Vec::new(), 0);
        }
    }

    /// How many bytes wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The position behind everything queued so far.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.written + self.len() as u64
    }

    /// Whether everything before this position was taken by the link.
    #[must_use]
    pub const fn has_written(&self, position: u64) -> bool {
        position <= self.written
    }

    /// Whether nothing more is queued.
    pub(super) const fn is_muted(&self) -> bool {
        self.muted
    }

    /// Queues nothing more, or again.
    pub const fn mute(&mut self, muted: bool) {
        self.muted = muted;
    }
}

impl fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}
