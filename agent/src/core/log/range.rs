//! The part of a log that somebody wants, as far as it is still to be read.

use super::{Cursor, Line};
use lastword_protocol::message::service::{Logs, ServiceName};
use std::mem;

/// The part of a log that is still to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRange {
    /// Of which service.
    pub name: ServiceName,
    /// The next line.
    pub at: Cursor,
    /// How many lines are gone that were wanted.
    pub missed: u64,
    /// The end; `None` for whoever follows.
    end: Option<RangeEnd>,
    /// Of a tail that is longer than the log nothing is missed: so many lines at most.
    forgiven: u64,
}

/// The end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RangeEnd {
    /// The most lines that are still wanted. Lines that are gone do not count.
    lines: u64,
    /// The first line that is not wanted, however few there were.
    until: Cursor,
}

impl LogRange {
    /// Returns what is wanted of a log that ends at `known`. With `goes_on`, all that comes behind it, too.
    #[must_use]
    pub fn new(wanted: &Logs, known: Cursor, goes_on: bool) -> Self {
        let lines = u64::from(wanted.lines);
        let (at, forgiven) = match wanted.from {
            Some(from) => (Cursor(from).min(known), 0),
            None => (known.before(lines), lines),
        };
        let until = known;
        Self {
            name: wanted.name.clone(),
            at,
            missed: 0,
            end: (!goes_on).then_some(RangeEnd { lines, until }),
            forgiven,
        }
    }

    /// Takes the next lines as far as they are wanted. Returns how many were missed before them.
    pub fn take(&mut self, missed: u64, lines: &mut Vec<Line>) -> u64 {
        let missed_now = missed.saturating_sub(mem::take(&mut self.forgiven));
        if let Some(end) = &mut self.end {
            lines.retain(|line| line.cursor < end.until);
            lines.truncate(usize::try_from(end.lines).unwrap_or(usize::MAX));
            end.lines -= lines.len() as u64;
        }
        self.at = match (lines.last(), self.end) {
            (Some(last), _) => last.cursor.after(1),
            // Whoever reads has found nothing up to the end.
            (None, Some(end)) if missed == 0 => end.until.max(self.at),
            (None, _) => self.at.after(missed),
        };
        self.missed += missed_now;
        missed_now
    }

    /// Wants nothing at or behind `until`.
    pub fn end_at(&mut self, until: Cursor) {
        let end = self.end.get_or_insert(RangeEnd {
            lines: u64::MAX,
            until,
        });
        end.until = end.until.min(until);
    }

    /// Returns whether lines are wanted that have not come yet.
    #[must_use]
    pub const fn is_followed(&self) -> bool {
        self.end.is_none()
    }

    /// Returns whether everything wanted was taken.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.end
            .is_some_and(|end| end.lines == 0 || end.until <= self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::log::Stream;
    use lastword_protocol::Text;

    const KNOWN: Cursor = Cursor(100);

    fn range(from: Option<u64>, lines: u16) -> LogRange {
        let name = Text::try_from("camera").unwrap();
        let wanted = Logs {
            name,
            from,
            lines,
            follow: false,
        };
        LogRange::new(&wanted, KNOWN, false)
    }

    #[test]
    fn a_range_of_which_nothing_can_be_read_is_over() {
        let mut range = range(Some(3), 10);
        assert_eq!(range.take(0, &mut Vec::new()), 0);
        assert!(range.is_over());
        assert_eq!(range.at, KNOWN);
    }

    /// Reads what a log that begins at `oldest` and goes on to 200 has of a range, in batches. Returns
    /// the numbers of the lines, where it ended, and how many were missed.
    fn read(mut range: LogRange, oldest: u64) -> (Vec<u64>, u64, u64) {
        let mut numbers = Vec::new();
        while !range.is_over() {
            let first = range.at.0.max(oldest);
            let line = |number| Line {
                cursor: Cursor(number),
                unix_ms: 0,
                stream: Stream::Out,
                continues: false,
                bytes: Vec::new(),
            };
            let mut lines = (first..(first + 7).min(200)).map(line).collect();
            range.take(first - range.at.0, &mut lines);
            numbers.extend(lines.iter().map(|line| line.cursor.0));
        }
        (numbers, range.at.0, range.missed)
    }

    #[test]
    fn so_many_lines_as_are_wanted_are_taken_of_what_is_still_there() {
        for (from, lines, oldest, expected, end, missed) in [
            (Some(0), 10, 0, 0..10, 10, 0),
            (Some(0), 10, 5, 5..15, 15, 5),
            (Some(0), 10, 50, 50..60, 60, 50),
            (Some(0), 100, 50, 50..100, 100, 50),
            (Some(95), 10, 0, 95..100, 100, 0),
            (Some(95), 10, 100, 0..0, 100, 5),
            // All that there was is gone, and some that came later.
            (Some(95), 10, 120, 0..0, 120, 25),
            (Some(150), 10, 0, 0..0, 100, 0),
            (None, 10, 0, 90..100, 100, 0),
            (None, 10, 95, 95..100, 100, 0),
            (None, 1_000, 95, 95..100, 100, 0),
            (None, 0, 0, 0..0, 100, 0),
        ] {
            let (numbers, at, gone) = read(range(from, lines), oldest);
            let input = format!("{lines} from {from:?} of a log from {oldest} on");
            assert_eq!(numbers, expected.collect::<Vec<_>>(), "{input}");
            assert_eq!((at, gone), (end, missed), "{input}");
        }
    }
}
