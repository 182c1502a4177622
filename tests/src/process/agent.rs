//! One agent process, and the place it lives in.

use super::daemon::Daemon;
use super::lastwordd;
use super::peer::Peer;
use std::fs;
use std::net::TcpStream;
use std::ops::{Deref, DerefMut};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
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
        Output {
            status: code,
            stdout: agent.output(),
            stderr: agent.log().into_bytes(),
        }
    }

    /// Starts an agent and waits until it is ready.
    #[must_use]
    pub fn start(&self) -> Agent {
        self.start_with(&[])
    }

    /// The same, with more in its environment.
    #[must_use]
    pub fn start_with(&self, more: &[(&str, &str)]) -> Agent {
        let mut agent = self.spawn_with("run", Stdio::null(), more);
        agent.wait_for(" ready ");
        agent
    }

    /// Starts an agent that is killed at a point of what it does: see its `edge::failpoint`.
    #[must_use]
    pub fn start_to_die(&self, point: &str) -> Agent {
        self.spawn_with("run", Stdio::null(), &[("LASTWORD_FAILPOINT", point)])
    }

    fn spawn(&self, subcommand: &str, stdout: Stdio) -> Agent {
        self.spawn_with(subcommand, stdout, &[])
    }

    fn spawn_with(&self, subcommand: &str, stdout: Stdio, more: &[(&str, &str)]) -> Agent {
        let mut command = self.command(subcommand);
        self.started_by(command.envs(more.iter().copied()).stdout(stdout))
    }

    /// The agent that a command starts, such as [`Place::command`] with more to it.
    #[must_use]
    pub fn started_by(&self, command: &mut Command) -> Agent {
        Agent {
            daemon: Daemon::start(command),
            directory: self.directory.path().to_owned(),
        }
    }

    /// The command `lastwordd SUBCOMMAND --config …`.
    #[must_use]
    pub fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(lastwordd());
        command
            .arg(subcommand)
            .arg("--config")
            .arg(self.path("agent.kdl"))
            .env_clear()
            .env("RUST_LOG", "info,lastword_agent=debug")
            .env("HOME", self.directory.path());
        command
    }
}

/// An agent process; killed when it is dropped.
#[derive(Debug)]
pub struct Agent {
    daemon: Daemon,
    directory: PathBuf,
}

impl Deref for Agent {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

impl DerefMut for Agent {
    fn deref_mut(&mut self) -> &mut Daemon {
        &mut self.daemon
    }
}

impl Agent {
    /// Where its TCP listener is.
    #[must_use]
    pub fn address(&self) -> String {
        self.logged("listener=\"tcp ")
    }

    /// Connects over TCP.
    #[must_use]
    pub fn tcp(&self) -> Peer {
        Peer::new(TcpStream::connect(self.address()).expect("a listener"))
    }

    /// Connects over the Unix socket.
    #[must_use]
    pub fn unix(&self) -> Peer {
        Peer::new(UnixStream::connect(self.socket()).expect("a listener"))
    }

    /// Where its Unix socket is.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.join("agent.sock")
    }

    /// Opens the pseudo-terminal, and takes off it what the agent has announced.
    #[must_use]
    pub fn pty(&self) -> Peer {
        let mut peer = Peer::open_tty(&self.directory.join("tty"));
        peer.skip_announcement();
        peer
    }

    /// The file that remembers the last power operation.
    #[must_use]
    pub fn power_file(&self) -> PathBuf {
        state_file(&self.directory, "power.json")
    }
}

fn state_file(directory: &Path, name: &str) -> PathBuf {
    directory.join("state").join(name)
}
