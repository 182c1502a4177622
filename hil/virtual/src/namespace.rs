//! A network of one board's own: a namespace of the host's kernel with a tap device in it.
//!
//! Its addresses exist nowhere else, so traffic to the board cannot leave the host, and two boards
//! can have the same address.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, setns};

use crate::command_line::TAP;
use crate::program::{self, ProgramError};

/// A network namespace with a tap device; gone when dropped and when QEMU has left it.
#[derive(Debug)]
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes a namespace in which the host is 10.0.2.2. Needs root. Blocks for some milliseconds.
    ///
    /// # Errors
    ///
    /// [`ProgramError`] if `ip` is missing or refuses.
    pub(crate) fn create() -> Result<Self, ProgramError> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("lastword-{}-{number}", std::process::id());
        ip(&["netns", "add", &name])?;
        // From here on, dropping it removes what has been made so far.
        let namespace = Self { name };
        namespace.ip(&["tuntap", "add", "dev", TAP, "mode", "tap"])?;
        namespace.ip(&["addr", "add", HOST_ADDRESS, "dev", TAP])?;
        namespace.ip(&["link", "set", "dev", "lo", "up"])?;
        namespace.ip(&["link", "set", "dev", TAP, "up"])?;
        Ok(namespace)
    }

    /// Returns the words that, put before a command, run it in the namespace.
    pub(crate) fn prefix(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }

    /// Opens the namespace, so that a thread can [`enter`] it.
    ///
    /// # Errors
    ///
    /// An I/O error if it cannot be opened.
    pub(crate) fn open(&self) -> io::Result<File> {
        File::open(PathBuf::from(DIRECTORY).join(&self.name))
    }

    fn ip(&self, arguments: &[&str]) -> Result<(), ProgramError> {
        let here = ["-n", &self.name];
        ip(&[&here, arguments].concat())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = ip(&["netns", "del", &self.name]) {
            tracing::warn!(%error, "a virtual board's network namespace stays behind");
        }
    }
}

/// Moves the calling thread, and no other, into an open namespace. There is no way back: let the
/// thread end.
///
/// # Errors
///
/// An I/O error if the kernel refuses.
pub(crate) fn enter(namespace: &File) -> io::Result<()> {
    setns(namespace, CloneFlags::CLONE_NEWNET).map_err(io::Error::from)
}

fn ip(arguments: &[&str]) -> Result<(), ProgramError> {
    program::output(program::command("ip")?.args(arguments)).map(drop)
}

/// Makes names unique within this process.
static NUMBER: AtomicU32 = AtomicU32::new(0);

const HOST_ADDRESS: &str = "10.0.2.2/24";

/// Where `ip netns add` puts its names, ip-netns(8).
const DIRECTORY: &str = "/run/netns";
