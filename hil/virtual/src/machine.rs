//! One QEMU process: started, spoken to over QMP, ended.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::net::UnixListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::error::{self, BoardError};
use crate::program::{self, ProgramError};
use crate::qmp::{Events, Qmp, QmpError};

/// The socket that is the UART on which a board is spoken to.
pub(crate) const SERIAL_SOCKET: &str = "uart.sock";
/// That UART, as an argument of `-serial`.
pub(crate) const UART: &str = "unix:uart.sock,server=on,wait=off";
/// The socket to which QEMU comes for orders.
const QMP_SOCKET: &str = "qmp.sock";
/// What every QEMU is told. It comes to us with its orders: no waiting for its socket to appear.
const SHARED: [&str; 8] = [
    "-nodefaults",
    "-no-user-config",
    "-accel",
    "tcg",
    "-display",
    "none",
    "-qmp",
    "unix:qmp.sock,server=off",
];

/// A QEMU process, killed when dropped.
#[derive(Debug)]
pub(crate) struct Machine {
    child: Child,
    /// The file with what it said.
    pub(crate) words: PathBuf,
    /// The conversation with it.
    pub(crate) qmp: Qmp,
    /// Its events since it started.
    pub(crate) events: Events,
}

impl Machine {
    /// Starts QEMU by `command`, program and arguments, with `directory` as its working directory
    /// and [`SHARED`] behind the arguments.
    ///
    /// When this returns, QEMU runs and its sockets are there.
    ///
    /// # Errors
    ///
    /// [`BoardError`] with QEMU's words if it does not get so far.
    pub(crate) async fn launch(command: &[String], directory: &Path) -> Result<Self, BoardError> {
        let socket = directory.join(QMP_SOCKET);
        // Left by an earlier start; bind refuses a path that exists.
        drop(fs::remove_file(&socket));
        let listener = error::file(&socket, "listen on", UnixListener::bind(&socket))?;
        let words = directory.join("qemu.log");
        let mut child = spawn(command, directory, &words)?;
        let accepted = timeout(Duration::from_secs(START_TIMEOUT_SECONDS), async {
            tokio::select! {
                accepted = listener.accept() => Some(accepted),
                _ = child.wait() => None,
            }
        });
        let stream = match accepted.await {
            Ok(Some(accepted)) => error::file(&socket, "accept QEMU on", accepted)?.0,
            Ok(None) => return Err(ended(&mut child, &words).await),
            Err(_) => return Err(late("QEMU's start", START_TIMEOUT_SECONDS, &words)),
        };
        match Qmp::negotiate(stream).await {
            Ok(qmp) => Ok(Self {
                child,
                words,
                events: qmp.events(),
                qmp,
            }),
            Err(QmpError::Closed) => Err(ended(&mut child, &words).await),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns how QEMU ended, if it has.
    pub(crate) fn try_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for QEMU's end. Cancelling it loses nothing.
    ///
    /// # Errors
    ///
    /// [`BoardError::File`] if the process cannot be waited for.
    pub(crate) async fn exited(&mut self) -> Result<ExitStatus, BoardError> {
        error::file(&self.words, "wait for the QEMU of", self.child.wait().await)
    }

    /// Waits for the end of a QEMU that is ending, and tells of it as an error.
    pub(crate) async fn ended(&mut self) -> BoardError {
        ended(&mut self.child, &self.words).await
    }

    /// Asks QEMU to end and waits until it has; kills it if it does not.
    pub(crate) async fn quit(&mut self) -> Result<ExitStatus, BoardError> {
        // Whatever goes wrong here, the kill below ends it.
        drop(self.qmp.execute("quit", Value::Null).await);
        match timeout(Duration::from_secs(STOP_TIMEOUT_SECONDS), self.exited()).await {
            Ok(status) => status,
            Err(_) => self.kill().await,
        }
    }

    /// Ends QEMU in the middle of whatever it does, and waits until it is gone.
    pub(crate) async fn kill(&mut self) -> Result<ExitStatus, BoardError> {
        // Fails for a process that has ended, which is what is wanted.
        drop(self.child.start_kill());
        self.exited().await
    }
}

/// Returns the error for something of QEMU's that did not happen in time.
pub(crate) fn late(awaited: &str, within_seconds: u64, see: &Path) -> BoardError {
    let within_ms = Duration::from_secs(within_seconds).as_millis();
    BoardError::Late {
        awaited: awaited.to_owned(),
        within_ms,
        see: see.to_owned(),
    }
}

fn spawn(command: &[String], directory: &Path, words: &Path) -> Result<Child, BoardError> {
    let log = error::file(words, "make", File::create(words))?;
    let both = error::file(words, "share", log.try_clone())?;
    let (name, arguments) = command
        .split_first()
        .map_or(("", command), |(a, b)| (a.as_str(), b));
    let mut command = Command::from(program::command(name)?);
    command
        .args(arguments)
        .args(SHARED)
        .current_dir(directory)
        .kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(both).stderr(log);
    let spawned = command.spawn();
    Ok(spawned.map_err(|source| ProgramError::Start {
        command: name.to_owned(),
        source,
    })?)
}

async fn ended(child: &mut Child, words: &Path) -> BoardError {
    match timeout(Duration::from_secs(STOP_TIMEOUT_SECONDS), child.wait()).await {
        Ok(Ok(status)) => {
            let stderr = fs::read(words).unwrap_or_default();
            BoardError::Ended {
                status,
                stderr: String::from_utf8_lossy(&stderr).trim().to_owned(),
            }
        }
        Ok(Err(source)) => BoardError::File {
            action: "wait for the QEMU of",
            path: words.to_owned(),
            source,
        },
        Err(_) => late("QEMU's end", STOP_TIMEOUT_SECONDS, words),
    }
}

/// How long a machine may take to answer.
pub(crate) const START_TIMEOUT_SECONDS: u64 = 30;
const STOP_TIMEOUT_SECONDS: u64 = 5;
