//! One service's log: its FIFOs are looked at, and what is whole goes to its files.

use super::Directories;
use super::feed::Feed;
use super::fifo::{FIFO_BYTES, Fifos, Tap};
use super::files::Files;
use super::paths::Paths;
use crate::core::log::index::Record;
use crate::core::log::split::Ending;
use crate::core::log::store::Store;
use crate::core::log::unfinished::{Unfinished, Verdict};
use crate::core::log::writer::{Found, Source, Writer};
use crate::core::log::{CHUNK_BYTES, Cursor, LogLimits, Stream};
use crate::edge::clock::unix_ms;
use lastword_protocol::Instant;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The looks that empty a FIFO: as many as all that it holds takes.
const RELIEF_LOOKS: usize = FIFO_BYTES / CHUNK_BYTES;
/// How often a FIFO is looked at when a service has ended: more often than it can be full.
const SETTLE_LOOKS: usize = 64;

/// The findings before the files could be opened.
const NOTHING: Found = Found {
    length: 0,
    records: 0,
    last: None,
    next: Cursor(0),
};

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
    limits: LogLimits,
    unfinished: [Unfinished; 2],
    /// True if lines were missed that the index does not know of.
    unmarked: bool,
}

/// What the writer works on.
#[derive(Debug)]
struct Media {
    fifos: Fifos,
    paths: Paths,
    /// None, until they could be opened.
    files: Option<Files>,
    feed: Arc<Feed>,
}

impl Media {
    fn files(&mut self) -> io::Result<&mut Files> {
        self.files.as_mut().ok_or_else(absent)
    }
}

fn absent() -> io::Error {
    io::Error::other("the log is not open")
}

impl Store for Media {
    fn record(&mut self, number: u64, record: &Record) -> io::Result<()> {
        self.files()?.record(number, record)
    }

    fn shift(&mut self, stream: Stream, offset: u64, bytes: u32) -> io::Result<u32> {
        let files = self.files.as_ref().ok_or_else(absent)?;
        self.fifos.of(stream).shift(&files.log, offset, bytes)
    }

    fn discard(&mut self, stream: Stream, bytes: u32) -> io::Result<u64> {
        let bytes = usize::try_from(bytes).map_err(io::Error::other)?;
        self.fifos.of(stream).discard(bytes)
    }

    fn chunk(&self, record: &Record) -> io::Result<Vec<u8>> {
        self.files.as_ref().ok_or_else(absent)?.chunk(record)
    }

    fn rotate(&mut self) -> io::Result<()> {
        let feed = Arc::clone(&self.feed);
        let _names = feed.names();
        self.files()?.rotate()
    }

    fn publish(&mut self, record: &Record, chunk: &[u8]) {
        self.feed.push(record, chunk);
    }
}

impl Service {
    /// Opens FIFOs and files, and goes on where an earlier agent left off. Without its files, which
    /// [`Self::pump`] opens as soon as that is possible, a service can start nevertheless.
    pub(super) fn open(
        directories: &Directories,
        name: &str,
        limits: LogLimits,
    ) -> io::Result<Self> {
        let paths = Paths::new(&directories.logs, name);
        let fifos = Fifos::open(&directories.fifos, name)?;
        let writer = Writer::resume(limits, NOTHING);
        let feed = Arc::new(Feed::new(paths.clone(), limits, writer.next()));
        Ok(Self {
            media: Media {
                fifos,
                paths,
                files: None,
                feed,
            },
            writer,
            limits,
            unfinished: [Unfinished::default(); 2],
            unmarked: false,
        })
    }

    /// Opens the files and writes what an earlier agent has promised.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.open_files()?;
        self.writer.complete(&mut self.media)
    }

    /// Opens the files, if they are not open, where an earlier agent left off.
    fn open_files(&mut self) -> io::Result<()> {
        if self.media.files.is_some() {
            return Ok(());
        }
        let (files, found) = Files::open(self.media.paths.clone(), self.limits)?;
        let missed = self.writer.next().since(NOTHING.next);
        self.writer = Writer::resume(self.limits, found);
        self.media.files = Some(files);
        if missed > 0 {
            // What was promised is gone with the lines that were missed since.
            self.writer.forsake(&mut self.media);
            self.writer.miss(missed);
            self.unmarked = true;
        }
        self.media.feed.begin(self.writer.next());
        Ok(())
    }

    /// Has new FIFOs, because somebody has removed the names of the old ones. What is in those is written
    /// first.
    pub(super) fn renew(&mut self, directory: &Path, name: &str, tap: &mut Tap) -> io::Result<()> {
        if let Err(error) = self.settle(tap) {
            tracing::warn!(name, %error, "the end of what its FIFOs held is lost with them");
        }
        self.media.fifos = Fifos::open(directory, name)?;
        Ok(())
    }

    pub(super) fn limit(&mut self, limits: LogLimits) -> io::Result<()> {
        self.limits = limits;
        self.writer.limit(limits);
        self.media.feed.limit(limits);
        match &mut self.media.files {
            Some(files) => files.keep(limits.keep),
            None => Ok(()),
        }
    }

    /// Empties FIFOs that are full, so that the service goes on. Returns how many lines that cost.
    pub(super) fn relieve(&mut self, tap: &mut Tap) -> io::Result<u64> {
        let mut missed = 0;
        for stream in Stream::BOTH {
            if self.media.fifos.of(stream).is_full()? {
                missed += self.writer.give_up(&mut self.media)?;
                let lines = self.discard_lines(tap, stream)?;
                self.writer.miss(lines);
                self.unfinished[stream as usize] = Unfinished::default();
                missed += lines;
            }
        }
        self.unmarked |= missed > 0;
        Ok(missed)
    }

    /// Discards the whole lines of a FIFO, and what is too long to be seen as a line.
    fn discard_lines(&mut self, tap: &mut Tap, stream: Stream) -> io::Result<u64> {
        let fifo = self.media.fifos.of(stream);
        let mut lines = 0;
        for _look in 0..RELIEF_LOOKS {
            let view = tap.look(fifo)?;
            let whole = memchr::memrchr(b'\n', view).map(|at| at + 1);
            // A line that is longer than all that is looked at: its pieces count.
            let is_stuck = view.len() == CHUNK_BYTES || fifo.is_full()?;
            let bytes = whole.or(is_stuck.then_some(view.len())).unwrap_or(0);
            if bytes == 0 {
                break;
            }
            lines += fifo.discard(bytes)?.max(1);
        }
        Ok(lines)
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
        self.open_files()?;
        if !self.media.files()?.is_untouched(self.writer.length()) {
            self.writer.rotate(&mut self.media)?;
        }
        self.writer.complete(&mut self.media)?;
        if self.unmarked {
            self.writer.mark(&mut self.media, unix_ms())?;
            self.unmarked = false;
            self.media.feed.begin(self.writer.next());
        }
        Ok(())
    }
}
