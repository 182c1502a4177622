//! Processes of an earlier agent, found without its record: by their cgroup, by the log that they write to,
//! and by what the agent puts into the environment of a service.

use super::census::{Census, Entry};
use super::procfs::{unless_exhausted, variables_of};
use super::watch::Process;
use super::{Cgroups, Nonce64, SERVICE_VARIABLE, STATE_VARIABLE};
use nix::unistd::{Uid, getpid};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Marks that an agent leaves on its processes, other than its record.
#[derive(Clone, Debug, Default)]
pub struct AgentMarks {
    /// The state directory, without links in its path.
    pub state: PathBuf,
    /// The directory of the FIFOs that services write to: `NAME.out` and `NAME.err`.
    pub fifos: PathBuf,
    /// The cgroups of its services, where it has some.
    pub cgroups: Option<Cgroups>,
}

/// A process that looks like one of a service of the agent.
#[derive(Debug)]
pub struct Survivor {
    /// The service's name, as the mark has it.
    pub service: String,
    /// The nonce in its environment.
    pub nonce: Option<Nonce64>,
    /// The process.
    pub process: Process,
    /// Whether it leads a session, as a main process does.
    pub leads_session: bool,
    /// Whether it writes to FIFOs that have been removed: nobody will ever read what it writes.
    pub output_is_lost: bool,
    /// Where the name comes from.
    pub proof: Proof,
}

/// Evidence that a process belongs to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It is in the service's cgroup, or writes to the service's log: nobody else could have brought that
    /// about.
    Certain,
    /// Its environment says so, or the name of what it writes to; any process of any user can be made to.
    Claimed {
        /// The user that it runs as.
        uid: Uid,
        /// Whether the path of the state directory leads it to the same directory: `None` if it sees none.
        same_directory: Option<bool>,
    },
}

/// Returns all that look like processes of the agent's services, those that lead a session first, then by
/// age. Left out are those whose nonce `is_known`, and those whose environment names another directory.
///
/// # Errors
///
/// If there is no `/proc`, or descriptors or memory have run out: nobody is taken for gone then.
pub fn survivors(
    marks: &AgentMarks,
    is_known: impl Fn(Nonce64) -> bool,
) -> io::Result<Vec<Survivor>> {
    let census = Census::take()?;
    let members = marks.cgroups.as_ref().map(Cgroups::members);
    let members = members.transpose()?.unwrap_or_default();
    let this = getpid().as_raw();
    let is_meant = |entry: &&Entry| {
        let known = entry.nonce.is_some_and(&is_known);
        entry.pid != this && entry.stat.runs() && entry.stat.is_program() && !known
    };
    let entries = census.entries.iter().filter(is_meant);
    let survivors = entries.map(|entry| marks.survivor(entry, members.get(&entry.pid)));
    let survivors: io::Result<Vec<_>> = survivors.collect();
    let mut found: Vec<_> = survivors?.into_iter().flatten().collect();
    found.sort_by_key(|it| (!it.leads_session, it.process.start_time, it.process.pid));
    Ok(found)
}

/// Returns which of the nonces that are `wanted` are on processes of another agent: its record was copied
/// into this one's directory.
///
/// # Errors
///
/// If there is no `/proc`, or descriptors or memory have run out.
pub fn foreign_nonces(
    marks: &AgentMarks,
    wanted: impl Fn(Nonce64) -> bool,
) -> io::Result<BTreeSet<Nonce64>> {
    let census = Census::take()?;
    let mut nonces = BTreeSet::new();
    for entry in &census.entries {
        let Some(nonce) = entry.nonce.filter(|nonce| wanted(*nonce)) else {
            continue;
        };
        let [state] = variables_of(entry.pid, [STATE_VARIABLE])?;
        // A directory that has been moved leads nowhere where it was.
        if state.is_some_and(|it| marks.is_own(&it, entry.pid) == Some(false)) {
            nonces.insert(nonce);
        }
    }
    Ok(nonces)
}

impl AgentMarks {
    /// Returns whether a path, as the environment of a process has it, leads that process to this state
    /// directory; `None` if it leads it nowhere, and is another.
    fn is_own(&self, path: &[u8], pid: i32) -> Option<bool> {
        let path = Path::new(OsStr::from_bytes(path));
        if path == self.state {
            return Some(true);
        }
        self.leads_here(path, pid)
    }

