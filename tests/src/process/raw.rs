//! A process whose standard streams are the test's own affair.

use super::Deadline;
use super::peer::Peer;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A process; killed when it is dropped.
#[derive(Debug)]
pub struct RawProcess(Child);

impl RawProcess {
    /// Starts a program, without any input.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).spawn();
        let started = Self(child.expect("the binary"));
        // The command keeps the other ends of pipes open.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        started
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.0.id()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("our own child");
    }

    /// Waits until it has ended, and tells how.
    pub fn exit(&mut self) -> ExitStatus {
        let deadline = Deadline::start();
        loop {
            if let Some(status) = self.0.try_wait().expect("our own child") {
                return status;
            }
            deadline.check("its end", &self.0.id());
        }
    }

    /// Connects to its Unix socket as soon as that is there.
    #[must_use]
    pub fn connect(&mut self, socket: &Path) -> Peer {
        let deadline = Deadline::start();
        loop {
            if let Ok(stream) = UnixStream::connect(socket) {
                return Peer::new(stream);
            }
            self.is_still_there(&deadline, "its socket");
        }
    }

    /// Opens its pseudo-terminal as soon as that is there.
    #[must_use]
    pub fn terminal(&mut self, tty: &Path) -> Peer {
        let deadline = Deadline::start();
        while !tty.exists() {
            self.is_still_there(&deadline, "its terminal");
        }
        Peer::open_tty(tty)
    }

    fn is_still_there(&mut self, deadline: &Deadline, what: &str) {
        let ended = self.0.try_wait().expect("our own child");
        assert_eq!(ended, None, "it has ended before {what} was there");
        deadline.check(what, &self.0.id());
    }
}

impl Drop for RawProcess {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
