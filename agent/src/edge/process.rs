//! Processes of services: started, watched, found again after the agent's death, signalled, and known
//! to be gone.
//!
//! A service leads a session of its own, so its process group bears its process id. Whatever it starts
//! is found by the group, by the cgroup where there is one, or by the nonce that every descendant
//! inherits in its environment. A process is signalled only by a descriptor that stands for it
//! (`pidfd_open(2)`), or by a number that verifiably is still its own: numbers are given away again.
//!
//! The agent is no subreaper: what its services leave behind goes to init, as everywhere, and is found
//! by the nonce. Where the agent is init itself, [`reap_orphans`] is what reaps.

mod adopt;
mod census;
mod cgroup;
mod children;
mod command;
mod descriptors;
mod group;
mod launch;
pub mod limits;
mod listeners;
mod orphans;
mod procfs;
mod ready;
mod survivors;
#[cfg(test)]
mod testing;
mod user;
mod watch;

pub use adopt::{Identity, strays, strays_of_all};
pub use cgroup::{Cgroup, Cgroups};
pub use command::{CLEARED_PATH, Launch, candidates};
pub use descriptors::keep_low;
pub use group::Group;
pub use launch::launch;
pub use orphans::reap_orphans;
pub use ready::{NotifySocket, exec_ready, tcp_ready};
pub use survivors::{AgentMarks, Proof, Survivor, foreign_nonces, survivors};
pub use user::User;
pub use watch::Process;

pub use crate::core::service::machine::Exit;

use super::explained::explain;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::num::ParseIntError;
use std::str::FromStr;

/// Names one start of a service, among all on all machines. Every descendant carries it in its
/// environment. Written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce64(pub u64);

impl Nonce64 {
    /// One that nobody has had before.
    ///
    /// # Errors
    ///
    /// If the kernel gives no random numbers: is there no `/dev`?
    pub fn fresh() -> io::Result<Self> {
        const RANDOM: &str = "/dev/urandom";
        let mut bytes = [0; 8];
        File::open(RANDOM)
            .and_then(|mut file| file.read_exact(&mut bytes))
            .map_err(|error| explain(format_args!("cannot read {RANDOM}"), &error))?;
        Ok(Self(u64::from_ne_bytes(bytes)))
    }
}

impl fmt::Display for Nonce64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Nonce64 {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

/// When a process was started, in ticks since boot (`/proc/PID/stat`, field 22).
///
/// # Errors
///
/// If there is no such process.
pub fn start_time(pid: i32) -> io::Result<u64> {
    procfs::Stat::read(pid).map(|stat| stat.start_time)
}

/// The variable that holds the nonce.
const NONCE_VARIABLE: &str = "LASTWORD_NONCE";
/// The variable that holds the service's name.
const SERVICE_VARIABLE: &str = "LASTWORD_SERVICE";
/// The variable that holds the path of the agent's state directory.
const STATE_VARIABLE: &str = "LASTWORD_STATE";
