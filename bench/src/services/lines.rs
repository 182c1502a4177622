//! What has become of the lines that a service wrote: each is numbered, so none can be missing unseen.

use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

/// How long a line is, with its end: as `lastword-bench-service` writes it.
pub(super) const LINE_BYTES: u64 = 100;

/// How many of so many lines are not in these files, the oldest first: missing, damaged, or out of
/// order.
pub(super) fn lost(files: &[PathBuf], written: u64) -> Result<u64> {
    let mut count = Count::default();
    for path in files {
        let file = File::open(path).with_context(|| format!("no {}", path.display()))?;
        let mut file = BufReader::with_capacity(1 << 20, file);
        let mut line = Vec::new();
        while file.read_until(b'\n', &mut line)? > 0 {
            count.push(&line);
            line.clear();
        }
    }
    Ok(count.wrong + written.saturating_sub(count.good))
}

/// What was found so far.
#[derive(Debug, Default)]
struct Count {
    next: u64,
    good: u64,
    wrong: u64,
}

impl Count {
    fn push(&mut self, line: &[u8]) {
        match number(line) {
            // What is skipped is missed at the end.
            Some(number) if number >= self.next => {
                self.next = number + 1;
                self.good += 1;
            }
            _ => self.wrong += 1,
        }
    }
}

/// The number of a line that is whole.
fn number(line: &[u8]) -> Option<u64> {
    let (digits, rest) = line.split_at_checked(10)?;
    let fill = rest.strip_prefix(b" ")?.strip_suffix(b"\n")?;
    let is_whole = line.len() as u64 == LINE_BYTES && fill.iter().all(|byte| *byte == b'.');
    let digits = str::from_utf8(digits).ok()?;
    is_whole.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u64) -> String {
        format!("{number:010} {}\n", ".".repeat(88))
    }

    #[track_caller]
    fn check(files: &[&str], written: u64, expected: u64) {
        let place = tempfile::tempdir().unwrap();
        let mut paths = Vec::new();
        for (index, text) in files.iter().enumerate() {
            paths.push(place.path().join(index.to_string()));
            std::fs::write(&paths[index], text).unwrap();
        }
        assert_eq!(lost(&paths, written).unwrap(), expected, "{files:?}");
    }

    #[test]
    fn every_line_that_is_not_there_counts() {
        let [a, b, c] = [line(0), line(1), line(2)];
        check(&[&format!("{a}{b}{c}")], 3, 0);
        check(&[&a, &format!("{b}{c}")], 3, 0);
        check(&[&format!("{a}{c}")], 3, 1);
        check(&[&b], 3, 2);
        check(&[], 3, 3);
    }

    #[test]
    fn what_was_never_written_counts() {
        let [a, b] = [line(0), line(1)];
        check(&[&format!("{a}{a}{b}")], 2, 1);
        // Cut short: that line is missed, and the piece is of nothing.
        check(&[&format!("{a}{}", &b[..50])], 2, 2);
        check(&[&format!("{b}{a}")], 2, 2);
    }
}
