//! One agent process: started, waited for, and ended by whoever started it.

use super::peer::Peer;
use super::{BOUND, lastwordd};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use tempfile::TempDir;

/// A directory with all that an agent keeps, reads and listens on.
#[derive(Debug)]
pub struct Place {
    directory: TempDir,
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl Place {
    /// An empty place with a configuration that has one listener of each kind.
    #[must_use]
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let place = Self { directory };
        place.configure(&place.listeners(), "");
        place
    }

    /// A path in here.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// One listener of each kind.
    #[must_use]
    pub fn listeners(&self) -> String {
        let (socket, tty) = (self.path("agent.sock"), self.path("tty"));
        format!(
            "tcp \"127.0.0.1:0\"; unix \"{}\"; pty \"{}\";",
            socket.display(),
            tty.display()
        )
    }

    /// Writes the configuration. The power backend is a dry run, whatever else it says.
    pub fn configure(&self, listeners: &str, rest: &str) {
        assert!(!rest.contains("power"), "tests are dry runs, always");
        let state = self.path("state");
        self.write_config(&format!(
            "name \"board1\"\nstate \"{}\"\nlisten {{ {listeners} }}\n\
             power {{ backend \"dry-run\"; }}\n{rest}\n",
            state.display()
        ));
    }

    /// Writes a configuration that is only to be checked, or refused.
    pub fn write_config(&self, text: &str) {
        fs::write(self.path("agent.kdl"), text).expect("a temporary directory");
    }

    /// Runs `lastwordd SUBCOMMAND --config …` to its end; the agent must not stay.
    #[must_use]
    pub fn run_to_end(&self, subcommand: &str) -> Output {
        let mut agent = self.spawn(subcommand, Stdio::piped());
        let code = agent.exit();
        let mut stdout = Vec::new();
        if let Some(mut out) = agent.child.stdout.take() {
            std::io::Read::read_to_end(&mut out, &mut stdout).expect("a pipe");
        }
        Output {
            status: code,
            stdout,
            stderr: agent.seen.join("\n").into_bytes(),
        }
    }

    /// Starts an agent and waits until it is ready.
    #[must_use]
    pub fn start(&self) -> Agent {
        let mut agent = self.spawn("run", Stdio::null());
        agent.wait_for(" ready ");
        agent
    }

    fn spawn(&self, subcommand: &str, stdout: Stdio) -> Agent {
        let mut child = Command::new(lastwordd())
            .arg(subcommand)
            .arg("--config")
            .arg(self.path("agent.kdl"))
            .env_clear()
            .env("RUST_LOG", "info,lastword_agent=debug")
            .env("HOME", self.directory.path())
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent's binary");
        let stderr = child.stderr.take().expect("a pipe");
        let (said, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if said.send(line).is_err() {
                    return;
                }
            }
        });
        Agent {
            child,
            lines,
            seen: Vec::new(),
            directory: self.directory.path().to_owned(),
        }
    }
}

/// An agent process; killed when it is dropped.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    directory: PathBuf,
}

impl Agent {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on standard error that holds this.
    pub fn wait_for(&mut self, part: &str) -> String {
        loop {
            match self.lines.recv_timeout(BOUND) {
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

    /// What it has said, as far as somebody waited for it.
    #[must_use]
    pub fn log(&self) -> String {
        self.seen.join("\n")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).expect("a process id"));
        kill(pid, signal).expect("our own child");
    }

    /// Waits until it has ended, and tells how.
    pub fn exit(&mut self) -> std::process::ExitStatus {
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

    /// Ends it without a chance to clean up.
    pub fn kill(&mut self) {
        self.child.kill().expect("our own child");
        self.exit();
    }

    /// Where its TCP listener is.
    #[must_use]
    pub fn address(&self) -> String {
        let mark = "listener=\"tcp ";
        let found = self.seen.iter().find_map(|line| {
            let (_, rest) = line.split_once(mark)?;
            rest.split_once('"').map(|(address, _)| address.to_owned())
        });
        found.unwrap_or_else(|| panic!("no TCP listener:\n{}", self.log()))
    }

    /// Connects over TCP.
    #[must_use]
    pub fn tcp(&self) -> Peer {
        Peer::new(TcpStream::connect(self.address()).expect("a listener"))
    }

    /// Connects over the Unix socket.
    #[must_use]
    pub fn unix(&self) -> Peer {
        Peer::new(UnixStream::connect(self.directory.join("agent.sock")).expect("a listener"))
    }

    /// Opens the pseudo-terminal, and takes off it what the agent has announced.
    #[must_use]
    pub fn pty(&self) -> Peer {
        let mut peer = Peer::open_tty(&self.directory.join("tty"));
        peer.skip_frame();
        peer
    }

    /// The file that remembers the last power operation.
    #[must_use]
    pub fn power_file(&self) -> PathBuf {
        state_file(&self.directory, "power.json")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn state_file(directory: &Path, name: &str) -> PathBuf {
    directory.join("state").join(name)
}
