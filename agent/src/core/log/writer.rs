//! In which order a service's output becomes a log, so that whoever kills the agent, at any
//! moment, neither loses a line nor doubles one.
//!
//! The bytes stay in the service's FIFO while they are looked at. A record of the index says what
//! will be moved; then the kernel moves it from the FIFO to the file, or does not. What a record
//! promised and the file does not hold yet is still the first thing in the FIFO, and is moved
//! before anything else is.

use super::index::{RECORD_BYTES, Record};
use super::split::{Ending, cut, pieces};
use super::store::Store;
use super::{Cursor, LogLimits, Stream};
use std::io;

/// What the files of a service hold when an agent begins.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// How long the current file is, in bytes.
    pub length: u64,
    /// How many records its index has.
    pub records: u64,
    /// The last of them. Its chunk begins in the file, or where the file ends.
    pub last: Option<Record>,
    /// The number of the next line, if there is no record.
    pub next: Cursor,
}

/// Where bytes come from, when, and what becomes of the last of them.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// The FIFO.
    pub stream: Stream,
    /// The time, in milliseconds since 1970.
    pub unix_ms: u64,
    /// What becomes of bytes that no newline ends.
    pub ending: Ending,
}

/// Where the writing of one service's log stands.
#[derive(Debug)]
pub struct Writer {
    max_size_bytes: u64,
    length: u64,
    records: u64,
    next: Cursor,
    owed: Option<Owed>,
    /// Whether new files were asked for, and it is not known that they are there.
    rotating: bool,
}

/// A chunk that was promised and has not been shown to readers.
#[derive(Clone, Copy, Debug)]
struct Owed {
    record: Record,
    missing: u32,
}

impl Writer {
    /// Goes on where an earlier agent left off. The first [`Self::complete`] shows the last chunk.
    #[must_use]
    pub fn resume(limits: LogLimits, found: Found) -> Self {
        let owed = found.last.map(|record| Owed {
            record,
            missing: u32::try_from(record.end().saturating_sub(found.length)).unwrap_or(0),
        });
        Self {
            max_size_bytes: limits.max_size_bytes,
            length: found.length,
            records: found.records,
            next: found.last.map_or(found.next, |record| record.line),
            owed,
            rotating: false,
        }
    }

    /// The number of the next line that will be shown.
    #[must_use]
    pub const fn next(&self) -> Cursor {
        self.next
    }

    /// How long the current file is, in bytes.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Changes how long a file may become.
    pub const fn limit(&mut self, limits: LogLimits) {
        self.max_size_bytes = limits.max_size_bytes;
    }

    /// Moves what was promised and not yet moved. To be called before a FIFO is looked at.
    ///
    /// # Errors
    ///
    /// Whatever the disk says; call it again later.
    pub fn complete(&mut self, store: &mut impl Store) -> io::Result<()> {
        let Some(record) = self.settle_debt(store)? else {
            return Ok(());
        };
        let chunk = store.chunk(&record)?;
        let lines = pieces(&chunk, record.ending()).count() as u64;
        self.show(store, &record, &chunk, lines);
        Ok(())
    }

    /// Writes the whole lines of `view`, at most [`super::CHUNK_BYTES`] that lie at the front of a
    /// FIFO, to the log. Returns how many bytes that took.
    ///
    /// # Errors
    ///
    /// Whatever the disk says. What was not written is still in the FIFO: call
    /// [`Self::complete`], look at the FIFO again and go on.
    pub fn write(
        &mut self,
        store: &mut impl Store,
        source: Source,
        view: &[u8],
    ) -> io::Result<usize> {
        let mut taken = 0;
        loop {
            let bytes = self.write_chunk(store, source, &view[taken..])?;
            if bytes == 0 {
                return Ok(taken);
            }
            taken += bytes;
        }
    }

    /// Begins new files, whatever the old ones hold and lack.
    ///
    /// # Errors
    ///
    /// Whatever the disk says; nothing is written until it succeeds.
    pub fn rotate(&mut self, store: &mut impl Store) -> io::Result<()> {
        self.rotating = true;
        store.rotate()?;
        self.rotating = false;
        self.owed = None;
        self.length = 0;
        self.records = 0;
        Ok(())
    }

