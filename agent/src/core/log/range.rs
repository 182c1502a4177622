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
    /// The first line that is not wanted; `None` for whoever follows.
    pub until: Option<Cursor>,
    /// How many lines are gone that were wanted.
    pub missed: u64,
    /// Of a tail that is longer than the log nothing is missed: so many lines at most.
    forgiven: u64,
}

impl LogRange {
    /// Returns what is wanted of a log that ends at `known`. With `goes_on`, all that comes behind it, too.
    #[must_use]
    pub fn new(wanted: &Logs, known: Cursor, goes_on: bool) -> Self {
        let most = u64::from(wanted.lines);
        let (at, forgiven) = match wanted.from {
            Some(from) => (Cursor(from).min(known), 0),
            None => (known.before(most), most),
        };
        Self {
            name: wanted.name.clone(),
            at,
            until: (!goes_on).then(|| at.after(most).min(known)),
            missed: 0,
            forgiven,
        }
    }

    /// Takes the next lines as far as they are wanted. Returns how many were missed before them.
    pub fn take(&mut self, missed: u64, lines: &mut Vec<Line>) -> u64 {
        let missed_now = missed.saturating_sub(mem::take(&mut self.forgiven));
        lines.retain(|line| self.until.is_none_or(|until| line.cursor < until));
        self.at = match lines.last() {
            Some(last) => last.cursor.after(1),
            None => self.at.after(missed).max(self.until.unwrap_or_default()),
        };
        self.missed += missed_now;
        missed_now
    }

    /// Wants nothing at or behind `end`.
    pub fn end_at(&mut self, end: Cursor) {
        self.until = Some(self.until.unwrap_or(end).min(end));
    }

    /// Returns whether everything wanted was taken.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.until.is_some_and(|until| until <= self.at)
    }
}
