//! All that a service consists of: the process that was started, its group, and what descends from it.

#[cfg(test)]
mod tests;

use super::census::{Census, Entry};
use super::procfs::{Stat, nonce_of};
use super::watch::Process;
use super::{Cgroup, Nonce64};
use crate::edge::kernel;
use crate::edge::threads::{self, OneEach};
use nix::sys::signal::Signal;
use nix::unistd::getpid;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time;

/// All processes of one start of a service.
///
/// With a cgroup these are the processes in it, and what leaves it needed root for that. Without one
/// they are those of the leader's process group and session, and those that carry the nonce in their
/// environment; one that left the session and wiped its environment is lost.
#[derive(Clone, Debug)]
pub struct Group {
    leader: Option<Arc<Process>>,
    nonce: Nonce64,
    pub(super) cgroup: Option<Cgroup>,
}

impl Group {
    /// The group of the process that was started, or adopted, with that nonce.
    #[must_use]
    pub fn of(leader: Arc<Process>, nonce: Nonce64, cgroup: Option<Cgroup>) -> Self {
        // After a move of the agent itself the service is in another than the agent would now create.
        let holds = |cgroup: &Cgroup| leader.has_ended() || cgroup.contains(leader.pid);
        let cgroup = cgroup.filter(holds);
        leader.lead();
        let leader = Some(leader);
        Self {
            leader,
            nonce,
            cgroup,
        }
    }

    /// What is left of a group whose leader has ended while nobody looked.
    #[must_use]
    pub fn left_behind(nonce: Nonce64, cgroup: Option<Cgroup>) -> Self {
        Self {
            leader: None,
            nonce,
            cgroup,
        }
    }