    fn survivor(&self, entry: &Entry, member_of: Option<&String>) -> io::Result<Option<Survivor>> {
        let [service, state] = match entry.nonce {
            Some(_) => variables_of(entry.pid, [SERVICE_VARIABLE, STATE_VARIABLE])?,
            None => [None, None],
        };
        // A supervisor may be a service of another.
        let is_own = |path: &Vec<u8>| self.is_own(path, entry.pid) == Some(true);
        if !state.as_ref().is_none_or(is_own) {
            return Ok(None);
        }
        let output = self.output(entry.pid);
        let (service, is_certain) = match (member_of, &output, service, state) {
            (Some(name), ..) => (name.clone(), true),
            (None, Some(output), ..) => (output.service.clone(), output.is_certain),
            (None, None, Some(name), Some(_)) => match String::from_utf8(name) {
                Ok(name) => (name, false),
                Err(_) => return Ok(None),
            },
            _ => return Ok(None),
        };
        let proof = if is_certain {
            Proof::Certain
        } else {
            let Some(uid) = unless_exhausted(real_user(entry.pid))? else {
                return Ok(None);
            };
            Proof::Claimed {
                uid,
                same_directory: self.same_directory(entry.pid),
            }
        };
        // Whatever was read is its own only if it has not changed meanwhile.
        let found = entry.find()?.map(|process| Survivor {
            service,
            nonce: entry.nonce,
            // There may be more of them than descriptors.
            process: process.claim().unheld(),
            leads_session: entry.stat.session == entry.pid,
            output_is_lost: output.is_some_and(|it| it.is_lost),
            proof,
        });
        Ok(found)
    }

    /// Returns whose FIFO a process has for its output.
    fn output(&self, pid: i32) -> Option<Output> {
        [1, 2].into_iter().find_map(|number| {
            let link = PathBuf::from(format!("/proc/{pid}/fd/{number}"));
            let target = fs::read_link(&link).ok()?;
            let file = target.strip_prefix(&self.fifos).ok()?.to_str()?;
            let (file, is_lost) = match file.strip_suffix(" (deleted)") {
                Some(file) => (file, true),
                None => (file, false),
            };
            let service = file.strip_suffix(".out").or(file.strip_suffix(".err"))?;
            let is_certain = !is_lost && is_same(&link, &self.fifos.join(file)) == Some(true);
            Some(Output {
                service: service.to_owned(),
                is_certain,
                is_lost,
            })
        })
    }

    /// Returns whether a process finds this directory at its path. In another mount namespace, as a container
    /// has, another agent may have the same path.
    fn same_directory(&self, pid: i32) -> Option<bool> {
        self.leads_here(&self.state, pid)
    }

    fn leads_here(&self, path: &Path, pid: i32) -> Option<bool> {
        let below = path.strip_prefix("/").ok()?;
        let theirs = Path::new("/proc").join(pid.to_string()).join("root");
        is_same(&theirs.join(below), &self.state)
    }
}

/// A service's FIFO that a process writes to.
struct Output {
    service: String,
    /// It is that very FIFO.
    is_certain: bool,
    /// It has been removed.
    is_lost: bool,
}

/// Returns whether two paths lead to the same file; `None` if either leads nowhere.
fn is_same(one: &Path, other: &Path) -> Option<bool> {
    let identity = |path| fs::metadata(path).map(|it| (it.dev(), it.ino())).ok();
    Some(identity(one)? == identity(other)?)
}

/// The user that started a process: the first of `Uid:` in `/proc/PID/status` (proc(5)).
fn real_user(pid: i32) -> io::Result<Option<Uid>> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let uid = line.and_then(|line| line.split_ascii_whitespace().next());
    Ok(uid.and_then(|uid| uid.parse().ok()).map(Uid::from_raw))
}

/// Returns whether a process writes to the log of a service: its output is the FIFO `NAME.out` or
/// `NAME.err` of that directory, itself.
pub(super) fn writes_to_log(pid: i32, fifos: &Path, service: &str) -> bool {
    let marks = AgentMarks {
        fifos: fifos.to_owned(),
        ..AgentMarks::default()
    };
    let output = marks.output(pid);
    output.is_some_and(|it| it.is_certain && it.service == service)
}
