//! What one virtual board differs in from the next.

use std::path::PathBuf;
use std::time::Duration;

/// How a virtual board is reached over TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// QEMU's own user network, closed to the outside: port 7450 of the board is a free port of
    /// 127.0.0.1.
    ///
    /// QEMU acknowledges for both peers, so an ACK seen here is QEMU's and not the other end's.
    User,
    /// A tap device in a network namespace of this board alone, where the board is 10.0.2.15 and
    /// the host 10.0.2.2.
    ///
    /// The host's kernel is the board's TCP peer, as in life: closed windows and resets reach the
    /// board. Needs root.
    Tap,
}

/// How to run one board.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the board's disk, console and sockets live. Made if absent; one running board a
    /// directory.
    ///
    /// Its path is part of socket addresses, which Linux bounds to 107 bytes.
    pub directory: PathBuf,
    /// How the board is reached over TCP.
    pub network: Network,
    /// Writes a printk line and a userland line on the agent's UART by turns, this far apart; whole
    /// milliseconds.
    ///
    /// `None` keeps the UART for the agent.
    pub noise: Option<Duration>,
    /// The board's memory.
    pub memory_mib: u32,
    /// The size of a disk that is made; a disk that exists keeps its size.
    pub disk_mib: u32,
    /// `RUST_LOG` of the agent, without blanks. `None` leaves the agent's default.
    pub log_filter: Option<String>,
}

impl Options {
    /// Returns a quiet board on the user network that keeps its files in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            network: Network::User,
            noise: None,
            memory_mib: DEFAULT_MEMORY_MIB,
            disk_mib: DEFAULT_DISK_MIB,
            log_filter: None,
        }
    }
}

const DEFAULT_MEMORY_MIB: u32 = 256;
const DEFAULT_DISK_MIB: u32 = 64;
