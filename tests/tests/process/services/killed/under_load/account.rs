//! The account of numbered lines: which are there, which are not, which are there again.

use std::fmt;
use std::ops::AddAssign;

/// The account of one stream, whose lines are `STREAM NUMBER`, from 1 on.
#[derive(Debug)]
struct StreamAccount {
    stream: &'static str,
    /// For each line that was written: whether it has been seen.
    seen: Vec<bool>,
    /// The number of the line before.
    previous: usize,
}

/// The account of one service.
#[derive(Debug)]
pub(super) struct ServiceAccount {
    streams: Vec<StreamAccount>,
    found: AccountTotals,
}

impl ServiceAccount {
    /// Returns the account of a service that wrote so many lines to each of its streams.
    pub(super) fn new(streams: &[&'static str], written: &[usize]) -> Self {
        let streams = streams.iter().zip(written);
        let account = |(stream, written): (&&'static str, &usize)| StreamAccount {
            stream,
            seen: vec![false; *written],
            previous: 0,
        };
        Self {
            streams: streams.map(account).collect(),
            found: AccountTotals::default(),
        }
    }

    /// Takes the next line, its newline with it.
    pub(super) fn take(&mut self, line: &[u8]) {
        let Some((number, stream)) = self.read(line) else {
            self.found.damaged += 1;
            return;
        };
        let is_seen = &mut stream.seen[number - 1];
        let found = AccountTotals {
            lines: usize::from(!*is_seen),
            doubled: usize::from(*is_seen),
            disordered: usize::from(number < stream.previous),
            ..AccountTotals::default()
        };
        *is_seen = true;
        stream.previous = number;
        self.found += found;
    }

    /// Returns a line's number and stream, if it is one that was written.
    fn read(&mut self, line: &[u8]) -> Option<(usize, &mut StreamAccount)> {
        let (stream, number) = str::from_utf8(line)
            .ok()?
            .strip_suffix('\n')?
            .split_once(' ')?;
        let number = number.parse().ok()?;
        let account = self.streams.iter_mut().find(|it| it.stream == stream)?;
        (1..=account.seen.len())
            .contains(&number)
            .then_some((number, account))
    }

    /// Returns what was found, and what was not.
    pub(super) fn close(self) -> AccountTotals {
        let seen = self.streams.iter().flat_map(|stream| &stream.seen);
        AccountTotals {
            lost: seen.filter(|is_seen| !**is_seen).count(),
            ..self.found
        }
    }
}

/// Lines of several services.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AccountTotals {
    lines: usize,
    lost: usize,
    doubled: usize,
    /// Behind one that was written later.
    disordered: usize,
    /// Not as any was written.
    damaged: usize,
}

impl AccountTotals {
    /// So many lines, and nothing wrong.
    pub(super) fn all_of(lines: usize) -> Self {
        Self {
            lines,
            ..Self::default()
        }
    }
}

impl AddAssign for AccountTotals {
    fn add_assign(&mut self, more: Self) {
        self.lines += more.lines;
        self.lost += more.lost;
        self.doubled += more.doubled;
        self.disordered += more.disordered;
        self.damaged += more.damaged;
    }
}

impl fmt::Display for AccountTotals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "lines: {}, lost: {}, doubled: {}, disordered: {}, damaged: {}",
            self.lines, self.lost, self.doubled, self.disordered, self.damaged
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a service that wrote three lines to standard output and one to standard error.
    #[track_caller]
    fn check(text: &str, [lines, lost, doubled, disordered, damaged]: [usize; 5]) {
        let mut account = ServiceAccount::new(&["out", "err"], &[3, 1]);
        for line in text.split_inclusive('\n') {
            account.take(line.as_bytes());
        }
        let expected = AccountTotals {
            lines,
            lost,
            doubled,
            disordered,
            damaged,
        };
        assert_eq!(account.close(), expected, "{text:?}");
    }

    #[test]
    fn every_line_once_and_in_order_is_nothing_wrong() {
        check("out 1\nerr 1\nout 2\nout 3\n", [4, 0, 0, 0, 0]);
    }

    #[test]
    fn a_lost_line_is_found() {
        check("out 1\nerr 1\nout 3\n", [3, 1, 0, 0, 0]);
        check("out 1\nerr 1\nout 2\n", [3, 1, 0, 0, 0]);
        check("out 1\nout 2\nout 3\n", [3, 1, 0, 0, 0]);
        check("", [0, 4, 0, 0, 0]);
    }

    #[test]
    fn a_doubled_line_is_found() {
        check("out 1\nout 2\nerr 1\nout 2\nout 3\n", [4, 0, 1, 0, 0]);
        check("out 1\nout 2\nout 3\nerr 1\nerr 1\n", [4, 0, 1, 0, 0]);
    }

    #[test]
    fn a_line_that_comes_late_is_found() {
        check("out 1\nout 3\nout 2\nerr 1\n", [4, 0, 0, 1, 0]);
        check("out 1\nout 2\nout 3\nerr 1\nout 1\n", [4, 0, 1, 1, 0]);
    }

    #[test]
    fn what_nobody_wrote_is_found() {
        check("out 1\nout 2out 3\nerr 1\n", [2, 2, 0, 0, 1]);
        check("out 1\nout 2\nout 3\nerr 1\nerr 2\n", [4, 0, 0, 0, 1]);
        check("out 0\nout 1\nout 2\nout 3\nerr 1\n", [4, 0, 0, 0, 1]);
        check("out 1\nout 2\nout 3\nerr 1", [3, 1, 0, 0, 1]);
    }
}
