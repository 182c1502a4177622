//! Reads a service's lines back from its files, by their numbers.

use super::files::open_file;
use super::paths::Paths;
use crate::core::log::index::{RECORD_BYTES, Record};
use crate::core::log::split::pieces;
use crate::core::log::{Cursor, Line};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// Log and index, open for reading: they can be renamed and removed meanwhile.
#[derive(Debug)]
struct Pair {
    log: File,
    index: File,
    records: u64,
}

/// The pairs of a service that hold a line and what follows it, the oldest first.
#[derive(Debug)]
pub(super) struct Archive {
    pairs: Vec<Pair>,
}

/// How much to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) from: Cursor,
    /// The first line not to read: what comes after it may not be whole yet.
    pub(super) until: Cursor,
    pub(super) lines: usize,
    /// Content; the first line is read even if it is longer.
    pub(super) bytes: usize,
}

impl Archive {
    /// Opens what holds the line `from`, or everything there is if none does. No rotation may
    /// run meanwhile.
    pub(super) fn open(paths: &Paths, from: Cursor) -> io::Result<Self> {
        let mut pairs = Vec::new();
        let mut absent = 0;
        for age in 0.. {
            match Pair::open(paths, age)? {
                Some(pair) => {
                    let first = pair.first()?;
                    pairs.push(pair);
                    if first.is_some_and(|record| record.line <= from) {
                        break;
                    }
                }
                // A rotation that was cut short leaves a gap of one.
                None if absent > 0 => break,
                None => absent += 1,
            }
        }
        pairs.reverse();
        Ok(Self { pairs })
    }

    /// Reads lines that follow each other. If those from `from` on are gone, the first is the
    /// oldest there is.
    pub(super) fn read(&self, extent: Extent) -> io::Result<Vec<Line>> {
        let mut reading = Reading {
            extent,
            lines: Vec::new(),
            bytes: 0,
        };
        for pair in &self.pairs {
            let start = pair.find(extent.from)?;
            for number in start..pair.records {
                let Some((record, chunk)) = pair.chunk(number)? else {
                    break;
                };
                if reading.take(&record, &chunk) {
                    return Ok(reading.lines);
                }
            }
        }
        Ok(reading.lines)
    }
}

/// Lines that are being collected.
struct Reading {
    extent: Extent,
    lines: Vec<Line>,
    bytes: usize,
}

impl Reading {
    /// Takes the lines of a chunk that are asked for. Returns whether that is all.
    fn take(&mut self, record: &Record, chunk: &[u8]) -> bool {
        for (piece, count) in pieces(chunk, record.ending()).zip(0..) {
            let cursor = record.line.after(count);
            if cursor < self.extent.from {
                continue;
            }
            self.bytes += piece.bytes.len();
            let full = self.lines.len() >= self.extent.lines || self.bytes > self.extent.bytes;
            let gap = self
                .lines
                .last()
                .is_some_and(|line| line.cursor.after(1) != cursor);
            if cursor >= self.extent.until || gap || (full && !self.lines.is_empty()) {
                return true;
            }
            self.lines.push(Line {
                cursor,
                unix_ms: record.unix_ms,
                stream: record.stream,
                continues: piece.continues,
                bytes: piece.bytes.to_vec(),
            });
        }
        false
    }
}

impl Pair {
    /// `None` if one of the two is missing.
    fn open(paths: &Paths, age: u32) -> io::Result<Option<Self>> {
        let mut options = OpenOptions::new();
        options.read(true);
        let mut open = |path: PathBuf| match open_file(&mut options, &path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        let (Some(log), Some(index)) = (open(paths.log(age))?, open(paths.index(age))?) else {
            return Ok(None);
        };
        let records = index.metadata()?.len() / RECORD_BYTES as u64;
        Ok(Some(Self {
            log,
            index,
            records,
        }))
    }

    fn first(&self) -> io::Result<Option<Record>> {
        if self.records == 0 {
            return Ok(None);
        }
        record(&self.index, 0)
    }

    /// The number of the last record whose chunk begins at that line or before it, else the first.
    fn find(&self, line: Cursor) -> io::Result<u64> {
        let (mut below, mut above) = (0, self.records);
        while above - below > 1 {
            let middle = below + (above - below) / 2;
            if record(&self.index, middle)?.is_some_and(|it| it.line <= line) {
                below = middle;
            } else {
                above = middle;
            }
        }
        Ok(below)
    }

    /// A record and what there is of its chunk; `None` where the index is not readable.
    fn chunk(&self, number: u64) -> io::Result<Option<(Record, Vec<u8>)>> {
        let Some(this) = record(&self.index, number)? else {
            return Ok(None);
        };
        let next = if number + 1 < self.records {
            record(&self.index, number + 1)?
        } else {
            None
        };
        let end = next.map_or(this.end(), |next| next.offset.min(this.end()));
        Ok(Some((this, chunk(&self.log, &this, end)?)))
    }
}

/// The record of that number; `None` if there is none that can be read.
pub(super) fn record(index: &File, number: u64) -> io::Result<Option<Record>> {
    let mut bytes = [0; RECORD_BYTES];
    match index.read_exact_at(&mut bytes, number * RECORD_BYTES as u64) {
        Ok(()) => Ok(Record::decode(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a log holds of a record's chunk, up to `end`.
pub(super) fn chunk(log: &File, record: &Record, end: u64) -> io::Result<Vec<u8>> {
    let length = end.saturating_sub(record.offset);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    let mut filled = 0;
    while filled < bytes.len() {
        let at = record.offset + filled as u64;
        match log.read_at(&mut bytes[filled..], at) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// A number that no line of the files has reached.
pub(super) fn end(paths: &Paths) -> io::Result<Cursor> {
    let archive = Archive::open(paths, Cursor(u64::MAX))?;
    for pair in archive.pairs.iter().rev() {
        for number in (0..pair.records).rev() {
            if let Some((record, chunk)) = pair.chunk(number)? {
                let whole = chunk.len() as u64 == u64::from(record.length);
                // What is not there had no more lines than bytes.
                return Ok(record.line.after(if whole {
                    pieces(&chunk, record.ending()).count() as u64
                } else {
                    u64::from(record.length)
                }));
            }
        }
    }
    Ok(Cursor(0))
}
