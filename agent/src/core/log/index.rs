//! The index beside a log file: which stream each chunk of it came from, and when.
//!
//! A record of 32 bytes, little endian: offset u64, number of the first line u64, milliseconds
//! since 1970 u64, length u32, stream u8 (1 out, 2 err), continues u8 (0 or 1), mark u16. It is
//! written before its chunk: until the next record begins, a file may hold less than it says.

use super::split::{Ending, pieces};
use super::{CHUNK_BYTES, Cursor, Line, Stream};

/// How long a record is, in bytes. A power of two, so that none crosses a page, and a killed
/// agent's write of one is whole or absent.
pub const RECORD_BYTES: usize = 32;
/// Tells a record from zeros that a power failure left.
const MARK: u16 = 0x4C57;

/// What the index says of one chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where in the file it begins, in bytes.
    pub offset: u64,
    /// The number of its first line.
    pub line: Cursor,
    /// When it was written, in milliseconds since 1970.
    pub unix_ms: u64,
    /// How long it is meant to be, in bytes; at most [`CHUNK_BYTES`].
    pub length: u32,
    /// Where it came from.
    pub stream: Stream,
    /// Whether its last line goes on in the next chunk of that stream.
    pub continues: bool,
}

impl Record {
    /// Where in the file it is meant to end.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(u64::from(self.length))
    }

    /// As it is in the file.
    #[must_use]
    pub fn encode(&self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.line.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.unix_ms.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.length.to_le_bytes());
        bytes[28] = match self.stream {
            Stream::Out => 1,
            Stream::Err => 2,
        };
        bytes[29] = u8::from(self.continues);
        bytes[30..].copy_from_slice(&MARK.to_le_bytes());
        bytes
    }

    /// Reads one; `None` if it is none.
    #[must_use]
    pub fn decode(bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let [offset, line, unix_ms, tail] = *<&[[u8; 8]; 4]>::try_from(words).ok()?;
        debug_assert!(rest.is_empty());
        let [l0, l1, l2, l3, stream, continues, m0, m1] = tail;
        let record = Self {
            offset: u64::from_le_bytes(offset),
            line: Cursor(u64::from_le_bytes(line)),
            unix_ms: u64::from_le_bytes(unix_ms),
            length: u32::from_le_bytes([l0, l1, l2, l3]),
            stream: match stream {
                1 => Stream::Out,
                2 => Stream::Err,
                _ => return None,
            },
            continues: match continues {
                0 => false,
                1 => true,
                _ => return None,
            },
        };
        let fits = usize::try_from(record.length).is_ok_and(|length| length <= CHUNK_BYTES);
        (fits && u16::from_le_bytes([m0, m1]) == MARK).then_some(record)
    }

    /// The lines of its chunk; fewer than were meant, if `chunk` is shorter.
    pub fn lines<'a>(&self, chunk: &'a [u8]) -> impl Iterator<Item = Line> + use<'a> {
        let record = *self;
        pieces(chunk, self.ending())
            .zip(0..)
            .map(move |(piece, count)| Line {
                cursor: record.line.after(count),
                unix_ms: record.unix_ms,
                stream: record.stream,
                continues: piece.continues,
                bytes: piece.bytes.to_vec(),
            })
    }

    /// How its last line ends, where no newline does it.
    #[must_use]
    pub fn ending(&self) -> Ending {
        if self.continues {
            Ending::Continues
        } else {
            Ending::Ends
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: Record = Record {
        offset: 0x0102_0304_0506_0708,
        line: Cursor(9),
        unix_ms: 1_700_000_000_123,
        length: 5,
        stream: Stream::Err,
        continues: true,
    };

    #[track_caller]
    fn check(change: impl Fn(&mut [u8; RECORD_BYTES]), expected: Option<Record>) {
        let mut bytes = RECORD.encode();
        change(&mut bytes);
        assert_eq!(Record::decode(&bytes), expected, "{bytes:?}");
    }

    #[test]
    fn what_was_written_is_read() {
        check(|_| {}, Some(RECORD));
        let out = Record {
            stream: Stream::Out,
            continues: false,
            ..RECORD
        };
        check(|bytes| *bytes = out.encode(), Some(out));
    }

    #[test]
    fn what_is_no_record_is_not_taken_for_one() {
        check(|bytes| bytes.fill(0), None);
        check(|bytes| bytes[27] = 1, None);
        check(|bytes| bytes[28] = 3, None);
        check(|bytes| bytes[29] = 2, None);
        check(|bytes| bytes[31] = 0, None);
    }

    #[test]
    fn only_the_last_line_of_a_chunk_goes_on() {
        let lines: Vec<_> = RECORD.lines(b"a\nbc").collect();
        let seen: Vec<_> = lines
            .iter()
            .map(|line| (line.cursor.0, &line.bytes[..], line.continues))
            .collect();
        assert_eq!(seen, [(9, &b"a"[..], false), (10, b"bc", true)]);
    }
}
