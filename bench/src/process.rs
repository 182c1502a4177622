//! The processes that are measured: each is started here, and killed when it is dropped.

use crate::clock;
use anyhow::{Context, Result, bail};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;
use tempfile::TempDir;

/// A child process.
#[derive(Debug)]
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A directory with all that an agent keeps, reads and listens on.
#[derive(Debug)]
pub struct Place(TempDir);

impl Place {
    /// An empty place.
    ///
    /// # Errors
    ///
    /// If there is no room for temporary files.
    pub fn new() -> Result<Self> {
        Ok(Self(tempfile::tempdir().context("no temporary directory")?))
    }

    /// A path in here.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Starts an agent with these listeners and limits, in a state directory that is empty. Its
    /// power backend is a dry run.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    fn spawn(&self, program: &Path, listeners: &str, limits: &str) -> Result<Running> {
        self.spawn_with(program, listeners, &format!("limits {{ {limits} }}"))
    }

    fn spawn_with(&self, program: &Path, listeners: &str, rest: &str) -> Result<Running> {
        let state = self.path("state");
        if state.exists() {
            fs::remove_dir_all(&state)?;
        }
        let config = self.path("agent.kdl");
        let text = format!(
            "name \"board1\"\nstate {}\nlisten {{ {listeners} }}\n\
             power {{ backend \"dry-run\"; }}\n{rest}\n",
            quoted(&state)
        );
        fs::write(&config, text)?;
        let mut command = Command::new(program);
        command.arg("run").arg("--config").arg(config);
        command.env_clear().env("HOME", self.0.path());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(Stdio::piped()).spawn();
        let child = child.with_context(|| format!("cannot run {}", program.display()))?;
        Ok(Running(child))
    }
}

/// An agent.
#[derive(Debug)]
pub struct Agent {
    running: Running,
    address: SocketAddr,
    place: Place,
}

impl Agent {
    /// Starts an agent on a free TCP port, a Unix socket and, if `pty`, a pseudo-terminal, and
    /// waits until it is ready.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn start(program: &Path, pty: bool, limits: &str) -> Result<Self> {
        let place = Place::new()?;
        let unix = quoted(&place.path(SOCKET));
        let tty = quoted(&place.path("tty"));
        let tty = if pty {
            format!("pty {tty};")
        } else {
            String::new()
        };
        let listeners = format!("tcp \"127.0.0.1:0\"; unix {unix}; {tty}");
        let mut running = place.spawn(program, &listeners, limits)?;
        let log = running.0.stderr.take().context("no pipe")?;
        let address = wait_until_ready(log)?;
        Ok(Self {
            running,
            address,
            place,
        })
    }

    /// Starts an agent on a free TCP port, with the services of a directory, and waits until it is ready.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn start_with_services(program: &Path, services: &Path) -> Result<Self> {
        Self::start_configured(program, &format!("services {}", quoted(services)))
    }

    /// Starts an agent on a free TCP port, with more in its configuration, and waits until it is ready.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn start_configured(program: &Path, rest: &str) -> Result<Self> {
        let place = Place::new()?;
        let mut running = place.spawn_with(program, "tcp \"127.0.0.1:0\"", rest)?;
        let log = running.0.stderr.take().context("no pipe")?;
        let address = wait_until_ready(log)?;
        Ok(Self {
            running,
            address,
            place,
        })
    }

    /// Where its TCP listener is.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its pseudo-terminal is, if it has one.
    #[must_use]
    pub fn tty(&self) -> PathBuf {
        self.place.path("tty")
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.running.0.id()
    }
}

/// Reads the log until the agent is ready, and returns where its TCP listener is. What it says
/// later is read and dropped.
fn wait_until_ready(log: impl Read + Send + 'static) -> Result<SocketAddr> {
    let mut lines = BufReader::new(log).lines();
    let (mut address, mut seen) = (None, String::new());
    for line in lines.by_ref().map_while(Result::ok) {
        if let Some((_, rest)) = line.split_once("listener=\"tcp ") {
            address = rest.split('"').next().and_then(|it| it.parse().ok());
        }
        if line.contains(" ready ") {
            thread::spawn(move || lines.for_each(drop));
            return address.context("the agent names no TCP listener");
        }
        seen += &(line + "\n");
    }
    bail!("the agent did not start:\n{seen}")
}

/// Starts an agent once with only a Unix socket, and asks it as soon as it can be reached.
/// Returns when it was started and when the first answer was there.
///
/// # Errors
///
/// If it does not answer.
pub fn start_and_ask(program: &Path, ask: impl Fn(&Path) -> Option<()>) -> Result<[Instant; 2]> {
    let place = Place::new()?;
    let socket = place.path(SOCKET);
    let listener = format!("unix {};", quoted(&socket));
    let started = clock::now();
    let mut running = place.spawn(program, &listener, "")?;
    while ask(&socket).is_none() {
        if let Some(status) = running.0.try_wait()? {
            bail!("the agent did not start: {status}");
        }
        clock::pause(ASK_AGAIN);
    }
    Ok([started, clock::now()])
}

/// This program again, as one of the servers that the agent is compared with.
#[derive(Debug)]
pub struct Server {
    _running: Running,
    address: SocketAddr,
}

impl Server {
    /// Starts the server of this name and waits until it says where it listens.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn start(name: &str) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve").arg(name);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut running = Running(child.context("cannot run this program again")?);
        let mut said = String::new();
        let stdout = running.0.stdout.take().context("no pipe")?;
        BufReader::new(stdout).read_line(&mut said)?;
        let address = said.trim().parse();
        Ok(Self {
            _running: running,
            address: address.with_context(|| format!("the {name} server said {said:?}"))?,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A path as a string of the configuration.
pub(crate) fn quoted(path: &Path) -> String {
    format!("{:?}", path.to_string_lossy())
}

/// The name of an agent's Unix socket in its place.
const SOCKET: &str = "agent.sock";
/// How soon to try again to reach an agent that starts.
const ASK_AGAIN: std::time::Duration = std::time::Duration::from_micros(100);
