//! The far side of the line: where the bytes come from and go to in this process's world.

mod pty;
mod tcp;

pub(crate) use pty::PtyPort;
pub(crate) use tcp::TcpPort;

use nix::poll::PollFd;
use std::io;
use std::time::Duration;

/// Moves bytes; never waits.
pub(crate) trait Port {
    /// Looks whether somebody came or left; whether a new peer has the line now, and so breaks it,
    /// behind all that the one before has sent.
    fn refresh(&mut self, now: Duration) -> bool;

    /// Reads what has come; 0 if that is nothing.
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize>;

    /// Hands over bytes, and returns how many were taken: all of them where nobody listens, for
    /// that is where they go then.
    fn write(&mut self, now: Duration, bytes: &[u8]) -> io::Result<usize>;

    /// What to poll for: somebody who comes or leaves always, bytes and room as wanted.
    fn polled(&self, reading: bool, writing: bool) -> Vec<PollFd<'_>>;

    /// When to look again, if nothing happens before.
    fn deadline(&self) -> Option<Duration>;

    /// Whether everything that was handed over has been read, as far as can be told, so that the
    /// port may be closed.
    fn is_read(&mut self) -> bool;

    /// Where peers find it, for the log.
    fn describe(&self) -> String;
}

/// As [`io::Read::read`] on a descriptor that never waits: nothing is 0.
fn unless_it_waits(moved: io::Result<usize>) -> io::Result<usize> {
    moved.or_else(|error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
        _ => Err(error),
    })
}
