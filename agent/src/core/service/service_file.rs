//! What one service file says, with every default filled in.

mod digest;
mod read;

pub use digest::Digest;

use super::Name;
use crate::core::log::LogLimits;
use lastword_config::{ConfigErrors, Place, Source};
use lastword_protocol::Millis;
use std::path::{Path, PathBuf};

/// A service, as its file describes it. Only `command` has to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFile {
    /// How its process is started.
    pub program: Program,
    /// Its TCP port, for whoever wants to reach it. No two services have the same.
    pub port: Option<u16>,
    /// Start it when the agent starts.
    pub autostart: bool,
    /// It starts when these are ready, and stops before them.
    pub after: Vec<Name>,
    /// When it counts as running.
    pub ready: Ready,
    /// What happens when it ends unasked.
    pub restart: Restart,
    /// How it is stopped.
    pub stop: Stop,
    /// What becomes of it when the agent is told to end.
    pub on_agent_exit: OnAgentExit,
    /// What bounds its log.
    pub log: LogLimits,
}

/// How a process is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The program: a path, or a name to be looked up in `PATH`.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// What it has of the agent's environment.
    pub inherited: InheritedEnv,
    /// What its environment has beside that.
    pub env: Vec<(String, String)>,
    /// Where it runs; `None`: in the root directory.
    pub working_dir: Option<PathBuf>,
    /// As whom it runs; `None`: as the agent does.
    pub user: Option<String>,
}

/// Which variables of the agent's environment a process has, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InheritedEnv {
    /// All but the agent's own.
    All,
    /// These, if the agent has them.
    Only(Vec<String>),
}

impl InheritedEnv {
    /// Whether a process has a variable of the agent's.
    #[must_use]
    pub fn has(&self, name: &[u8]) -> bool {
        let is_named = match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|named| named.as_bytes() == name),
        };
        is_named && !is_agents_own(name)
    }
}

/// Whether a variable is the agent's alone: what its own supervisor told it, and how it knows its services.
#[must_use]
pub fn is_agents_own(name: &[u8]) -> bool {
    let own: [&[u8]; 3] = [b"WATCHDOG_", b"LISTEN_", b"LASTWORD_"];
    name == b"NOTIFY_SOCKET" || own.iter().any(|prefix| name.starts_with(prefix))
}

/// When a service counts as running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// What shows it.
    pub probe: Probe,
    /// How long that may take.
    pub timeout: Millis,
}

/// What shows that a service is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Nothing: it is ready once it is started.
    None,
    /// This port of the loopback address takes connections.
    Tcp(u16),
    /// It says so itself (`sd_notify(3)`, `READY=1`).
    Notify,
    /// This program and its arguments end with 0.
    Exec(Vec<String>),
}

/// What happens when a service ends unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// Whether it is started again at all.
    pub policy: Policy,
    /// The wait before the first restart.
    pub backoff_initial: Millis,
    /// What the wait, doubled each time, grows to.
    pub backoff_max: Millis,
    /// The exit that makes as many within 60 s is the last: the service has failed.
    pub max_retries_per_minute: u32,
    /// A run of this length makes the next wait the first again.
    pub stable_after: Millis,
}

/// Which unasked ends lead to a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Each.
    Always,
    /// An exit code other than 0, or a signal.
    OnFailure,
    /// None.
    Never,
}

impl Policy {
    /// Whether a service runs again that has ended unasked; `failed`: not with code 0.
    #[must_use]
    pub const fn wants_more(self, failed: bool) -> bool {
        match self {
            Self::Always => true,
            Self::OnFailure => failed,
            Self::Never => false,
        }
    }
}

/// How a service is stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// A shell command to be run first; its time counts against the grace.
    pub hook: Option<String>,
    /// What is then sent to its process group.
    pub signal: StopSignal,
    /// How long all that may take before everything left is killed.
    pub grace: Millis,
}

/// A signal that asks a process to end (signal(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say what they are")]
pub enum StopSignal {
    Hup,
    Int,
    Quit,
    Kill,
    Usr1,
    Usr2,
    Term,
}

impl StopSignal {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Hup,
        Self::Int,
        Self::Quit,
        Self::Kill,
        Self::Usr1,
        Self::Usr2,
        Self::Term,
    ];

    /// Its name without `SIG`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hup => "HUP",
            Self::Int => "INT",
            Self::Quit => "QUIT",
            Self::Kill => "KILL",
            Self::Usr1 => "USR1",
            Self::Usr2 => "USR2",
            Self::Term => "TERM",
        }
    }
}

/// What becomes of a service when the agent is told to end by SIGTERM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnAgentExit {
    /// It is stopped.
    Stop,
    /// It runs on for the next agent.
    Adopt,
}

/// A service file as read: what it says, and where it says what others have to agree with.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// What it says.
    pub service_file: ServiceFile,
    /// Where.
    pub places: Places,
}

/// Where a service file says what cannot be judged by itself.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "they are the keys")]
pub struct Places {
    pub command: Option<Place>,
    pub working_dir: Option<Place>,
    pub user: Option<Place>,
    pub port: Option<Place>,
    /// Of each name.
    pub after: Vec<Place>,
}

impl Sheet {
    /// As [`ServiceFile::parse`].
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`]: everything that is wrong, with line and column.
    pub fn read(file: &str, text: &str) -> Result<Self, ConfigErrors> {
        Self::read_in(file, text, None)
    }

    /// As [`Sheet::read`], of a generation whose tree is at `root`: relative paths begin there.
    ///
    /// # Errors
    ///
    /// As [`Sheet::read`].
    pub fn read_in(file: &str, text: &str, root: Option<&Path>) -> Result<Self, ConfigErrors> {
        read::sheet(Source::new(file, text).with_root(root))
    }
}

impl ServiceFile {
    /// A service that only says what its program is.
    #[must_use]
    pub fn new(command: &str) -> Self {
        Self {
            program: Program {
                command: command.to_owned(),
                args: Vec::new(),
                inherited: InheritedEnv::All,
                env: Vec::new(),
                working_dir: None,
                user: None,
            },
            port: None,
            autostart: true,
            after: Vec::new(),
            ready: Ready {
                probe: Probe::None,
                timeout: Millis(10_000),
            },
            restart: Restart {
                policy: Policy::OnFailure,
                backoff_initial: Millis(1_000),
                backoff_max: Millis(30_000),
                max_retries_per_minute: 5,
                stable_after: Millis(60_000),
            },
            stop: Stop {
                hook: None,
                signal: StopSignal::Term,
                grace: Millis(10_000),
            },
            on_agent_exit: OnAgentExit::Stop,
            log: LogLimits {
                max_size_bytes: 10 << 20,
                keep: 5,
                ring_bytes: 1 << 20,
            },
        }
    }

    /// What is true of a service that runs, and whose file was not read yet: it is left alone.
    #[must_use]
    pub fn orphan() -> Self {
        let mut orphan = Self::new("");
        orphan.restart.policy = Policy::Never;
        orphan.on_agent_exit = OnAgentExit::Adopt;
        orphan
    }

    /// Whether there is no file behind this.
    #[must_use]
    pub fn is_orphan(&self) -> bool {
        self.program.command.is_empty()
    }

    /// Reads a service file. `file` is the name to show in errors.
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`]: everything that is wrong, with line and column.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigErrors> {
        Sheet::read(file, text).map(|sheet| sheet.service_file)
    }

    /// Whether a running service has to be started again for this to become true of it.
    #[must_use]
    pub fn needs_restart(&self, running: &Self) -> bool {
        self.program != running.program || self.port != running.port
    }
}

#[cfg(test)]
mod tests;