    /// Gives up what was promised and cannot be written: it is taken out of its FIFO, and its lines are
    /// counted as missed, and returned. What the file holds of it is shown. New files are begun before
    /// anything else is written.
    ///
    /// # Errors
    ///
    /// If the FIFO cannot be read; the promise then stands.
    pub fn give_up(&mut self, store: &mut impl Store) -> io::Result<u64> {
        let mut missed = 0;
        if let Some(Owed { record, missing }) = self.owed {
            missed = store.discard(record.stream, missing)?;
            self.forsake(store);
            self.miss(missed);
        }
        self.rotating = true;
        Ok(missed)
    }

    /// The same where the FIFO holds nothing of it any more.
    pub fn forsake(&mut self, store: &mut impl Store) {
        if let Some(Owed { record, .. }) = self.owed {
            // A file that cannot even be read shows nothing.
            let chunk = store.chunk(&record).unwrap_or_default();
            let lines = pieces(&chunk, record.ending()).count() as u64;
            self.show(store, &record, &chunk, lines);
        }
        self.rotating = true;
    }

    /// Counts lines that were written by the service and are not in its log: the next line has a number so
    /// much higher.
    pub const fn miss(&mut self, lines: u64) {
        self.next = self.next.after(lines);
    }

    /// Writes down that lines were missed: an empty record, which has the number that the next line will
    /// have.
    ///
    /// # Errors
    ///
    /// Whatever the disk says; call it again later.
    pub fn mark(&mut self, store: &mut impl Store, unix_ms: u64) -> io::Result<()> {
        if self.rotating {
            self.rotate(store)?;
        }
        let record = Record {
            offset: self.length,
            line: self.next,
            unix_ms,
            length: 0,
            stream: Stream::Out,
            continues: false,
        };
        store.record(self.records, &record)?;
        self.records += 1;
        Ok(())
    }

    fn write_chunk(
        &mut self,
        store: &mut impl Store,
        source: Source,
        view: &[u8],
    ) -> io::Result<usize> {
        let mut cut = cut(view, self.room(), source.ending);
        if cut.bytes == 0 {
            return Ok(0);
        }
        if self.is_full_for(cut.bytes) {
            self.rotate(store)?;
            cut = super::split::cut(view, self.room(), source.ending);
        }
        let record = Record {
            offset: self.length,
            line: self.next,
            unix_ms: source.unix_ms,
            // A view is a chunk at most.
            length: u32::try_from(cut.bytes).unwrap_or(u32::MAX),
            stream: source.stream,
            continues: cut.continues,
        };
        store.record(self.records, &record)?;
        self.records += 1;
        self.owed = Some(Owed {
            record,
            missing: record.length,
        });
        if self.settle_debt(store)? != Some(record) {
            return Err(io::Error::other(
                "somebody else reads the service's FIFO; leave it to the agent",
            ));
        }
        self.show(store, &record, &view[..cut.bytes], cut.lines);
        Ok(cut.bytes)
    }

    /// Moves what is owed. Returns the record whose chunk is now in the file, if there was one.
    fn settle_debt(&mut self, store: &mut impl Store) -> io::Result<Option<Record>> {
        let Some(owed) = &mut self.owed else {
            return Ok(None);
        };
        while owed.missing > 0 {
            let moved = store.shift(owed.record.stream, self.length, owed.missing)?;
            if moved == 0 {
                // The FIFO was lost with its last user. What is in the file is all there is, and
                // what is written to the FIFO from now on was not promised.
                let length = owed.record.length.saturating_sub(owed.missing);
                let record = Record {
                    length,
                    ..owed.record
                };
                store.record(self.records.saturating_sub(1), &record)?;
                *owed = Owed { record, missing: 0 };
                break;
            }
            owed.missing = owed.missing.saturating_sub(moved);
            self.length += u64::from(moved);
        }
        Ok(Some(owed.record))
    }

    fn show(&mut self, store: &mut impl Store, record: &Record, chunk: &[u8], lines: u64) {
        store.publish(record, chunk);
        self.next = record.line.after(lines);
        self.owed = None;
    }

    /// How much still fits in the current file.
    fn room(&self) -> usize {
        let room = self.max_size_bytes.saturating_sub(self.length);
        usize::try_from(room).unwrap_or(usize::MAX)
    }

    fn is_full_for(&self, bytes: usize) -> bool {
        let index_bytes = (self.records + 1).saturating_mul(RECORD_BYTES as u64);
        let index_is_full = self.records > 0 && index_bytes > self.max_size_bytes;
        self.rotating || index_is_full || (self.length > 0 && bytes > self.room())
    }
}

#[cfg(test)]
mod tests;
