//! Somebody who talks to a real agent over a real socket or tty; every wait has a bound.

use super::BOUND;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{Shutdown, shutdown};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// One end of a link to an agent.
#[derive(Debug)]
pub struct Peer {
    file: File,
    seen: Vec<u8>,
}

impl Peer {
    /// Takes over a socket.
    #[must_use]
    pub fn new(socket: impl Into<OwnedFd>) -> Self {
        Self {
            file: File::from(socket.into()),
            seen: Vec::new(),
        }
    }

    /// Opens a tty.
    #[must_use]
    pub fn open_tty(path: &Path) -> Self {
        Self {
            file: open_tty(path),
            seen: Vec::new(),
        }
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.file.write_all(bytes.as_ref()).expect("a link");
    }

    /// Sends bytes, or as many as the agent lets be sent before it hangs up.
    pub fn try_send(&mut self, bytes: &[u8]) {
        // Whether they arrive is up to the agent.
        let _ = self.file.write_all(bytes);
    }

    /// Sends a line and returns the next one that comes.
    pub fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\n"));
        self.line()
    }

    /// Asks again and again until the answer holds `part`.
    pub fn ask_until(&mut self, line: &str, part: &str) -> String {
        let mut answer = String::new();
        for _ in 0..ASK_LIMIT {
            answer = self.ask(line);
            if answer.contains(part) {
                return answer;
            }
        }
        panic!("never {part:?}, at last {answer:?}");
    }

    /// The next line, without its end.
    pub fn line(&mut self) -> String {
        self.until("\n").trim_end().to_owned()
    }

    /// Everything up to and including `end`.
    pub fn until(&mut self, end: &str) -> String {
        let end = end.as_bytes();
        loop {
            let found = self.seen.windows(end.len()).position(|bytes| bytes == end);
            if let Some(at) = found {
                let text: Vec<u8> = self.seen.drain(..at + end.len()).collect();
                return String::from_utf8_lossy(&text).into_owned();
            }
            let seen = String::from_utf8_lossy(&self.seen).into_owned();
            assert!(self.fill(), "the link ended behind {seen:?}");
        }
    }

    /// The next byte; `None` at the end of the link.
    pub fn byte(&mut self) -> Option<u8> {
        if self.seen.is_empty() && !self.fill() {
            return None;
        }
        Some(self.seen.remove(0))
    }

    /// Everything that comes until the agent closes the link.
    pub fn rest(&mut self) -> String {
        while self.fill() {}
        String::from_utf8_lossy(&std::mem::take(&mut self.seen)).into_owned()
    }

    /// Says that nothing more will be sent.
    pub fn half_close(&self) {
        shutdown(self.file.as_raw_fd(), Shutdown::Write).expect("a socket");
    }

    /// Takes one announcement off the link, and what is in front of it.
    pub(super) fn skip_announcement(&mut self) {
        self.until(" crc=");
        self.until("\r\n");
    }

    /// Reads once; `false` at the end of the link.
    fn fill(&mut self) -> bool {
        let bound = PollTimeout::try_from(BOUND).expect("a bound that fits");
        let mut polled = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut polled, bound).expect("a link");
        let seen = String::from_utf8_lossy(&self.seen);
        assert!(ready > 0, "nothing came in time behind {seen:?}");
        let mut buffer = [0; 1024];
        match self.file.read(&mut buffer) {
            Ok(0) => false,
            Ok(count) => {
                self.seen.extend_from_slice(&buffer[..count]);
                true
            }
            // Closed with something of ours unread.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("reading: {error}"),
        }
    }
}

/// Opens a tty that does not become the test's own.
pub(super) fn open_tty(path: &Path) -> File {
    let no_controlling_tty = nix::fcntl::OFlag::O_NOCTTY.bits();
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(no_controlling_tty)
        .open(path)
        .expect("a tty")
}

/// How often to ask for what must come to pass: each time waits for an answer.
const ASK_LIMIT: usize = 20_000;
