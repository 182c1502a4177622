//! One process of ours: started, listened to on standard error, and ended by whoever started it.

use super::BOUND;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// A process; killed when it is dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Daemon {
    /// Starts a program, without any input.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary");
        let stderr = child.stderr.take().expect("a pipe");
        let (said, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if said.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on standard error that holds this.
    pub fn wait_for(&mut self, part: &str) -> String {
        self.wait_within(BOUND, part)
    }

    /// The same, for what takes longer than everything else: no two lines further apart than `bound`.
    pub fn wait_within(&mut self, bound: Duration, part: &str) -> String {
        loop {
            match self.lines.recv_timeout(bound) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(part) {
                        return line;
                    }
                }
                Err(why) => panic!("waiting for {part:?}: {why}; so far:\n{}", self.log()),
            }
        }
    }

    /// Waits for a line on standard error that holds any of these, or for the end of all of them.
    pub fn wait_for_any(&mut self, parts: &[&str]) {
        while let Ok(line) = self.lines.recv_timeout(BOUND) {
            self.seen.push(line.clone());
            if parts.iter().any(|part| line.contains(part)) {
                return;
            }
        }
    }

    /// What it has said, as far as somebody waited for it.
    #[must_use]
    pub fn log(&self) -> String {
        self.seen.join("\n")
    }

    /// What stands between `mark` and the next quote, in the first line that has it.
    #[must_use]
    pub fn logged(&self, mark: &str) -> String {
        let found = self.seen.iter().find_map(|line| {
            let (_, rest) = line.split_once(mark)?;
            rest.split_once('"').map(|(value, _)| value.to_owned())
        });
        found.unwrap_or_else(|| panic!("no {mark:?}:\n{}", self.log()))
    }

    /// All of its standard output, if that is a pipe, once it has ended.
    #[must_use]
    pub fn output(&mut self) -> Vec<u8> {
        let mut output = Vec::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_end(&mut output).expect("a pipe");
        }
        output
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).expect("a process id"));
        kill(pid, signal).expect("our own child");
    }

    /// Waits until it has ended, and tells how.
    pub fn exit(&mut self) -> ExitStatus {
        loop {
            match self.lines.recv_timeout(BOUND) {
                Ok(line) => self.seen.push(line),
                // Standard error is closed at the end of the process.
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("it stays:\n{}", self.log()),
            }
        }
        self.child.wait().expect("our own child")
    }

    /// Ends it as an init would, and returns its exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        self.signal(Signal::SIGTERM);
        self.exit().code()
    }

    /// Ends it as an init would; returns its exit code, and the time that it took.
    #[expect(
        clippy::disallowed_methods,
        reason = "processes live in real time, and whoever ends one waits for it"
    )]
    pub fn terminate_timed(&mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        let code = self.terminate();
        (code, begun.elapsed())
    }

    /// Returns whether it has ended.
    pub fn has_exited(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Ends it without a chance to clean up.
    pub fn kill(&mut self) {
        self.child.kill().expect("our own child");
        self.exit();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
