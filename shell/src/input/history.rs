//! The lines typed before, as many as fit.

use super::bytes;
use heapless::Vec;

/// The lines typed before, in `BYTES` bytes: each takes its length and one more.
#[derive(Clone, Debug, Default)]
pub(super) struct History<const BYTES: usize> {
    /// The lines, the oldest first, an LF behind each.
    lines: Vec<u8, BYTES>,
    /// Where the line that is recalled begins; the end of all if none is.
    at: usize,
}

impl<const BYTES: usize> History<BYTES> {
    pub(super) const fn new() -> Self {
        Self {
            lines: Vec::new(),
            at: 0,
        }
    }

    /// The line that is recalled.
    pub(super) fn recalled(&self) -> Option<&[u8]> {
        let lines = self.lines.get(self.at..)?;
        lines.get(..first_end(lines)?)
    }

    /// Recalls the line before; `false` if there is none.
    pub(super) fn older(&mut self) -> bool {
        let Some(end) = self.at.checked_sub(1) else {
            return false;
        };
        let older = self.lines.get(..end).unwrap_or_default();
        let above = older.iter().rposition(|byte| *byte == END);
        self.at = above.map_or(0, |end| end + 1);
        true
    }

    /// Recalls the line behind, or none behind the last; `false` if none was recalled.
    pub(super) fn newer(&mut self) -> bool {
        let Some(line) = self.recalled() else {
            return false;
        };
        self.at += line.len() + 1;
        true
    }

    /// Recalls none.
    pub(super) fn leave(&mut self) {
        self.at = self.lines.len();
    }

    /// Keeps a line, unless it is the newest already or blank, or takes more than there is.
    pub(super) fn keep(&mut self, line: &[u8]) {
        let is_blank = line.iter().all(|byte| matches!(byte, b' ' | b'\t'));
        if !is_blank && line.len() < BYTES && !self.is_newest(line) {
            while self.lines.len() + line.len() >= BYTES {
                let Some(end) = first_end(&self.lines) else {
                    break;
                };
                bytes::remove(&mut self.lines, 0, end + 1);
            }
            // There is room for both now.
            let _ = self.lines.extend_from_slice(line);
            let _ = self.lines.push(END);
        }
        self.leave();
    }

    /// Forgets this line, if it is the newest.
    pub(super) fn drop(&mut self, line: &[u8]) {
        if self.is_newest(line) {
            self.lines.truncate(self.at);
        }
        self.leave();
    }

    /// Forgets all lines.
    pub(super) fn clear(&mut self) {
        self.lines.clear();
        self.leave();
    }

    /// Recalls the newest line, and compares it.
    fn is_newest(&mut self, line: &[u8]) -> bool {
        self.leave();
        self.older() && self.recalled() == Some(line)
    }
}

/// Ends a line: no line holds one.
const END: u8 = b'\n';

fn first_end(lines: &[u8]) -> Option<usize> {
    lines.iter().position(|byte| *byte == END)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps these lines and compares what is recalled, from the newest on.
    #[track_caller]
    fn check(lines: &[&str], recalled: &[&str]) {
        let mut history = History::<8>::new();
        for line in lines {
            history.keep(line.as_bytes());
        }
        for expected in recalled {
            assert!(history.older(), "{lines:?} lost {expected}");
            assert_eq!(history.recalled(), Some(expected.as_bytes()), "{lines:?}");
        }
        assert!(!history.older(), "{lines:?}");
        for expected in recalled.iter().rev().skip(1) {
            assert!(history.newer());
            assert_eq!(history.recalled(), Some(expected.as_bytes()), "{lines:?}");
        }
        assert_eq!(history.newer(), !recalled.is_empty());
        assert_eq!(history.recalled(), None);
        assert!(!history.newer());
    }

    #[test]
    fn the_oldest_make_room() {
        check(&[], &[]);
        check(&["a", "b"], &["b", "a"]);
        check(&["a", "b", "c", "d"], &["d", "c", "b", "a"]);
        check(&["a", "b", "c", "d", "e"], &["e", "d", "c", "b"]);
        check(&["a", "b", "cdef"], &["cdef", "b"]);
        check(&["a", "1234567"], &["1234567"]);
        check(&["a", "12345678"], &["a"]);
    }

    #[test]
    fn what_repeats_is_kept_once_and_blanks_are_not() {
        check(&["a", "a", "b", "b", "a"], &["a", "b", "a"]);
        check(&["", " ", "\t"], &[]);
        check(&["ba", "a", "ba"], &["ba", "a", "ba"]);
    }

    #[test]
    fn only_the_newest_is_dropped() {
        let mut history = History::<8>::new();
        history.keep(b"a");
        history.keep(b"ba");
        history.drop(b"a");
        assert!(history.older());
        assert_eq!(history.recalled(), Some(&b"ba"[..]));
        history.drop(b"ba");
        assert!(history.older());
        assert_eq!(history.recalled(), Some(&b"a"[..]));
    }

    #[test]
    fn without_room_nothing_is_kept() {
        let mut history = History::<0>::new();
        history.keep(b"a");
        assert!(!history.older() && history.recalled().is_none());
    }
}
