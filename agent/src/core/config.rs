//! The agent's configuration: read once, whole, and checked at this door only.

mod generations;
mod read;

pub use generations::{GenerationConfig, SwitchCommands};
pub use lastword_config::{ConfigError, ConfigErrors, Place};

use super::objects::STORE_BYTES;
use lastword_config::Source;
use lastword_protocol::identity::NAME_BYTES;
use lastword_protocol::{Millis, Text};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What `agent.kdl` says, with every default filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The board's name; `None`: the host name.
    pub name: Option<Text<NAME_BYTES>>,
    /// Where the agent keeps what must survive; `None`: the platform's state directory.
    pub state: Option<PathBuf>,
    /// Where its service files are; `None`: the platform's configuration directory.
    pub services: Option<Named>,
    /// The directory of its credentials for TLS; `None`: in the platform's configuration directory.
    pub credentials: Option<PathBuf>,
    /// What it listens on. Empty only if the file says so.
    pub listen: Vec<NamedListener>,
    /// How it carries out power operations.
    pub power: Power,
    /// What bounds its sessions.
    pub limits: Limits,
    /// Its generations; `None`: it takes none.
    pub generations: Option<GenerationConfig>,
}

/// A path, and the place that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The path.
    pub path: PathBuf,
    /// The file that names it, as it was named itself.
    pub file: String,
    /// Where in it.
    pub place: Place,
}

/// What can be made of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What it says; of what is wrong, the default.
    pub config: Config,
    /// Whether it is certain where the service files are: nothing that may say so is wrong.
    pub knows_services: bool,
    /// Everything that is wrong.
    pub errors: Option<ConfigErrors>,
}

/// A listener, and the place that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedListener {
    /// The listener itself.
    pub listener: Listener,
    /// The file that names it, and where in it; `None` for a default.
    pub named: Option<(String, Place)>,
}

/// One thing to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listener {
    /// A serial port.
    Serial {
        /// Its device file.
        path: PathBuf,
        /// Bits per second.
        baud: u32,
    },
    /// A pseudo-terminal that the agent opens; a link to its other end appears at the path.
    Pty {
        /// Where the link appears.
        path: PathBuf,
    },
    /// A TCP port.
    Tcp {
        /// Where to listen.
        address: SocketAddr,
        /// Anyone who reaches an address that is not loopback may do anything.
        allow_unauthenticated: bool,
    },
    /// A TCP port for TLS: who connects needs a certificate of the same authority.
    Tls {
        /// The address to listen on.
        address: SocketAddr,
        /// The directory of the agent's credentials; `None`: that of the configuration, or of the platform.
        credentials: Option<PathBuf>,
    },
    /// A Unix socket of mode 0600; `None`: the platform's runtime directory.
    Unix {
        /// Its path.
        path: Option<PathBuf>,
    },
}

/// How power operations are carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Power {
    /// By whom.
    pub backend: PowerBackend,
    /// The longest that an acknowledgement may take to drain.
    pub drain_cap: Millis,
    /// What a graceful reboot runs, with its arguments.
    pub reboot_program: Vec<String>,
    /// What a graceful power-off runs, with its arguments.
    pub poweroff_program: Vec<String>,
}

/// Which power backend to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerBackend {
    /// None: power requests are refused.
    None,
    /// Everything but the reset.
    DryRun,
    /// reboot(2).
    Linux,
}

impl PowerBackend {
    /// The word for it in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::DryRun => "dry-run",
            Self::Linux => "linux",
        }
    }
}

/// The bounds of the sessions, and of what they leave on the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions open at once, over all listeners.
    pub sessions: usize,
    /// A connection that has said nothing for this long since it opened is closed.
    pub silent: Millis,
    /// A connection that has been quiet for this long is closed.
    pub idle: Millis,
    /// A peer that takes none of its replies for this long is dropped.
    pub stall: Millis,
    /// The room of the board's store, in bytes.
    pub store_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: None,
            state: None,
            services: None,
            credentials: None,
            listen: vec![
                NamedListener::default_one(Listener::Unix { path: None }),
                NamedListener::default_one(Listener::Tcp {
                    address: SocketAddr::from(([127, 0, 0, 1], DEFAULT_PORT)),
                    allow_unauthenticated: false,
                }),
            ],
            power: Power::default(),
            limits: Limits::default(),
            generations: None,
        }
    }
}

impl Default for Power {
    fn default() -> Self {
        Self {
            backend: PowerBackend::DryRun,
            drain_cap: Millis(2_000),
            reboot_program: vec!["reboot".to_owned()],
            poweroff_program: vec!["poweroff".to_owned()],
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 64,
            silent: Millis(60_000),
            idle: Millis(3_600_000),
            stall: Millis(10_000),
            store_bytes: STORE_BYTES,
        }
    }
}

impl Config {
    /// Reads a configuration. `file` is the name to show in errors.
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`]: everything that is wrong, with line and column.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigErrors> {
        let Reading { config, errors, .. } = Self::read(file, text);
        errors.map_or(Ok(config), Err)
    }

    /// As [`Config::parse`], but gives what can be used of one that is wrong, too.
    #[must_use]
    pub fn read(file: &str, text: &str) -> Reading {
        read::config(Source::new(file, text))
    }
}

impl NamedListener {
    const fn default_one(listener: Listener) -> Self {
        let named = None;
        Self { listener, named }
    }

    /// The error that `message` is for this listener; `None` if no file names it.
    #[must_use]
    pub fn error(&self, message: String) -> Option<ConfigError> {
        let (file, place) = self.named.clone()?;
        Some(ConfigError {
            file,
            place,
            message,
        })
    }
}

impl fmt::Display for Listener {
    /// `serial /dev/ttyS1`, as the log and `status` name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial { path, .. } => write!(f, "serial {}", path.display()),
            Self::Pty { path } => write!(f, "pty {}", path.display()),
            Self::Tcp { address, .. } => write!(f, "tcp {address}"),
            Self::Tls { address, .. } => write!(f, "tls {address}"),
            Self::Unix { path: Some(path) } => write!(f, "unix {}", path.display()),
            Self::Unix { path: None } => f.write_str("unix"),
        }
    }
}

impl Listener {
    /// The same; a Unix socket that names no path is at `socket`, and the credentials of TLS are in `credentials`.
    #[must_use]
    pub fn or_at(self, socket: &Path, credentials: &Path) -> Self {
        match self {
            Self::Unix { path: None } => Self::Unix {
                path: Some(socket.to_owned()),
            },
            Self::Tls { address, .. } => Self::Tls {
                address,
                credentials: Some(credentials.to_owned()),
            },
            named => named,
        }
    }

    /// Whether anyone on a network could reach this listener and nothing asks who they are.
    #[must_use]
    pub fn is_open_to_strangers(&self) -> bool {
        matches!(self, Self::Tcp { address, .. } if !address.ip().is_loopback())
    }
}

/// The TCP port of the protocol without TLS.
pub const DEFAULT_PORT: u16 = 7450;
/// The TCP port of the protocol over TLS.
pub const DEFAULT_TLS_PORT: u16 = 7451;

#[cfg(test)]
mod tests;
