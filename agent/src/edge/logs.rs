//! The logs of services: what they write to their two FIFOs goes to files, to memory, and to
//! whoever follows. Nothing is lost while no agent lives, as long as the service does.

mod archive;
mod attached_log;
mod feed;
mod fifo;
mod files;
mod paths;
mod pump;
mod service;
#[cfg(test)]
mod tests;

pub use feed::{BATCH_BYTES, BATCH_LINES, Batch, Follower, TAIL_BYTES, Tail};

use crate::core::log::{Cursor, LogLimits};
use crate::edge::explained::explain;
use crate::edge::ownership::exposure;
use feed::{Feed, Feeds};
use lastword_daemon::signals::block_all;
use lastword_protocol::Millis;
use nix::sys::eventfd::EventFd;
use pump::{Answer, Command, Pump};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use tokio::sync::{mpsc, oneshot};

/// The longest that services wait for a log that cannot be written. A disk that is full for a shorter time
/// costs no line.
pub const WRITE_WAIT_LIMIT: Millis = Millis(5_000);

/// How many commands may wait for the pump.
const COMMANDS: usize = 64;

/// What a service gets as standard output and standard error: FIFOs, open for reading and
/// writing, so that neither an agent's end nor its absence breaks them. They belong to the agent's
/// user: fchown(2) them if a service that runs as another one is to open `/dev/stdout` by name.
#[derive(Debug)]
pub struct Ends {
    /// Standard output.
    pub out: OwnedFd,
    /// Standard error.
    pub err: OwnedFd,
}

/// Where FIFOs and logs are.
#[derive(Clone, Debug)]
struct Directories {
    fifos: PathBuf,
    logs: PathBuf,
}

/// The logs of all services. Clones are the same.
///
/// Whatever kills the agent, no line is lost or doubled as long as the service, or anyone, has the
/// FIFO open: the kernel forgets what is in a FIFO that nobody has open. Nothing is synced to disk,
/// so a power failure may take the last seconds.
///
/// If a log cannot be written, as on a full disk, the output waits in the FIFO, a warning is logged once, and
/// writing is tried again every second. Once its FIFO is full (1 MiB, or 64 KiB without privilege) the
/// service waits, too, for [`WRITE_WAIT_LIMIT`] at most since the first failure: from then on a full FIFO is
/// emptied, so that the service goes on, and its lines are counted as missed. See [`Self::failures`].
#[derive(Clone, Debug)]
pub struct Logs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    commands: mpsc::Sender<Command>,
    woken: Arc<EventFd>,
    feeds: Arc<Feeds>,
    fifos: PathBuf,
    pump: Option<JoinHandle<()>>,
}

impl Logs {
    /// Starts the pump, a thread of its own. The state directory, which this agent alone has,
    /// gets directories `fifo` and `logs`. Dropping the last clone ends the pump and waits for it;
    /// what services write from then on waits in their FIFOs for the next agent.
    ///
    /// # Errors
    ///
    /// If the thread cannot be made.
    pub fn start(state_directory: &Path) -> io::Result<Self> {
        Self::start_with(state_directory, WRITE_WAIT_LIMIT)
    }

    fn start_with(state_directory: &Path, write_wait_limit: Millis) -> io::Result<Self> {
        let directories = Directories {
            fifos: Self::fifos_in(state_directory),
            logs: state_directory.join("logs"),
        };
        for path in [&directories.fifos, &directories.logs] {
            // They are made again when they are needed; the board has to be reached meanwhile.
            if let Err(error) = make(path) {
                tracing::warn!(%error, "logs of services cannot be written");
            }
        }
        let (sender, receiver) = mpsc::channel(COMMANDS);
        let feeds = Arc::new(Feeds::default());
        let fifos = directories.fifos.clone();
        let (pump, woken) =
            Pump::open(directories, Arc::clone(&feeds), receiver, write_wait_limit)?;
        // A file at its limit (SIGXFSZ) must not end the agent.
        let _blocked = block_all()?;
        let pump = thread::Builder::new()
            .name("logs".to_owned())
            .spawn(|| pump.run())?;
        Ok(Self(Arc::new(Inner {
            commands: sender,
            woken,
            feeds,
            fifos,
            pump: Some(pump),
        })))
    }

