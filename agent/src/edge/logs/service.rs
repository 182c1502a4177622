//! One service's log: its FIFOs are looked at, and what is whole goes to its files.

use super::Directories;
use super::feed::Feed;
use super::fifo::{Fifos, Tap};
use super::files::Files;
use super::paths::Paths;
use crate::core::log::index::Record;
use crate::core::log::split::Ending;
use crate::core::log::store::Store;
use crate::core::log::unfinished::{Unfinished, Verdict};
use crate::core::log::writer::{Source, Writer};
use crate::core::log::{LogLimits, Stream};
use crate::edge::clock::unix_ms;
use lastword_protocol::Instant;
use std::io;
use std::sync::Arc;

/// How often a FIFO is looked at when a service has ended: more often than it can be full.
const SETTLE_LOOKS: usize = 64;

/// What is to be done next for a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// There may be more: look again, when it is its turn.
    Look,
    /// Wait until the FIFO says that there is more, or for that instant.
    Wait(Option<Instant>),
}

/// One service's log.
#[derive(Debug)]
pub(super) struct Service {
    media: Media,
    writer: Writer,
    unfinished: [Unfinished; 2],
}

/// What the writer works on.
#[derive(Debug)]
struct Media {
    fifos: Fifos,
    files: Files,
    feed: Arc<Feed>,
}

impl Store for Media {
    fn record(&mut self, number: u64, record: &Record) -> io::Result<()> {
        self.files.record(number, record)
    }

    fn shift(&mut self, stream: Stream, offset: u64, bytes: u32) -> io::Result<u32> {
        self.fifos.of(stream).shift(&self.files.log, offset, bytes)
    }

    fn chunk(&self, record: &Record) -> io::Result<Vec<u8>> {
        self.files.chunk(record)
    }

    fn rotate(&mut self) -> io::Result<()> {
        let _names = self.feed.names();
        self.files.rotate()
    }

    fn publish(&mut self, record: &Record, chunk: &[u8]) {
        self.feed.push(record, chunk);
    }
}

impl Service {
    /// Opens FIFOs and files, and goes on where an earlier agent left off.
    pub(super) fn open(
        directories: &Directories,
        name: &str,
        limits: LogLimits,
    ) -> io::Result<Self> {
        let paths = Paths::new(&directories.logs, name);
        let fifos = Fifos::open(&directories.fifos, name)?;
        let (files, found) = Files::open(paths.clone(), limits)?;
        let writer = Writer::resume(limits, found);
        let feed = Arc::new(Feed::new(paths, limits, writer.next()));
        let mut service = Self {
            media: Media { fifos, files, feed },
            writer,
            unfinished: [Unfinished::default(); 2],
        };
        // A disk that is full now may have room later; the service can start nevertheless.
        if let Err(error) = service.writer.complete(&mut service.media) {
            tracing::warn!(name, %error, "what an earlier agent began to write waits");
        }
        Ok(service)
    }

    pub(super) fn limit(&mut self, limits: LogLimits) -> io::Result<()> {
        self.writer.limit(limits);
        self.media.feed.limit(limits);
        self.media.files.keep(limits.keep)
    }

    pub(super) const fn fifos(&self) -> &Fifos {
        &self.media.fifos
    }

    pub(super) const fn feed(&self) -> &Arc<Feed> {
        &self.media.feed
    }

    /// Writes what is whole, as much as one look shows.
    pub(super) fn pump(&mut self, tap: &mut Tap, stream: Stream, now: Instant) -> io::Result<Next> {
        self.prepare()?;
        let view = tap.look(self.media.fifos.of(stream))?;
        let unfinished = &mut self.unfinished[stream as usize];
        let source = |ending| Source {
            stream,
            unix_ms: unix_ms(),
            ending,
        };
        let whole = source(Ending::Waits);
        if self.writer.write(&mut self.media, whole, view)? > 0 {
            *unfinished = Unfinished::default();
            return Ok(Next::Look);
        }
        let full = !view.is_empty() && self.media.fifos.of(stream).is_full()?;
        match unfinished.judge(now, view.len(), full) {
            Verdict::Wait(due) => Ok(Next::Wait(due)),
            Verdict::Look => Ok(Next::Look),
            Verdict::Take => {
                let piece = source(Ending::Continues);
                self.writer.write(&mut self.media, piece, view)?;
                Ok(Next::Look)
            }
        }
    }

    /// Writes everything there is, an unfinished line as a whole one: nobody will finish it.
    pub(super) fn settle(&mut self, tap: &mut Tap) -> io::Result<()> {
        for stream in Stream::BOTH {
            let mut ending = Ending::Waits;
            for _look in 0..SETTLE_LOOKS {
                self.prepare()?;
                let view = tap.look(self.media.fifos.of(stream))?;
                if view.is_empty() {
                    break;
                }
                let source = Source {
                    stream,
                    unix_ms: unix_ms(),
                    ending,
                };
                let taken = self.writer.write(&mut self.media, source, view)?;
                ending = if taken == 0 {
                    Ending::Ends
                } else {
                    Ending::Waits
                };
            }
            self.unfinished[stream as usize] = Unfinished::default();
        }
        Ok(())
    }

    /// Has the files as the writer left them, and nothing owed.
    fn prepare(&mut self) -> io::Result<()> {
        if !self.media.files.is_untouched(self.writer.length()) {
            self.writer.rotate(&mut self.media)?;
        }
        self.writer.complete(&mut self.media)
    }
}
