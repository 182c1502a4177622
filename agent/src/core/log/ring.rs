//! The newest lines of a service, in memory that grows as it is needed.

use super::index::Record;
use super::split::pieces;
use super::{Cursor, Line, Stream};
use std::collections::VecDeque;

/// What a line takes beside its bytes.
const ENTRY_BYTES: usize = size_of::<Entry>();

/// The newest lines, as many as fit.
#[derive(Debug)]
pub struct Ring {
    limit_bytes: usize,
    bytes: VecDeque<u8>,
    lines: VecDeque<Entry>,
    /// The place after the newest line.
    next: Cursor,
    /// How many bytes were ever let go.
    dropped: u64,
}

#[derive(Debug)]
struct Entry {
    /// How many bytes were ever put in, up to the end of this line.
    end: u64,
    unix_ms: u64,
    stream: Stream,
    continues: bool,
}

impl Ring {
    /// An empty one, whose first line will have the number `next`.
    #[must_use]
    pub const fn new(limit_bytes: usize, next: Cursor) -> Self {
        Self {
            limit_bytes,
            bytes: VecDeque::new(),
            lines: VecDeque::new(),
            next,
            dropped: 0,
        }
    }

    /// The place of the oldest line; that of the next one, if there is none.
    #[must_use]
    pub fn first(&self) -> Cursor {
        self.next.before(self.lines.len() as u64)
    }

    /// The place after the newest line.
    #[must_use]
    pub const fn next(&self) -> Cursor {
        self.next
    }

    /// Changes how much is kept.
    pub fn limit(&mut self, limit_bytes: usize) {
        self.limit_bytes = limit_bytes;
        self.make_room(0);
    }

    /// Forgets what it holds: the next line has the number `next`.
    pub fn begin(&mut self, next: Cursor) {
        self.clear();
        self.next = next;
    }

    /// Takes the lines of a chunk. If they are not the next ones, those before them are forgotten.
    pub fn push(&mut self, record: &Record, chunk: &[u8]) {
        if record.line != self.next {
            self.clear();
            self.next = record.line;
        }
        for piece in pieces(chunk, record.ending()) {
            self.next = self.next.after(1);
            let needed = piece.bytes.len() + ENTRY_BYTES;
            if needed > self.limit_bytes {
                self.clear();
                continue;
            }
            self.make_room(needed);
            self.bytes.extend(piece.bytes);
            self.lines.push_back(Entry {
                end: self.dropped + self.bytes.len() as u64,
                unix_ms: record.unix_ms,
                stream: record.stream,
                continues: piece.continues,
            });
        }
    }

    /// The lines from a place on, at most `limit_lines` and, after the first, `limit_bytes` of
    /// content. `None` if the first of them is no longer here.
    #[must_use]
    pub fn read(&self, from: Cursor, limit_lines: usize, limit_bytes: usize) -> Option<Vec<Line>> {
        if from < self.first() {
            return None;
        }
        let skipped = usize::try_from(from.since(self.first())).unwrap_or(usize::MAX);
        let mut lines = Vec::new();
        let mut length = 0;
        for index in skipped..self.lines.len().min(skipped.saturating_add(limit_lines)) {
            let line = self.line(index);
            length += line.bytes.len();
            if length > limit_bytes && !lines.is_empty() {
                break;
            }
            lines.push(line);
        }
        Some(lines)
    }

    fn line(&self, index: usize) -> Line {
        let entry = &self.lines[index];
        let start = index.checked_sub(1).map_or(0, |before| self.place(before));
        let (head, tail) = self.bytes.as_slices();
        let end = self.place(index);
        let mut bytes = Vec::with_capacity(end - start);
        bytes.extend_from_slice(&head[start.min(head.len())..end.min(head.len())]);
        let behind = |at: usize| at.saturating_sub(head.len());
        bytes.extend_from_slice(&tail[behind(start)..behind(end)]);
        Line {
            cursor: self.first().after(index as u64),
            unix_ms: entry.unix_ms,
            stream: entry.stream,
            continues: entry.continues,
            bytes,
        }
    }

