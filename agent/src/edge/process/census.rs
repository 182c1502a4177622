//! All processes of this machine, as `/proc` shows them (proc(5)).

use super::children;
use super::procfs::{Stat, nonce_into, unless_exhausted};
use super::watch::Process;
use super::{Nonce64, explain};
use crate::edge::explained::is_exhausted;
use crate::edge::threads::{self, OneEach};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// One process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Its number.
    pub(super) pid: i32,
    /// What it is.
    pub(super) stat: Stat,
    /// Of which start of a service it is, as far as its environment says.
    pub(super) nonce: Option<Nonce64>,
}

impl Entry {
    /// Holds the process that this is, if it still runs and has not changed.
    pub(super) fn open(&self) -> Option<Process> {
        self.find().ok().flatten()
    }

    /// As [`Entry::open`].
    ///
    /// # Errors
    ///
    /// If descriptors or memory have run out, so that nobody can look.
    pub(super) fn find(&self) -> io::Result<Option<Process>> {
        unless_exhausted(self.look())
    }

    fn look(&self) -> io::Result<Option<Process>> {
        let process = Process::open(self.pid)?;
        let stat = Stat::read(self.pid)?;
        let is_it = stat.start_time == self.stat.start_time
            && (stat.group, stat.session) == (self.stat.group, self.stat.session)
            && nonce_into(self.pid, &mut Vec::new())? == self.nonce
            // Else what was read may have been another's.
            && !process.has_ended();
        Ok(is_it.then_some(process))
    }
}

/// All processes. It takes a while: one that is started, and whose parent ends, while the census is
/// taken can be missed; one that is there in all that time is in it.
#[derive(Debug)]
pub(super) struct Census {
    /// In no order.
    pub(super) entries: Vec<Entry>,
}

impl Census {
    /// Looks at all processes, about 10 µs each.
    pub(super) fn take() -> io::Result<Self> {
        Self::take_but(&BTreeSet::new())
    }

    /// Looks at all processes but the main ones of services: what they are is known, and where hundreds
    /// of services run, most processes are theirs.
    pub(super) fn take_strays() -> io::Result<Self> {
        // A number that is given away from here on may be that of a process which began from here on:
        // no census is certain to have such a one.
        Self::take_but(&children::leaders())
    }

    fn take_but(known: &BTreeSet<i32>) -> io::Result<Self> {
        let processes = fs::read_dir("/proc");
        let processes = processes.map_err(|error| explain("cannot list /proc", &error))?;
        let mut buffer = Vec::new();
        let mut entries = Vec::new();
        for process in processes {
            let name = process?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if known.contains(&pid) {
                continue;
            }
            let stat = match Stat::read_into(pid, &mut buffer) {
                Ok(stat) => stat,
                // Whoever cannot look does not know that nobody is there.
                Err(error) if is_exhausted(&error) => return Err(error),
                // It has ended since.
                Err(_) => continue,
            };
            let has_environment = stat.is_program() && stat.runs();
            let nonce = if has_environment {
                nonce_into(pid, &mut buffer)?
            } else {
                None
            };
            entries.push(Entry { pid, stat, nonce });
        }
        Ok(Self { entries })
    }

    /// How many were taken for all so far.
    #[cfg(test)]
    pub(super) fn taken() -> u64 {
        BEGUN.load(Ordering::SeqCst)
    }

    /// One that begins after this is called, taken off the executor and shared by all who wait for one:
    /// however many services stop together, few are taken. Cancel-safe.
    pub(super) async fn soon() -> io::Result<Arc<Self>> {
        let asked = BEGUN.load(Ordering::SeqCst);
        let mut latest = LATEST.lock().await;
        if let Some((number, census)) = latest.as_ref()
            && *number > asked
        {
            return Ok(census.clone());
        }
        let number = BEGUN.fetch_add(1, Ordering::SeqCst) + 1;
        let taken = threads::run(&OneEach::default(), Self::take).await;
        let census = Arc::new(taken.map_err(|error| io::Error::other(error.to_string()))??);
        *latest = Some((number, census.clone()));
        Ok(census)
    }
}

/// How many censuses for all have begun.
static BEGUN: AtomicU64 = AtomicU64::new(0);
/// The last that was completed, and which it was.
static LATEST: Mutex<Option<(u64, Arc<Census>)>> = Mutex::const_new(None);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_in_the_census() {
        let this = nix::unistd::getpid().as_raw();
        let census = Census::take().expect("/proc");
        let entry = census.entries.iter().find(|entry| entry.pid == this);
        let entry = entry.expect("it runs");
        assert!(entry.stat.runs());
        assert_eq!(entry.stat.parent, nix::unistd::getppid().as_raw());
    }
}