    /// Opens a service's log, or changes its limits if it is open, and returns what a new process
    /// of the service gets. Cancel-safe: the log may be open afterwards.
    ///
    /// # Errors
    ///
    /// If the name is not one of a service, or FIFOs or files cannot be opened.
    pub async fn attach(&self, name: &str, limits: LogLimits) -> io::Result<Ends> {
        let attached = self.send_attach(name, limits).await?;
        answered(attached).await?;
        self.ends(name)
    }

    /// Opens the logs of many services as [`Self::attach`] does, none of them waiting for the one
    /// before. Returns those that could not be opened, and why. Cancel-safe: some may be open afterwards.
    pub async fn attach_all(&self, logs: Vec<(String, LogLimits)>) -> Vec<(String, io::Error)> {
        let mut asked = Vec::with_capacity(logs.len());
        for (name, limits) in logs {
            let attached = self.send_attach(&name, limits).await;
            asked.push((name, attached));
        }
        let mut failed = Vec::new();
        for (name, attached) in asked {
            let attached = match attached {
                Ok(attached) => answered(attached).await,
                Err(error) => Err(error),
            };
            failed.extend(attached.err().map(|error| (name, error)));
        }
        failed
    }

    async fn send_attach(&self, name: &str, limits: LogLimits) -> io::Result<Asked<()>> {
        if !is_name(name) {
            let error = io::Error::other("a service's name has a-z, 0-9, - and _ only");
            return Err(at(Path::new(name), &error));
        }
        let command = |answer| Command::Attach(name.to_owned(), limits, answer);
        self.send(command).await
    }

    /// Returns where the FIFOs are of a state directory.
    #[must_use]
    pub fn fifos_in(state_directory: &Path) -> PathBuf {
        state_directory.join("fifo")
    }

    /// The directory of the FIFOs: `NAME.out` and `NAME.err`.
    #[must_use]
    pub fn fifos(&self) -> &Path {
        &self.0.fifos
    }

    /// What a new process of a service gets whose log is open: asks nobody, and so takes no time.
    ///
    /// # Errors
    ///
    /// If there is no such log, or somebody has removed its FIFOs.
    pub fn ends(&self, name: &str) -> io::Result<Ends> {
        self.feed(name)?;
        fifo::ends(&self.0.fifos, name)
    }

    /// Writes everything that a service wrote so far; an unfinished line is a whole one then. For
    /// when its processes are gone.
    ///
    /// # Errors
    ///
    /// If there is no such log, or it cannot be written; what is not written waits in the FIFO.
    pub async fn settle(&self, name: &str) -> io::Result<()> {
        let command = |answer| Command::Settle(name.to_owned(), answer);
        self.ask(command).await
    }

    /// Waits until the pump has ended, which it does of its own accord only if it cannot go on: what
    /// services write from then on waits in their FIFOs for the next agent. Cancel-safe.
    pub async fn ended(&self) {
        self.0.commands.closed().await;
    }

    /// Settles and closes a service's log and removes its FIFOs. The files stay; followers come
    /// to an end.
    ///
    /// # Errors
    ///
    /// As [`Self::settle`]; the log is then still open, and this can be called again.
    pub async fn detach(&self, name: &str) -> io::Result<()> {
        let command = |answer| Command::Detach(name.to_owned(), answer);
        self.ask(command).await
    }

    /// The newest lines of a service.
    ///
    /// # Errors
    ///
    /// If there is no such log, or its files cannot be read.
    pub async fn tail(&self, name: &str, lines: usize) -> io::Result<Tail> {
        self.feed(name)?.tail(lines).await
    }

