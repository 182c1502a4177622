//! One open link: bytes in, frames, announcements and console text out; nothing that arrives is lost.

use super::LinkError;
use crate::clock::Clock;
use crate::dial::Stream;
use crate::endpoint::Baud;
use lastword_protocol::Instant;
use lastword_protocol::announcement::{Announcement, AnnouncementReader};
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::frame::{DELIMITER, Frame};
use lastword_protocol::units::Nonce;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::coop::unconstrained;

/// The longest candidate frame, in bytes; what is longer is console text.
const CANDIDATE_BYTES: usize = 2_048;

/// Where console text goes: everything that arrives outside of frames, in order.
pub type TextSink = Box<dyn FnMut(&[u8]) + Send>;

/// Something that a board has said.
#[derive(Debug)]
pub enum BoardOutput<'a> {
    /// An answer, or part of one.
    Frame(&'a Frame<'a>),
    /// A line that a board says unasked; it stands in the console text, too.
    Announcement(&'a Announcement),
}

/// A stream with its decoder.
pub struct Link {
    stream: Box<dyn Stream>,
    decoder: Box<Decoder<CANDIDATE_BYTES>>,
    /// What the decoder holds, in case it turns out to be text.
    held: Vec<u8>,
    text: Vec<u8>,
    announcements: Box<AnnouncementReader>,
    input: Box<[u8]>,
    /// The part of `input` that is still to be decoded.
    unread: std::ops::Range<usize>,
}

impl Link {
    /// Wraps an open stream; `baud`: it is a serial line.
    #[must_use]
    pub fn new(stream: Box<dyn Stream>, baud: Option<Baud>) -> Self {
        let manner = if baud.is_some() {
            Manner::HOST
        } else {
            Manner::HOST_STREAM
        };
        Self {
            stream,
            decoder: Box::new(Decoder::new(manner)),
            held: Vec::new(),
            text: Vec::new(),
            announcements: Box::default(),
            input: vec![0; INPUT_BYTES].into_boxed_slice(),
            unread: 0..0,
        }
    }

    /// From here on, frames other than hellos must be summed with this nonce.
    pub fn enter(&mut self, session: Option<Nonce>) {
        self.decoder.enter(session);
    }

    /// When [`Link::decode`] has something to say even if nothing arrives.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.decoder.deadline()
    }

    /// Decodes what was read until `take` makes something of what was said. Text goes to `sink`.
    pub fn decode<T>(
        &mut self,
        now: Instant,
        sink: &mut TextSink,
        mut take: impl FnMut(BoardOutput<'_>) -> Option<T>,
    ) -> Option<T> {
        let mut taken = None;
        if self.decoder.tick(now) {
            taken = self.release(&mut take);
        }
        while taken.is_none() && !self.unread.is_empty() {
            let unread = &self.input[self.unread.clone()];
            let run = self.decoder.hold(now, unread);
            self.held.extend_from_slice(&unread[..run]);
            self.unread.start += run;
            if let Some(at) = self.unread.next() {
                taken = self.push(now, self.input[at], &mut take);
            }
        }
        if !self.text.is_empty() {
            sink(&self.text);
            self.text.clear();
        }
        taken
    }

    fn push<T>(
        &mut self,
        now: Instant,
        byte: u8,
        take: &mut impl FnMut(BoardOutput<'_>) -> Option<T>,
    ) -> Option<T> {
        match self.decoder.push(now, byte) {
            Step::Frame(frame) => {
                self.held.clear();
                return take(BoardOutput::Frame(&frame));
            }
            Step::Held if byte == DELIMITER => return None,
            Step::Invalid => {}
            Step::Held => {
                self.held.push(byte);
                return None;
            }
            Step::Text(_) | Step::Dropped => self.held.push(byte),
        }
        self.release(take)
    }

    /// Takes what is held for text. Of several announcements the last counts.
    fn release<T>(&mut self, take: &mut impl FnMut(BoardOutput<'_>) -> Option<T>) -> Option<T> {
        let mut taken = None;
        for byte in self.held.drain(..) {
            self.text.push(byte);
            if let Some(announcement) = self.announcements.push(byte) {
                taken = take(BoardOutput::Announcement(&announcement)).or(taken);
            }
        }
        taken
    }

    /// What is still held, which will be no frame: the link is given up.
    pub fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    /// Reads once, or returns when `until` comes. Call it when everything read is decoded.
    /// Cancel-safe.
    ///
    /// # Errors
    ///
    /// [`LinkError::Closed`] at the stream's end, or that of the read.
    pub async fn fill(&mut self, clock: Clock, until: Option<Instant>) -> Result<(), LinkError> {
        let waited = async {
            match until {
                Some(until) => clock.sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        // Reading is cancel-safe: a read that lost has taken nothing from the stream.
        tokio::select! {
            biased;
            read = self.stream.read(&mut self.input[..]) => match read? {
                0 => Err(LinkError::Closed),
                length => {
                    self.unread = 0..length;
                    Ok(())
                }
            },
            () = waited => Ok(()),
        }
    }

    /// Reads what has arrived, as far as that is known, and waits for nothing. Returns whether anything had. Call it
    /// when everything read is decoded.
    ///
    /// # Errors
    ///
    /// As [`Link::fill`].
    pub fn fill_at_once(&mut self) -> Result<bool, LinkError> {
        let read = unconstrained(self.stream.read(&mut self.input[..]));
        match pin!(read).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(0)) => Err(LinkError::Closed),
            Poll::Ready(Ok(length)) => {
                self.unread = 0..length;
                Ok(true)
            }
            Poll::Ready(Err(error)) => Err(error.into()),
            Poll::Pending => Ok(false),
        }
    }

    /// Writes what the link takes without waiting; the rest is lost.
    pub fn send_at_once(&mut self, bytes: &[u8]) {
        let write = unconstrained(self.stream.write(bytes));
        // Nobody is left to hear of an error.
        let _ = pin!(write).poll(&mut Context::from_waker(Waker::noop()));
    }

    /// Writes all of it, or gives up after a bounded time. Not cancel-safe.
    ///
    /// # Errors
    ///
    /// [`LinkError::Stalled`], or that of the write.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        let written = tokio::time::timeout(WRITE_TIMEOUT, self.stream.write_all(bytes)).await;
        Ok(written.map_err(|_| LinkError::Stalled)??)
    }
}

/// How much is read at once, in bytes.
const INPUT_BYTES: usize = 65_536;
/// How long a write may stall.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
