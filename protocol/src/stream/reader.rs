//! The reader's side of a stream.

use super::{
    STREAM_WINDOW, StreamChunk, StreamControl, StreamCredit, StreamEnd, StreamId, StreamIdle,
};
use crate::units::{Instant, Millis};

/// The decision of a reader about a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkDecision {
    /// It is the next one: its items are to be read.
    Take,
    /// It came before.
    Copy,
    /// One or more before it are missing: it is dropped, and comes again.
    Gap,
    /// It belongs to another stream.
    Foreign,
}

/// A stream as its reader sees it: the chunks that have come, and the credit for more.
#[derive(Debug)]
pub struct StreamReader {
    stream: StreamId,
    silence: Millis,
    attempts: u16,
    /// The next chunk.
    next: u64,
    /// The bytes of items in the chunks that have come.
    offset: u64,
    /// The items that were left out so far.
    dropped: u64,
    /// The first chunk for which there is no credit yet.
    limit: u64,
    until: Instant,
    attempts_left: u16,
    /// The last chunk that came behind a gap: one lost chunk shows at each that follows, until the board has
    /// gone back to it.
    behind_gap: Option<u64>,
    /// True if a gap is to be told.
    has_new_gap: bool,
    end: Option<StreamEnd>,
}

impl StreamReader {
    /// Reads a stream from its beginning. [`StreamReader::credit`] gives the first credit. After a `silence` the
    /// reader asks again, and gives up when it has asked as often as `attempts` says without an answer.
    #[must_use]
    pub const fn new(stream: StreamId, silence: Millis, attempts: u16, now: Instant) -> Self {
        Self {
            stream,
            silence,
            attempts,
            next: 0,
            offset: 0,
            dropped: 0,
            limit: 0,
            until: now,
            attempts_left: attempts,
            behind_gap: None,
            has_new_gap: false,
            end: None,
        }
    }

    /// Its stream.
    #[must_use]
    pub const fn stream(&self) -> StreamId {
        self.stream
    }

    /// The number of items that were left out so far.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The reason why there are no more chunks, once all have come.
    #[must_use]
    pub const fn end(&self) -> Option<&StreamEnd> {
        self.end.as_ref()
    }

    /// Returns when to call [`StreamReader::credit`] at the latest.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        if self.end.is_some() {
            None
        } else {
            Some(self.until)
        }
    }

    /// Returns whether the board has not answered often enough.
    #[must_use]
    pub fn has_given_up(&self, now: Instant) -> bool {
        self.attempts_left == 0 && self.until <= now && self.end.is_none()
    }

    /// Takes a chunk that arrived, and decides what becomes of it.
    pub fn receive(&mut self, now: Instant, chunk: &StreamChunk) -> ChunkDecision {
        if chunk.stream != self.stream || self.end.is_some() {
            return ChunkDecision::Foreign;
        }
        if chunk.end == Some(StreamEnd::Unknown) {
            self.end.clone_from(&chunk.end);
            return ChunkDecision::Take;
        }
        if chunk.sequence < self.next {
            return ChunkDecision::Copy;
        }
        if chunk.sequence > self.next || chunk.offset != self.offset {
            let before = self.behind_gap.replace(chunk.sequence);
            self.has_new_gap = before.is_none_or(|before| chunk.sequence <= before);
            return ChunkDecision::Gap;
        }
        self.next += 1;
        self.offset += chunk.page.bytes() as u64;
        self.dropped = chunk.dropped;
        self.end.clone_from(&chunk.end);
        self.behind_gap = None;
        self.attempts_left = self.attempts;
        self.until = now.after(self.silence);
        ChunkDecision::Take
    }

    /// Takes the word of the board that there is nothing to send yet: it is there.
    pub fn receive_idle(&mut self, now: Instant, idle: &StreamIdle) {
        if idle.stream == self.stream && idle.next == self.next {
            self.attempts_left = self.attempts;
            self.until = now.after(self.silence);
        }
    }

    /// Returns the credit that is due: at first, for every half window, behind a gap, after a silence,
    /// and at the end, so that the board can forget the stream.
    pub fn credit(&mut self, now: Instant, last: ChunkDecision) -> Option<StreamControl> {
        let is_gap = last == ChunkDecision::Gap && self.has_new_gap;
        let is_silent = self.end.is_none() && self.until <= now;
        let is_first = self.limit == 0;
        let wanted = self.next + STREAM_WINDOW;
        let is_half = self.limit + STREAM_WINDOW / 2 <= wanted;
        if self.end == Some(StreamEnd::Unknown)
            || !(is_first || is_half || is_gap || is_silent || self.end.is_some())
        {
            return None;
        }
        if is_gap {
            self.has_new_gap = false;
        }
        if is_silent {
            self.attempts_left = self.attempts_left.saturating_sub(1);
        }
        let again = (is_gap || is_silent) && !is_first;
        self.until = now.after(self.silence);
        self.limit = wanted;
        Some(StreamControl::Credit(StreamCredit {
            stream: self.stream,
            acknowledged: self.next,
            limit: self.limit,
            again,
        }))
    }
}
