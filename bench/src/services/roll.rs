//! Where services tell that they have started: a FIFO that all of them write a line to.

use anyhow::{Context, Result, bail};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::mkfifo;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

/// What a service tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its name.
    pub(super) name: String,
    /// Its process id.
    pub(super) pid: i32,
    /// When, on the monotonic clock.
    pub(super) at: Duration,
    /// How many lines it has written; none yet if it has just started.
    pub(super) lines: u64,
}

/// The reading end.
#[derive(Debug)]
pub(super) struct Roll {
    fifo: File,
    partial: Vec<u8>,
    entries: VecDeque<Entry>,
}

impl Roll {
    /// Makes the FIFO.
    pub(super) fn open(path: &Path) -> Result<Self> {
        mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR)?;
        // Both ways, so that it has no end.
        let fifo = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Self {
            fifo,
            partial: Vec::new(),
            entries: VecDeque::new(),
        })
    }

    /// The next entry. An error if there is none for so long.
    pub(super) fn next(&mut self, patience: Duration) -> Result<Entry> {
        loop {
            if let Some(entry) = self.entries.pop_front() {
                return Ok(entry);
            }
            let mut fds = [PollFd::new(self.fifo.as_fd(), PollFlags::POLLIN)];
            if poll(&mut fds, PollTimeout::try_from(patience)?)? == 0 {
                bail!("no service has started for {} s", patience.as_secs());
            }
            let mut bytes = [0; 4096];
            let count = self.fifo.read(&mut bytes)?;
            self.take(&bytes[..count])?;
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.partial.extend_from_slice(bytes);
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let entry = parse(&line).with_context(|| format!("not an entry: {line:?}"))?;
            self.entries.push_back(entry);
        }
        Ok(())
    }
}

fn parse(line: &str) -> Option<Entry> {
    let mut words = line.split_whitespace();
    Some(Entry {
        name: words.next()?.to_owned(),
        pid: words.next()?.parse().ok()?,
        at: Duration::from_nanos(words.next()?.parse().ok()?),
        lines: words.next()?.parse().ok()?,
    })
}

/// Now, on the clock that services tell.
pub(super) fn monotonic() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_MONOTONIC)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_may_come_in_pieces() {
        let place = tempfile::tempdir().unwrap();
        let mut roll = Roll::open(&place.path().join("roll")).unwrap();
        roll.take(b"a 7 10").unwrap();
        assert_eq!(roll.entries.len(), 0);
        roll.take(b"00 5\nb 8 2 0\n").unwrap();
        let entry = Entry {
            name: "a".to_owned(),
            pid: 7,
            at: Duration::from_micros(1),
            lines: 5,
        };
        assert_eq!(roll.next(Duration::ZERO).unwrap(), entry);
        assert_eq!(roll.next(Duration::ZERO).unwrap().name, "b");
        roll.next(Duration::ZERO).expect_err("nobody wrote");
    }
}
