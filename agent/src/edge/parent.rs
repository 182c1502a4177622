//! Whoever started the agent: what it says by signals, and what it is told, if it is systemd.

use crate::core::service::supervisor::End;
use crate::core::unit;
use sd_notify::NotifyState;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::{fs, io};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, interval};

/// Where systemd looks for units, the first that has one first (systemd.unit(5)).
const UNIT_DIRECTORIES: [&str; 4] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
];

/// The signals that end an agent. From its making on they are kept, and kill nothing any more.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes them over.
    ///
    /// # Errors
    ///
    /// If the kernel refuses.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Tells that the agent is ready, and then that it lives, until the first of them comes: SIGINT
    /// stops everything, SIGTERM leaves running what is to be adopted by the next agent. Tells that the
    /// agent is ending.
    pub async fn ended(&mut self) -> (&'static str, End) {
        tell(NotifyState::Ready);
        // Twice as often as it is asked for (sd_watchdog_enabled(3)).
        let mut watchdog = sd_notify::watchdog_enabled()
            .filter(|within| !within.is_zero())
            .map(|within| interval(within / 2));
        let ended = loop {
            // Each arm may be dropped and polled anew: signals and ticks are kept.
            tokio::select! {
                _ = self.interrupt.recv() => break ("SIGINT", End::All),
                _ = self.terminate.recv() => break ("SIGTERM", End::KeepAdoptable),
                () = due(watchdog.as_mut()) => tell(NotifyState::Watchdog),
            }
        };
        tell(NotifyState::Stopping);
        ended
    }
}

async fn due(watchdog: Option<&mut Interval>) {
    match watchdog {
        Some(watchdog) => drop(watchdog.tick().await),
        None => pending().await,
    }
}

/// Does nothing if nobody wants to know.
fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "whoever started the agent cannot be told how it is");
    }
}

/// What the agent's systemd unit would do to its services, a line each: the unit named, or the one
/// that is installed; nothing if there is none.
///
/// # Errors
///
/// If the unit that was named cannot be read.
pub fn unit_warnings(named: Option<&Path>) -> io::Result<Vec<String>> {
    let installed = || {
        let paths = UNIT_DIRECTORIES.map(|it| Path::new(it).join("lastwordd.service"));
        paths.into_iter().find(|path| path.exists())
    };
    let Some(path) = named.map(PathBuf::from).or_else(installed) else {
        return Ok(Vec::new());
    };
    let warnings = unit::warnings(&fs::read_to_string(&path)?);
    let told = |warning: String| format!("{}: {warning}", path.display());
    Ok(warnings.into_iter().map(told).collect())
}