    /// Returns the place behind a service's newest line.
    ///
    /// # Errors
    ///
    /// If there is no such log.
    pub fn end(&self, name: &str) -> io::Result<Cursor> {
        Ok(self.feed(name)?.next())
    }

    /// The same logs for whoever only reads: who holds it does not keep the pump going.
    #[must_use]
    pub fn readers(&self) -> Readers {
        Readers(Arc::clone(&self.0.feeds))
    }

    /// Follows a service's log from a place, such as where a tail ended: no line is lost or
    /// repeated in between.
    ///
    /// # Errors
    ///
    /// If there is no such log.
    pub fn follow(&self, name: &str, from: Cursor) -> io::Result<Follower> {
        self.readers().follow(name, from)
    }

    /// How often, since it was attached, a service's log could not be written.
    ///
    /// # Errors
    ///
    /// If there is no such log.
    pub fn failures(&self, name: &str) -> io::Result<u64> {
        Ok(self.feed(name)?.failures())
    }

    async fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> io::Result<T> {
        answered(self.send(command).await?).await
    }

    async fn send<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> io::Result<Asked<T>> {
        let (answer, asked) = oneshot::channel();
        let sent = self.0.commands.send(command(answer)).await;
        sent.map_err(|_| ended())?;
        self.0.woken.write(1)?;
        Ok(asked)
    }

    fn feed(&self, name: &str) -> io::Result<Arc<Feed>> {
        self.0.feeds.find(name).ok_or_else(unknown)
    }
}

/// Where an answer of the pump comes from.
type Asked<T> = oneshot::Receiver<io::Result<T>>;

async fn answered<T>(asked: Asked<T>) -> io::Result<T> {
    asked.await.map_err(|_| ended())?
}

fn ended() -> io::Error {
    io::Error::other("the logs are no longer written; restart the agent")
}

/// The logs of all services, to read. Clones are the same.
#[derive(Clone, Debug)]
pub struct Readers(Arc<Feeds>);

impl Readers {
    /// Returns the number of logs that cannot be written at the moment.
    #[must_use]
    pub fn failing(&self) -> usize {
        self.0.failing()
    }

    /// Returns whether a service's log is open.
    #[must_use]
    pub fn is_open(&self, name: &str) -> bool {
        self.0.find(name).is_some()
    }

    /// Returns whether a service's log cannot be written at the moment.
    #[must_use]
    pub fn is_failing(&self, name: &str) -> bool {
        self.0.find(name).is_some_and(|feed| feed.is_failing())
    }

    /// As [`Logs::follow`].
    ///
    /// # Errors
    ///
    /// If there is no such log.
    pub fn follow(&self, name: &str, from: Cursor) -> io::Result<Follower> {
        let feed = self.0.find(name).ok_or_else(unknown)?;
        Ok(Follower::new(feed, from))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A full queue is emptied by the pump, which needs no executor for it.
        while let Err(mpsc::error::TrySendError::Full(_)) = self.commands.try_send(Command::Stop) {
            thread::yield_now();
        }
        let _woken = self.woken.write(1);
        if let Some(pump) = self.pump.take()
            && pump.join().is_err()
        {
            tracing::error!("the logs' thread had panicked");
        }
    }
}

/// What a service may be called; nothing that could be a path.
fn is_name(name: &str) -> bool {
    let fits = |letter: u8| matches!(letter, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    !name.is_empty() && name.bytes().all(fits)
}

fn unknown() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "no log of that name is open")
}

/// Makes a directory, and those above it, where they are missing.
fn make(path: &Path) -> io::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    let made = made.and_then(|()| fs::metadata(path));
    // The state directory is the agent's alone, but this may be a link to another disk.
    match exposure(&made.map_err(|error| at(path, &error))?) {
        Some(why) => Err(at(path, &io::Error::other(why))),
        None => Ok(()),
    }
}

/// An error that says which file it is about.
fn at(path: &Path, error: &io::Error) -> io::Error {
    explain(path.display(), error)
}