    /// Sends a signal to the leader's process group. That nobody is left to hear it is fine. Without a
    /// leader every process that is left hears it.
    ///
    /// # Errors
    ///
    /// If none of them could be sent it, for want of permission.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let Some(leader) = &self.leader else {
            return self.signal_each(signal, |_| true);
        };
        if leader.signal_group(signal)? {
            return Ok(());
        }
        self.signal_each(signal, |entry| entry.stat.group == leader.pid)
    }

    fn signal_each(&self, signal: Signal, to: impl Fn(&Entry) -> bool) -> io::Result<()> {
        let census = Census::take()?;
        let to = self.members(&census).into_iter().filter(|entry| to(entry));
        let opened: Vec<Process> = to.filter_map(Entry::open).collect();
        send_each(&opened, signal)
    }

    /// Sends the stop signal to all of it, once to each process: to the leader's process group, and to every
    /// member that has left that. SIGCONT follows, since a stopped process takes no signal but SIGKILL, and a
    /// frozen cgroup is thawed.
    ///
    /// # Errors
    ///
    /// If a process could not be sent it, for want of permission, or the members cannot be listed; the others
    /// were sent it.
    pub async fn terminate(&self, signal: Signal) -> io::Result<()> {
        let thawed = self.cgroup.as_ref().map_or(Ok(()), Cgroup::thaw);
        let told = self.signal(signal);
        let (strays, listed) = match self.outside_the_group().await {
            Ok(strays) => (strays, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        let strays_told = send_each(&strays, signal);
        if signal != Signal::SIGKILL {
            // Whoever could not be sent the signal cannot be sent this one either.
            let _ = self.signal(Signal::SIGCONT);
            let _ = send_each(&strays, Signal::SIGCONT);
        }
        thawed.and(told).and(listed).and(strays_told)
    }

    /// The members that the leader's process group does not reach.
    async fn outside_the_group(&self) -> io::Result<Vec<Process>> {
        let Some(leader) = &self.leader else {
            // Without a leader a signal goes to each member.
            return Ok(Vec::new());
        };
        let group = leader.pid;
        if let Some(cgroup) = self.cgroup.clone() {
            if cgroup.has_only(group) {
                return Ok(Vec::new());
            }
            let threads = OneEach::default();
            let list = threads::run(&threads, move || cgroup.open_outside(group));
            return list
                .await
                .map_err(|error| io::Error::other(error.to_string()))?;
        }
        let census = Census::soon().await?;
        let members = self.members(&census).into_iter();
        let outside = members.filter(|entry| entry.stat.group != group);
        Ok(outside.filter_map(Entry::open).collect())
    }

    /// Kills every process of it, and those that these start meanwhile. They may take a moment to be
    /// gone: see [`Group::emptied`]. Cancel-safe: what was not killed is not.
    ///
    /// # Errors
    ///
    /// If there is no `/proc`, or without a cgroup it starts processes faster than they can be killed:
    /// those found are dead, and the next call goes on.
    pub async fn kill(&self) -> io::Result<()> {
        /// Each takes milliseconds; whatever forks for longer forks for ever.
        const ROUNDS: usize = 50;
        if let Some(cgroup) = &self.cgroup {
            cgroup.kill()?;
            if self.leader.is_some() {
                return Ok(());
            }
        }
        let mut killed = BTreeSet::new();
        for _ in 0..ROUNDS {
            if self.leader.is_some() {
                // At once and all, where a round could be outrun.
                self.signal(Signal::SIGKILL)?;
            }
            let census = Census::soon().await?;
            let is_new = |entry: &&Entry| !killed.contains(&(entry.pid, entry.stat.start_time));
            let found: Vec<&Entry> = self.members(&census).into_iter().filter(is_new).collect();
            if found.is_empty() {
                return Ok(());
            }
            for process in found.into_iter().filter_map(Entry::open) {
                kill_with_group(&process);
                killed.insert((process.pid, process.start_time));
            }
        }
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "it starts processes faster than they are killed; a cgroup would hold it",
        ))
    }

    /// Whether none of it runs. An ended leader that nobody has waited for does not run either.
    ///
    /// # Errors
    ///
    /// If `/proc` or the cgroup cannot be read.
    pub fn is_empty(&self) -> io::Result<bool> {
        if let Some(cgroup) = &self.cgroup
            && (self.leader.is_some() || !cgroup.is_empty()?)
        {
            return cgroup.is_empty();
        }
        let runs = |leader: &Arc<Process>| !leader.has_ended();
        if self.leader.as_ref().is_some_and(runs) {
            return Ok(false);
        }
        let is_empty = || Ok::<_, io::Error>(self.members(&Census::take_strays()?).is_empty());
        // One census can miss a process whose parent ended while it was taken.
        Ok(is_empty()? && is_empty()?)
    }

    /// The process that was started, or adopted; none of what is left behind by one.
    pub(super) const fn leader(&self) -> Option<&Arc<Process>> {
        self.leader.as_ref()
    }

    /// Returns the numbers of its processes, as they are now. Cancel-safe.
    ///
    /// # Errors
    ///
    /// If `/proc` or the cgroup cannot be read.
    pub(super) async fn pids(&self) -> io::Result<Vec<i32>> {
        if let Some(cgroup) = self.cgroup.clone() {
            let list = threads::run(&OneEach::default(), move || cgroup.processes()).await;
            return list.map_err(|error| io::Error::other(error.to_string()))?;
        }
        let census = Census::soon().await?;
        Ok(self
            .members(&census)
            .iter()
            .map(|entry| entry.pid)
            .collect())
    }

    /// Waits until none of it runs. Cancel-safe.
    ///
    /// # Errors
    ///
    /// As [`Group::is_empty`].
    pub async fn emptied(&self) -> io::Result<()> {
        if let Some(cgroup) = &self.cgroup {
            cgroup.emptied().await?;
            if self.leader.is_some() {
                return Ok(());
            }
        }
        if let Some(leader) = &self.leader {
            leader.ended().await;
        }
        let mut empty = 0;
        while empty < 2 {
            let census = Census::soon().await?;
            let members = self.members(&census);
            empty = if members.is_empty() { empty + 1 } else { 0 };
            let open: Vec<Process> = members.iter().filter_map(|entry| entry.open()).collect();
            if open.is_empty() && !members.is_empty() {
                // They are changing, or there is no descriptor left: no reason to look without a pause.
                time::sleep(PERIOD).await;
            }
            for process in open {
                process.ended().await;
            }
        }
        Ok(())
    }

    /// Whether a process belongs to it; `false` if it has ended.
    #[must_use]
    pub fn contains(&self, pid: i32) -> bool {
        if self
            .cgroup
            .as_ref()
            .is_some_and(|cgroup| cgroup.contains(pid))
        {
            return true;
        }
        let (Ok(process), Ok(stat)) = (Process::open(pid), Stat::read(pid)) else {
            return false;
        };
        let nonce = nonce_of(pid);
        let entry = Entry { pid, stat, nonce };
        let follows_the_leader = || {
            // Looking at all processes is for those that may be, not for whoever asks.
            let is_known = || Census::take().is_ok_and(|census| self.is_known(&census));
            self.follows(&entry) && (self.leader_holds_its_number() || is_known())
        };
        (self.carries(&entry) || follows_the_leader()) && !process.has_ended()
    }

    /// Counts what the processes of each of some groups have in memory, in bytes: what its cgroup counts,
    /// else the sum of theirs, shared pages by their share where the kernel may be asked for that; 0 where
    /// that is unknown. It takes one look at all processes at most, however many groups there are.
    pub async fn memory_bytes(groups: Vec<Option<Arc<Self>>>) -> Vec<u64> {
        let count = groups.len();
        let needs_census = groups.iter().flatten().any(|it| it.cgroup.is_none());
        let census = if needs_census {
            Census::soon().await.ok()
        } else {
            None
        };
        // The kernel counts pages for some of these numbers, which may take it a while.
        let threads = OneEach::default();
        let counted = threads::run(&threads, move || {
            let census = census.as_deref();
            let count = |group: &Arc<Self>| group.count_memory(census).unwrap_or_default();
            let groups = groups.iter();
            groups.map(|it| it.as_ref().map_or(0, count)).collect()
        });
        counted.await.unwrap_or_else(|_| vec![0; count])
    }

    fn count_memory(&self, census: Option<&Census>) -> io::Result<u64> {
        let Some(cgroup) = &self.cgroup else {
            let members = census.map_or_else(Vec::new, |census| self.members(census));
            return Ok(members.iter().map(|entry| memory_bytes(entry.pid)).sum());
        };
        if let Some(bytes) = cgroup.memory_bytes() {
            return Ok(bytes);
        }
        Ok(cgroup.processes()?.into_iter().map(memory_bytes).sum())
    }

    /// Those of a census that run and are part of it.
    fn members<'a>(&self, census: &'a Census) -> Vec<&'a Entry> {
        let this = getpid().as_raw();
        let is_the_leaders = self.leader_holds_its_number() || self.is_known(census);
        let is_member = |entry: &&Entry| {
            entry.pid != this
                && entry.stat.runs()
                && (self.carries(entry) || (is_the_leaders && self.follows(entry)))
        };
        census.entries.iter().filter(is_member).collect()
    }

    fn carries(&self, entry: &Entry) -> bool {
        entry.nonce == Some(self.nonce)
    }

    /// Whether group or session bear the number that was the leader's.
    fn follows(&self, entry: &Entry) -> bool {
        let leader = self.leader.as_ref().map(|leader| leader.pid);
        leader == Some(entry.stat.group) || leader == Some(entry.stat.session)
    }

    /// Whether the leader's number is its own still, though it may have ended: a number is not given away
    /// while a group or session bears it. So if one that follows is ours by its nonce, all who follow
    /// are ours, even those without a nonce.
    fn is_known(&self, census: &Census) -> bool {
        let mut entries = census.entries.iter();
        entries.any(|entry| self.carries(entry) && self.follows(entry))
    }

    fn leader_holds_its_number(&self) -> bool {
        let holds = |leader: &Arc<Process>| {
            leader.holds_its_number() || leader.with_fd(|fd| kernel::signal_group(fd, 0)).is_ok()
        };
        self.leader.as_ref().is_some_and(holds)
    }
}

/// Sends a signal to each, also behind one that could not be sent it. Returns the first failure.
fn send_each(processes: &[Process], signal: Signal) -> io::Result<()> {
    let sent = processes.iter().map(|process| process.signal(signal));
    sent.fold(Ok(()), Result::and)
}

/// Kills it, and if it leads a process group that as well, those too that carry no nonce.
fn kill_with_group(process: &Process) {
    // Either may be gone, or another user's.
    let _ = process.signal_group(Signal::SIGKILL);
    let _ = process.signal(Signal::SIGKILL);
}

/// How often is looked where nothing tells.
const PERIOD: Duration = Duration::from_millis(10);

/// What a process has in memory: its share (Linux 4.14, for those who may trace it), else all of it; 0
/// if it has ended.
fn memory_bytes(pid: i32) -> u64 {
    let share = kibibytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:");
    let kibibytes = share.or_else(|| kibibytes(&format!("/proc/{pid}/status"), "VmRSS:"));
    kibibytes.unwrap_or(0) << 10
}

fn kibibytes(path: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(field))?;
    value.trim().strip_suffix(" kB")?.parse().ok()
}