    /// Where in `bytes` a line ends.
    fn place(&self, index: usize) -> usize {
        usize::try_from(self.lines[index].end - self.dropped).unwrap_or(usize::MAX)
    }

    /// Lets the oldest lines go until `needed` bytes more fit.
    fn make_room(&mut self, needed: usize) {
        while self.bytes.len() + self.lines.len() * ENTRY_BYTES + needed > self.limit_bytes {
            let Some(oldest) = self.lines.pop_front() else {
                return;
            };
            let length = usize::try_from(oldest.end - self.dropped).unwrap_or(usize::MAX);
            self.bytes.drain(..length);
            self.dropped = oldest.end;
        }
    }

    fn clear(&mut self) {
        self.dropped += self.bytes.len() as u64;
        self.bytes.clear();
        self.lines.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(line: u64) -> Record {
        Record {
            offset: 0,
            line: Cursor(line),
            unix_ms: line,
            length: 0,
            stream: Stream::Out,
            continues: false,
        }
    }

    /// Pushes the chunks, each with its first line's number, into a ring that holds `limit` lines
    /// of one byte, and asks for what is there from `from` on.
    #[track_caller]
    fn check(limit: usize, chunks: &[(u64, &str)], from: u64, expected: Option<&[&str]>) {
        let mut ring = Ring::new(limit * (ENTRY_BYTES + 1), Cursor(0));
        for (line, chunk) in chunks {
            ring.push(&record(*line), chunk.as_bytes());
        }
        let read = ring.read(Cursor(from), 3, 100);
        let texts = read.map(|lines| {
            let text = |line: Line| String::from_utf8(line.bytes).unwrap();
            lines.into_iter().map(text).collect::<Vec<_>>()
        });
        let expected = expected.map(<[_]>::to_vec);
        assert_eq!(
            texts.as_deref(),
            expected
                .as_deref()
                .map(|e| e.iter().map(ToString::to_string).collect::<Vec<_>>())
                .as_deref(),
            "{chunks:?} from {from}"
        );
    }

    #[test]
    fn the_newest_lines_are_kept_and_an_older_one_is_said_to_be_gone() {
        let chunks = [(0, "a\nb\n"), (2, "c\n")];
        check(2, &chunks, 1, Some(&["b", "c"]));
        check(2, &chunks, 0, None);
        check(2, &chunks, 3, Some(&[]));
        check(2, &chunks, 9, Some(&[]));
        check(9, &chunks, 0, Some(&["a", "b", "c"]));
    }

    #[test]
    fn a_read_is_bounded() {
        check(9, &[(0, "a\nb\nc\nd\n")], 0, Some(&["a", "b", "c"]));
    }

    #[test]
    fn a_line_longer_than_the_ring_leaves_it_empty() {
        check(1, &[(0, "a\nbbbbbbbb\n")], 0, None);
        check(1, &[(0, "a\nbbbbbbbb\n")], 2, Some(&[]));
        check(1, &[(0, "a\nbbbbbbbb\nc\n")], 2, Some(&["c"]));
        check(0, &[(0, "\n")], 1, Some(&[]));
    }

    #[test]
    fn a_gap_forgets_what_came_before_it() {
        check(9, &[(0, "a\n"), (5, "f\n")], 0, None);
        check(9, &[(0, "a\n"), (5, "f\n")], 5, Some(&["f"]));
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_was_pushed(
            chunks in proptest::collection::vec("([a-z]{0,9}\n){0,6}", 0..30),
            limit in 0..600_usize,
        ) {
            let mut ring = Ring::new(limit, Cursor(0));
            let mut all: Vec<Line> = Vec::new();
            for chunk in &chunks {
                let record = record(all.len() as u64);
                ring.push(&record, chunk.as_bytes());
                all.extend(record.lines(chunk.as_bytes()));
                prop_assert!(ring.bytes.len() + ring.lines.len() * ENTRY_BYTES <= limit);
                let kept = usize::try_from(ring.first().0).unwrap();
                let read = ring.read(ring.first(), usize::MAX, usize::MAX);
                prop_assert_eq!(read.as_deref(), Some(&all[kept..]));
            }
        }
    }
}
