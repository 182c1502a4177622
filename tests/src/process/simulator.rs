//! One simulated board: a process in a directory of its own.

use super::daemon::Daemon;
use super::lastword_sim;
use super::peer::Peer;
use std::net::TcpStream;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A simulated board; killed when it is dropped.
#[derive(Debug)]
pub struct Simulator {
    daemon: Daemon,
    /// Where its pseudo-terminal is, if it has one.
    tty: Option<PathBuf>,
}

impl Simulator {
    /// Starts a board on a pseudo-terminal at `tty`, and waits until it has booted and
    /// said so.
    #[must_use]
    pub fn on_a_terminal(tty: &Path, arguments: &[&str]) -> Self {
        let mut command = command(arguments);
        Self::start(command.arg("--pty").arg(tty), Some(tty.to_owned()))
    }

    /// Starts a board on any TCP port, and waits until it has booted and said so.
    #[must_use]
    pub fn over_tcp(arguments: &[&str]) -> Self {
        let mut command = command(arguments);
        Self::start(command.args(["--tcp", "127.0.0.1:0"]), None)
    }

    fn start(command: &mut Command, tty: Option<PathBuf>) -> Self {
        let daemon = Daemon::start(command);
        let mut simulator = Self { daemon, tty };
        simulator.wait_for("ready");
        simulator
    }

    /// What the host's command calls it.
    #[must_use]
    pub fn endpoint(&self) -> String {
        match &self.tty {
            Some(tty) => format!("serial://{}", tty.display()),
            None => format!("tcp://{}", self.logged("line=\"tcp ")),
        }
    }

    /// Takes the line.
    #[must_use]
    pub fn line(&self) -> Peer {
        self.tty.as_deref().map_or_else(
            || {
                let address = self.logged("line=\"tcp ");
                Peer::new(TcpStream::connect(address).expect("a listener"))
            },
            Peer::open_tty,
        )
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(lastword_sim());
    command.env_clear().env("RUST_LOG", "info").args(arguments);
    command
}

impl Deref for Simulator {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

impl DerefMut for Simulator {
    fn deref_mut(&mut self) -> &mut Daemon {
        &mut self.daemon
    }
}
