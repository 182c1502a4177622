//! A supervisor at work: started, looked at, and ended, with everything that it has started.

use super::contender::{Contender, Order};
use super::roll::{Entry, Roll, monotonic};
use crate::clock;
use crate::usage::Memory;
use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How long nothing may happen at all.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// How often is looked whether everything is gone.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// A supervisor and its services.
#[derive(Debug)]
pub(super) struct Supervised {
    contender: Contender,
    child: Child,
    place: TempDir,
    roll: Roll,
    /// Where each service's last process is, by name.
    pids: HashMap<String, i32>,
    /// The program of all services.
    service: PathBuf,
    /// When it was started.
    started: Duration,
    /// Everything has been ended in order.
    over: bool,
}

/// The place that a supervisor is to have, and its roll.
pub(super) struct Place {
    directory: TempDir,
    roll: Roll,
}

impl Place {
    /// A new one in that directory, which is removed with it: some file systems take long to create what
    /// comes soon after they have removed thousands of files.
    pub(super) fn new(parent: &TempDir) -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        let directory = builder.disable_cleanup(true).tempdir_in(parent)?;
        let roll = Roll::open(&directory.path().join(ROLL))?;
        Ok(Self { directory, roll })
    }

    /// Where services tell that they have started.
    pub(super) fn roll(&self) -> PathBuf {
        self.directory.path().join(ROLL)
    }

    /// Starts a supervisor here.
    pub(super) fn start(
        self,
        contender: Contender,
        service: &Path,
        orders: &[Order],
    ) -> Result<Supervised> {
        let path = self.directory.path();
        let mut command = contender.prepare(path, orders)?;
        let said = || File::create_new(path.join(SAID));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(said()?).current_dir(path);
        let started = monotonic()?;
        let child = command.spawn();
        let child = child.with_context(|| format!("cannot start {}", contender.name()))?;
        Ok(Supervised {
            contender,
            child,
            place: self.directory,
            roll: self.roll,
            pids: HashMap::new(),
            service: service.to_owned(),
            started,
            over: false,
        })
    }
}

impl Supervised {
    /// The next that has started, or has written its lines.
    pub(super) fn next(&mut self) -> Result<Entry> {
        let entry = self.roll.next(PATIENCE).with_context(|| self.said())?;
        self.pids.insert(entry.name.clone(), entry.pid);
        Ok(entry)
    }

    /// Waits until so many have started, and returns how long after `since` the last one has.
    pub(super) fn wait_for(&mut self, count: usize, since: Duration) -> Result<Duration> {
        let mut last = since;
        for _ in 0..count {
            last = last.max(self.next()?.at);
        }
        Ok(last.saturating_sub(since))
    }

    /// When it was started.
    pub(super) const fn started(&self) -> Duration {
        self.started
    }

    /// Kills a service, and returns how long after that its successor has begun.
    pub(super) fn kill(&mut self, name: &str) -> Result<Duration> {
        let pid = *self.pids.get(name).context("it never started")?;
        let killed = monotonic()?;
        self.signal(pid, Signal::SIGKILL)?;
        let entry = self.next()?;
        ensure!(entry.name == name && entry.pid != pid, "not the successor");
        Ok(entry.at.saturating_sub(killed))
    }

    /// Kills all services, and returns how long after that the last successor has begun.
    pub(super) fn kill_all(&mut self) -> Result<Duration> {
        let killed = monotonic()?;
        let pids: Vec<i32> = self.pids.values().copied().collect();
        for pid in &pids {
            self.signal(*pid, Signal::SIGKILL)?;
        }
        self.wait_for(pids.len(), killed)
    }

    /// Only what is still one of the services is signalled.
    fn signal(&self, pid: i32, signal: Signal) -> Result<()> {
        let is_ours = fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|it| it == self.service);
        ensure!(is_ours, "process {pid} is no service");
        Ok(kill(Pid::from_raw(pid), signal)?)
    }

    /// What the supervisor's processes share with nobody, in KiB: all that descend from it, without
    /// the services.
    pub(super) fn private_memory(&self) -> Result<u64> {
        let services: HashSet<i32> = self.pids.values().copied().collect();
        let mut sum = 0;
        for pid in descendants(i32::try_from(self.child.id())?)? {
            if !services.contains(&pid) {
                sum += Memory::of(pid.unsigned_abs())?.private;
            }
        }
        Ok(sum)
    }

    /// Whether a service is in a cgroup that the agent has created.
    pub(super) fn has_cgroups(&self) -> bool {
        let of = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/cgroup"));
        let is_created = |text: String| {
            let mut lines = text.lines();
            lines.any(|line| line.starts_with("0::") && line.contains("/lastword-"))
        };
        self.pids
            .values()
            .next()
            .map(of)
            .is_some_and(|text| text.is_ok_and(is_created))
    }

    /// The files that hold a service's lines, the oldest first.
    pub(super) fn log_files(&self, name: &str) -> Vec<PathBuf> {
        self.contender.log_files(self.place.path(), name)
    }

    /// Has it stop everything, and returns how long it took until it and all services were gone.
    pub(super) fn end(&mut self) -> Result<Duration> {
        let began = monotonic()?;
        let pid = i32::try_from(self.child.id())?;
        let all = descendants(pid)?;
        kill(Pid::from_raw(pid), self.contender.end())?;
        let is_gone = |pid: &i32| state(*pid).is_none_or(|(state, _)| state == 'Z');
        while self.child.try_wait()?.is_none() || !all.iter().all(is_gone) {
            let waited = monotonic()?.saturating_sub(began);
            ensure!(waited < PATIENCE, "not everything ends: {}", self.said());
            clock::pause(LOOK_AGAIN);
        }
        self.over = true;
        Ok(monotonic()?.saturating_sub(began))
    }

    /// The end of what it has said itself.
    fn said(&self) -> String {
        let said = fs::read_to_string(self.place.path().join(SAID)).unwrap_or_default();
        let lines: Vec<&str> = said.lines().rev().take(5).collect();
        format!("{} said: {}", self.contender.name(), lines.join(" | "))
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        if self.over || self.end().is_ok() {
            return;
        }
        // Something went wrong already: nothing more can be done about what fails here.
        let left = descendants(i32::try_from(self.child.id()).unwrap_or_default());
        let _ = self.child.kill();
        let _ = self.child.wait();
        for pid in left.unwrap_or_default().iter().chain(self.pids.values()) {
            let _ = self.signal(*pid, Signal::SIGKILL);
        }
    }
}

/// A process and all that descend from it.
fn descendants(root: i32) -> Result<Vec<i32>> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        if let Some(pid) = name.to_str().and_then(|it| it.parse().ok())
            && let Some((_, parent)) = state(pid)
        {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = vec![root];
    let mut index = 0;
    while let Some(pid) = found.get(index) {
        found.extend(children.remove(pid).unwrap_or_default());
        index += 1;
    }
    Ok(found)
}

/// The state of a process and its parent (`/proc/PID/stat`); `None` if it is gone.
fn state(pid: i32) -> Option<(char, i32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut words = rest.split_whitespace();
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

const ROLL: &str = "roll";
const SAID: &str = "said";
