//! Streams: answers that are longer than a reply, in chunks, as far as their reader has given credit.
//!
//! A reply opens a stream by naming it. The reader grants chunks by number ([`StreamCredit`]), and the board
//! keeps each until it is acknowledged: a chunk that is lost is sent again, with all behind it (go-back-N).

mod reader;

pub use reader::{ChunkDecision, StreamReader};

use crate::codec::{Field, Writer, fields};
use crate::frame::{self, Class, Frame, Header, Packet, TooLong};
use crate::message::service::{PAGE_BYTES, Page};
use crate::refusal::Refusal;
pub use crate::units::StreamId;
use crate::units::{Nonce, Sequence};
use serde::{Deserialize, Serialize};

/// Numbers of the frames of class [`Class::Event`], [`Class::Data`] and [`Class::Credit`] that streams use.
pub mod opcode {
    /// Event: a [`super::StreamChunk`] of events.
    pub const EVENTS: u8 = 0x00;
    /// Data: a [`super::StreamChunk`].
    pub const CHUNK: u8 = 0x00;
    /// Data: a [`super::StreamIdle`].
    pub const IDLE: u8 = 0x02;
    /// Credit: a [`super::StreamCredit`].
    pub const CREDIT: u8 = 0x00;
    /// Credit: the reader wants no more; the body is the [`super::StreamId`].
    pub const CANCEL: u8 = 0x01;
}

/// The most chunks that a board keeps of a stream until they are acknowledged.
pub const STREAM_WINDOW: u64 = 8;

/// The longest body of a chunk, in bytes: five numbers, the end's option, a length and the items.
pub const CHUNK_BODY_BYTES: usize = 5 + 3 * 10 + 1 + 2 + PAGE_BYTES;

/// The reason why a stream has no more chunks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamEnd {
    /// All was sent.
    Complete,
    /// The board could not go on. What the items told has happened all the same.
    Refused(Refusal),
    /// The board knows no such stream: it was read to its end, cancelled, or gave way to newer ones.
    Unknown,
}

/// One chunk of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamChunk {
    /// Its stream.
    pub stream: StreamId,
    /// Its number, from 0 on.
    pub sequence: u64,
    /// The number of bytes of items in all chunks before it.
    pub offset: u64,
    /// The number of items that were left out of the stream before this chunk's, because their reader was
    /// too slow.
    pub dropped: u64,
    /// The stream's end: there is no chunk behind this one.
    pub end: Option<StreamEnd>,
    /// Its items.
    pub page: Page,
}

/// The answer to a reader that asks again where there is nothing to send: the board is there, and waits for what
/// comes, lines of a log, say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamIdle {
    /// Its stream.
    pub stream: StreamId,
    /// The number of the chunk that comes next.
    pub next: u64,
}

/// A frame of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamFrame {
    /// A part of it.
    Chunk(StreamChunk),
    /// A part of one that holds events. It goes before other parts.
    Events(StreamChunk),
    /// There is nothing to send yet.
    Idle(StreamIdle),
}

/// Credit for a stream, and the acknowledgement of what has come. Copies of it, and old ones, do no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamCredit {
    /// Its stream.
    pub stream: StreamId,
    /// The reader has all chunks before this one.
    pub acknowledged: u64,
    /// The reader has room for all chunks before this one. The board sends [`STREAM_WINDOW`] at most beyond
    /// what is acknowledged.
    pub limit: u64,
    /// True if what was sent and is not acknowledged is to be sent again.
    pub again: bool,
}

/// A frame with which a reader directs a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamControl {
    /// It may go on.
    Credit(StreamCredit),
    /// It is not wanted any more.
    Cancel(StreamId),
}

fields! {
    StreamIdle { stream, next }
    StreamCredit { stream, acknowledged, limit, again }
}

impl Field for StreamEnd {
    fn write(&self, out: &mut Writer<'_>) {
        match self {
            Self::Complete => 0_u8.write(out),
            Self::Refused(refusal) => {
                1_u8.write(out);
                refusal.write(out);
            }
            Self::Unknown => 2_u8.write(out),
        }
    }
}

impl Field for StreamChunk {
    fn write(&self, out: &mut Writer<'_>) {
        let Self {
            stream,
            sequence,
            offset,
            dropped,
            end,
            page,
        } = self;
        stream.write(out);
        sequence.write(out);
        offset.write(out);
        dropped.write(out);
        end.write(out);
        page.write_items(out);
    }
}

impl StreamChunk {
    /// The answer to credit for a stream that the board does not know.
    #[must_use]
    pub fn unknown(stream: StreamId) -> Self {
        Self {
            stream,
            sequence: 0,
            offset: 0,
            dropped: 0,
            end: Some(StreamEnd::Unknown),
            page: Page::default(),
        }
    }

    fn read(body: &[u8]) -> Option<Self> {
        let (stream, sequence, offset, dropped, end, items): (_, _, _, _, _, &[u8]) =
            postcard::from_bytes(body).ok()?;
        Some(Self {
            stream,
            sequence,
            offset,
            dropped,
            end,
            page: Page::of_items(items)?,
        })
    }
}

impl StreamFrame {
    /// Frames it.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if it does not fit `N`.
    pub fn frame<const N: usize>(&self, nonce: Nonce) -> Result<Packet<N>, TooLong> {
        match self {
            Self::Chunk(chunk) => encode(Class::Data, opcode::CHUNK, nonce, chunk),
            Self::Events(chunk) => encode(Class::Event, opcode::EVENTS, nonce, chunk),
            Self::Idle(idle) => encode(Class::Data, opcode::IDLE, nonce, idle),
        }
    }

    /// Reads it from a frame; `None` if that is none of a stream.
    #[must_use]
    pub fn read(frame: &Frame<'_>) -> Option<Self> {
        match (frame.header.class, frame.header.opcode) {
            (Class::Data, opcode::CHUNK) => StreamChunk::read(frame.body).map(Self::Chunk),
            (Class::Event, opcode::EVENTS) => StreamChunk::read(frame.body).map(Self::Events),
            (Class::Data, opcode::IDLE) => postcard::from_bytes(frame.body).ok().map(Self::Idle),
            _ => None,
        }
    }
}

impl StreamControl {
    /// Frames it.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if it does not fit `N`.
    pub fn frame<const N: usize>(&self, nonce: Nonce) -> Result<Packet<N>, TooLong> {
        match self {
            Self::Credit(credit) => encode(Class::Credit, opcode::CREDIT, nonce, credit),
            Self::Cancel(stream) => encode(Class::Credit, opcode::CANCEL, nonce, stream),
        }
    }

    /// Reads it from a frame; `None` if that directs no stream.
    #[must_use]
    pub fn read(frame: &Frame<'_>) -> Option<Self> {
        match (frame.header.class, frame.header.opcode) {
            (Class::Credit, opcode::CREDIT) => {
                postcard::from_bytes(frame.body).ok().map(Self::Credit)
            }
            (Class::Credit, opcode::CANCEL) => {
                postcard::from_bytes(frame.body).ok().map(Self::Cancel)
            }
            _ => None,
        }
    }
}

/// Frames of streams have no number in their header: nobody answers them one by one.
fn encode<const N: usize>(
    class: Class,
    opcode: u8,
    nonce: Nonce,
    body: &impl Field,
) -> Result<Packet<N>, TooLong> {
    let header = Header::new(class, Sequence(0), opcode);
    frame::encode(header, nonce, |out| crate::message::encode(body, out).ok())
}

#[cfg(test)]
mod tests;
