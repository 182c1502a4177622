//! Control groups, version 2 (cgroups(7)): a boundary that no process of a service crosses.
//!
//! The agent enables no controllers: systemd could not start it again in a group whose children have
//! some while services still run in them. What it needs, starting in a group, killing all of it and
//! being told that it is empty, is there without.

mod emptied;

use super::explain;
use super::procfs::Stat;
use super::watch::Process;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, open};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::sys::uio::pread;
use nix::unistd::{AccessFlags, faccessat, getpid};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Where the agent may create groups for its services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroups(Cgroup);

impl Cgroups {
    /// The place for services of this agent, if the agent's own group is its to divide: version 2,
    /// writable, and, under systemd, delegated (`Delegate=yes`). `instance` tells agents in one group
    /// apart, and has to be the same when this one runs again.
    #[must_use]
    pub fn discover(instance: &str) -> Option<Self> {
        let own = Cgroup::own()?;
        let is_writable =
            |path: &Path| faccessat(AT_FDCWD, path, AccessFlags::W_OK, AtFlags::AT_EACCESS).is_ok();
        let may = is_writable(&own.directory) && is_writable(&own.file("cgroup.procs"));
        let systemd = Path::new("/run/systemd/system").exists();
        (may && (!systemd || own.is_delegated())).then(|| Self(own.child(instance)))
    }

    /// The group of a service, created if it is not there; what runs in it stays.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub fn service(&self, name: &str) -> io::Result<Cgroup> {
        let cgroup = self.0.child(name);
        let created = fs::create_dir_all(&cgroup.directory);
        created.map_err(|error| cgroup.failed("create", &error))?;
        Ok(cgroup)
    }

    /// The group of a service that is about to start, created anew if nothing runs in it: Linux 6.18
    /// kills at once whatever is cloned into a group that was killed before (seen on 6.18.44, where
    /// `cgroup.kill` counts up and clone3(2) compares with the count of the parent's group).
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub fn renew(&self, name: &str) -> io::Result<Cgroup> {
        // What runs there, or is not to be removed, stays.
        let _ = self.0.child(name).remove();
        self.service(name)
    }

    /// The processes in the groups of services, each with the service's name. A place that was never
    /// created has none.
    ///
    /// # Errors
    ///
    /// If a group cannot be read.
    pub(super) fn members(&self) -> io::Result<HashMap<i32, String>> {
        let mut members = HashMap::new();
        let entries = match fs::read_dir(&self.0.directory) {
            Err(error) if is_gone(&error) => return Ok(members),
            entries => entries.map_err(|error| self.0.failed("read", &error))?,
        };
        for entry in entries.flatten() {
            let is_group = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let (true, Some(name)) = (is_group, entry.file_name().to_str().map(str::to_owned))
            else {
                continue;
            };
            for pid in self.0.child(&name).processes()? {
                members.insert(pid, name.clone());
            }
        }
        Ok(members)
    }

    /// Removes the place and every group in it. That it is gone is fine.
    ///
    /// # Errors
    ///
    /// If anything runs there still.
    pub fn remove(&self) -> io::Result<()> {
        self.0.remove()
    }
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    directory: PathBuf,
    /// As `/proc/PID/cgroup` has it.
    path: String,
}

impl Cgroup {
    /// Kills every process in it and below.
    ///
    /// # Errors
    ///
    /// If the kernel refuses. That it is gone is fine.
    pub fn kill(&self) -> io::Result<()> {
        if !self.directory.exists() {
            return Ok(());
        }
        match fs::write(self.file("cgroup.kill"), "1") {
            // Before Linux 5.14.
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.kill_frozen(),
            written => written.map_err(|error| self.failed("kill", &error)),
        }
    }

    /// Frozen none of them can start another; killed they end nevertheless.
    fn kill_frozen(&self) -> io::Result<()> {
        let freeze = |frozen: &str| {
            let written = fs::write(self.file("cgroup.freeze"), frozen);
            written.map_err(|error| self.failed("freeze", &error))
        };
        freeze("1")?;
        let killed = self.kill_each();
        freeze("0")?;
        killed
    }

    /// A process that starts in a frozen group never becomes its program, and whoever starts it waits. An
    /// agent that died while it killed may have left one, or a person.
    pub(super) fn thaw(&self) -> io::Result<()> {
        let file = self.file("cgroup.freeze");
        match fs::read_to_string(&file) {
            Ok(frozen) if frozen.trim() == "1" => {
                fs::write(&file, "0").map_err(|error| self.failed("thaw", &error))
            }
            _ => Ok(()),
        }
    }

    /// Freezes it, as a person may.
    #[cfg(test)]
    pub(super) fn freeze(&self) {
        fs::write(self.file("cgroup.freeze"), "1").expect("the test's own");
    }

    fn kill_each(&self) -> io::Result<()> {
        /// Freezing takes effect in a moment: until then they may start others.
        const ROUNDS: usize = 50;
        let mut killed = Vec::new();
        for _ in 0..ROUNDS {
            let processes = self.processes()?;
            let new: Vec<i32> = processes
                .into_iter()
                .filter(|pid| !killed.contains(pid))
                .collect();
            if new.is_empty() {
                return Ok(());
            }
            for pid in new {
                if let Ok(process) = Process::open(pid)
                    && self.contains(pid)
                    && !process.has_ended()
                {
                    process.signal(Signal::SIGKILL)?;
                }
                killed.push(pid);
            }
        }
        Err(self.failed("kill", &io::ErrorKind::TimedOut.into()))
    }

    /// Whether nothing runs in it or below. One that is gone is empty.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn is_empty(&self) -> io::Result<bool> {
        match self.events() {
            Ok(events) => self.says_empty(events),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(self.failed("read", &error)),
        }
    }

    /// Removes it and the groups that were created below. That it is gone is fine.
    ///
    /// # Errors
    ///
    /// If anything runs in it still.
    pub fn remove(&self) -> io::Result<()> {
        for directory in self.tree()?.iter().rev() {
            match fs::remove_dir(directory) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(self.failed("remove", &error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The memory that it takes, where someone has enabled the memory controller for it.
    #[must_use]
    pub fn memory_bytes(&self) -> Option<u64> {
        let text = fs::read_to_string(self.file("memory.current")).ok()?;
        text.trim().parse().ok()
    }

    /// Whether a process is in it or below.
    pub(super) fn contains(&self, pid: i32) -> bool {
        self.holds(pid).unwrap_or(false)
    }

    /// As [`Cgroup::contains`].
    ///
    /// # Errors
    ///
    /// If that cannot be read, as when the process has ended.
    pub(super) fn holds(&self, pid: i32) -> io::Result<bool> {
        let text = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
        let below = path_in(&text).and_then(|path| path.strip_prefix(&self.path));
        Ok(below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }

    /// What runs in it and below.
    pub(super) fn processes(&self) -> io::Result<Vec<i32>> {
        let mut processes = Vec::new();
        for directory in self.tree()? {
            match fs::read_to_string(directory.join("cgroup.procs")) {
                Ok(text) => {
                    processes.extend(text.lines().filter_map(|pid| pid.parse::<i32>().ok()));
                }
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(self.failed("read", &error)),
            }
        }
        Ok(processes)
    }

    /// Returns whether this process is all that runs in it, and no groups are below: two short reads, which may
    /// be made on the executor however many processes there are. Where it cannot be told, it is not so.
    pub(super) fn has_only(&self, pid: i32) -> bool {
        // A pid has at most seven digits (pid_max in proc(5)), and a line end follows.
        let mut list = [0; 9];
        let read =
            File::open(self.file("cgroup.procs")).and_then(|file| Ok(pread(&file, &mut list, 0)?));
        let is_alone =
            read.is_ok_and(|read| list.get(..read) == Some(format!("{pid}\n").as_bytes()));
        is_alone
            && fs::read_to_string(self.file("cgroup.stat")).is_ok_and(|stat| has_no_groups(&stat))
    }

    /// Opens what runs in it and below, except the members of a process group.
    pub(super) fn open_outside(&self, group: i32) -> io::Result<Vec<Process>> {
        let is_outside = |pid: &i32| Stat::read(*pid).is_ok_and(|stat| stat.group != group);
        let outside = self.processes()?.into_iter().filter(is_outside);
        let open = outside.filter_map(|pid| Process::open(pid).ok());
        // Its number may have been given away before it was opened.
        Ok(open
            .filter(|process| self.contains(process.pid) && !process.has_ended())
            .collect())
    }

    /// The group itself, to start a process in (clone3(2)), and its list of processes, to enter it.
    pub(super) fn open(&self) -> io::Result<(OwnedFd, File)> {
        self.thaw()?;
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let directory = open(&self.directory, flags, Mode::empty()).map_err(io::Error::from);
        let list = OpenOptions::new()
            .write(true)
            .open(self.file("cgroup.procs"));
        directory
            .and_then(|directory| Ok((directory, list?)))
            .map_err(|error| self.failed("enter", &error))
    }

    /// That of this process, if it is where it says it is.
    fn own() -> Option<Self> {
        let path = fs::read_to_string("/proc/self/cgroup").ok()?;
        let path = path_in(&path)?;
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let directory = directory_of(path, &mounts)?;
        let own = Self {
            directory,
            path: path.trim_end_matches('/').to_owned(),
        };
        let members = fs::read_to_string(own.file("cgroup.procs")).ok()?;
        let this = getpid().to_string();
        members.lines().any(|pid| pid == this).then_some(own)
    }

    /// Under systemd a group is its own unless it says otherwise (systemd.resource-control(5)).
    fn is_delegated(&self) -> bool {
        let says_so = |name: &str| {
            let mut value = [0_u8; 8];
            let length = rustix::fs::getxattr(&self.directory, name, &mut value[..]);
            length.is_ok_and(|length| &value[..length] == b"1")
        };
        says_so("user.delegate") || says_so("trusted.delegate")
    }

    fn child(&self, name: &str) -> Self {
        Self {
            directory: self.directory.join(name),
            path: format!("{}/{name}", self.path),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn events(&self) -> io::Result<File> {
        File::open(self.file("cgroup.events"))
    }

    fn says_empty(&self, events: impl AsFd) -> io::Result<bool> {
        let mut text = [0_u8; 256];
        match pread(events, &mut text, 0).map_err(io::Error::from) {
            Ok(length) => Ok(text[..length]
                .split(|byte| *byte == b'\n')
                .any(|line| line == b"populated 0")),
            Err(error) if is_gone(&error) => Ok(true),
            Err(error) => Err(self.failed("read", &error)),
        }
    }

    /// Its directory and those below, each after the one that it is in.
    fn tree(&self) -> io::Result<Vec<PathBuf>> {
        let mut tree = vec![self.directory.clone()];
        let mut at = 0;
        while let Some(directory) = tree.get(at) {
            match fs::read_dir(directory) {
                Ok(entries) => {
                    let below = entries
                        .flatten()
                        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
                    let below: Vec<_> = below.map(|entry| entry.path()).collect();
                    tree.extend(below);
                }
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(self.failed("read", &error)),
            }
            at += 1;
        }
        Ok(tree)
    }

    fn failed(&self, what: &str, error: &io::Error) -> io::Error {
        explain(
            format!("cannot {what} cgroup {}", self.directory.display()),
            error,
        )
    }
}

/// A file of a group that was removed, opened before (`ENODEV`) or not.
/// Reads `cgroup.stat` (Linux 4.14 and later); groups that were removed and are not quite gone do not count.
fn has_no_groups(stat: &str) -> bool {
    stat.lines().any(|line| line == "nr_descendants 0")
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(nix::libc::ENODEV)
}

/// The path in what `/proc/PID/cgroup` says: version 2 has hierarchy 0 and no controllers.
fn path_in(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("0::"))
}

/// Where a path of the hierarchy is in the file system (proc(5), `/proc/PID/mountinfo`).
fn directory_of(path: &str, mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let rest = path.strip_prefix(root.trim_end_matches('/'))?;
        let is_below = rest.is_empty() || rest.starts_with('/');
        let is_it = kind.starts_with("cgroup2 ") && is_below && !point.contains('\\');
        is_it.then(|| Path::new(point).join(rest.trim_start_matches('/')))
    })
}

#[cfg(test)]
mod tests {
    use super::super::launch::Way;
    use super::super::testing::{Service, own_cgroup, shell, soon};
    use super::*;

    const MOUNTS: &str = "\
        23 1 8:1 / / rw - ext4 /dev/root rw\n\
        32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n\
        42 31 0:38 /box /mnt/box rw - cgroup2 cgroup2 rw\n";

    #[test]
    fn a_group_is_where_the_hierarchy_is_mounted() {
        check(MOUNTS, "/", Some("/sys/fs/cgroup/unified"));
        check(MOUNTS, "/a/b", Some("/sys/fs/cgroup/unified/a/b"));
        let boxed = "42 31 0:38 /box /mnt/box rw - cgroup2 cgroup2 rw";
        check(boxed, "/box", Some("/mnt/box"));
        check(boxed, "/box/in", Some("/mnt/box/in"));
        check(boxed, "/boxer", None);
        check("32 31 0:29 / /cpu rw - cgroup cgroup rw,cpu", "/", None);
        check("", "/", None);
    }

    #[track_caller]
    fn check(mounts: &str, path: &str, directory: Option<&str>) {
        assert_eq!(
            directory_of(path, mounts).as_deref(),
            directory.map(Path::new),
            "{path}"
        );
    }

    #[tokio::test]
    async fn a_service_starts_in_its_group_and_nothing_of_it_is_outside() {
        let Some(own) = own_cgroup() else { return };
        let mut command =
            shell("grep ^0:: /proc/self/cgroup; setsid sh -c 'echo $$; exec sleep 1000' & wait");
        command.cgroup = Some(own.cgroup.clone());
        let mut service = Service::start(command);
        let line = service.line().await;
        assert_eq!(path_in(&line), Some(&*own.cgroup.path));
        let strayed = service.number().await;
        assert!(own.cgroup.contains(strayed) && own.cgroup.contains(service.process.pid));
        assert!(!own.cgroup.contains(getpid().as_raw()));
        assert!(!own.cgroup.is_empty().expect("readable"));
        own.cgroup.remove().expect_err("something runs in it");
    }

    #[tokio::test]
    async fn a_group_has_only_its_service_until_that_forks_or_makes_a_group_below() {
        let Some(own) = own_cgroup() else { return };
        // Exactly what it prints tells that it has not forked yet, and that it has.
        let script = "trap 'sleep 1000 & echo forked; wait' USR1; echo alone; while :; do :; done";
        let mut command = shell(script);
        command.cgroup = Some(own.cgroup.clone());
        let mut service = Service::start(command);
        let pid = service.process.pid;
        let has_only = || own.cgroup.has_only(pid);
        assert_eq!(service.line().await, "alone");
        assert!(has_only() && !own.cgroup.has_only(pid / 10) && !own.cgroup.has_only(1));
        let below = own.cgroup.child("below");
        fs::create_dir(&below.directory).expect("the test's own");
        assert!(!has_only(), "somebody may be below");
        below.remove().expect("nothing runs in it");
        assert!(has_only());
        let told = service.process.signal(Signal::SIGUSR1);
        told.expect("the test's own");
        assert_eq!(service.line().await, "forked");
        assert!(!has_only(), "and now two run");
    }

    #[tokio::test]
    async fn a_process_that_cannot_be_started_in_a_group_enters_it() {
        let Some(own) = own_cgroup() else { return };
        let mut command = shell("cat /proc/self/cgroup");
        command.cgroup = Some(own.cgroup.clone());
        let mut service = Service::start_by(command, Way::Entering);
        let said = service.rest();
        assert_eq!(path_in(&said), Some(&*own.cgroup.path), "{said}");
    }

    #[tokio::test]
    async fn a_service_starts_in_a_group_that_someone_left_frozen() {
        let Some(own) = own_cgroup() else { return };
        fs::write(own.cgroup.file("cgroup.freeze"), "1").expect("ours");
        for way in [Way::Inside, Way::Entering] {
            let mut command = shell("echo up");
            command.cgroup = Some(own.cgroup.clone());
            assert_eq!(Service::start_by(command, way).line().await, "up");
        }
    }

    #[tokio::test]
    async fn whatever_runs_in_a_group_is_killed_and_its_end_is_told() {
        let Some(own) = own_cgroup() else { return };
        for frozen in [false, true] {
            let mut command = shell(
                "trap '' TERM; setsid env -i sleep 1000 & echo up; while :; do sleep 9 & wait $!; done",
            );
            command.cgroup = Some(own.cgroup.clone());
            let mut service = Service::start(command);
            service.line().await;
            if frozen {
                own.cgroup.kill_frozen().expect("as before Linux 5.14");
            } else {
                soon(service.group.kill()).await.expect("killed");
            }
            soon(service.group.emptied()).await.expect("readable");
            assert!(own.cgroup.is_empty().expect("readable"));
        }
    }

    #[test]
    fn a_group_is_delegated_if_systemd_wrote_so_upon_it() {
        let Some(own) = own_cgroup() else { return };
        assert!(!own.cgroup.is_delegated());
        for (value, delegated) in [("1", true), ("0", false), ("10", false)] {
            let flags = rustix::fs::XattrFlags::empty();
            let value = value.as_bytes();
            rustix::fs::setxattr(&own.cgroup.directory, "user.delegate", value, flags)
                .expect("since Linux 5.7");
            assert_eq!(own.cgroup.is_delegated(), delegated, "{value:?}");
        }
    }

    #[tokio::test]
    async fn a_group_that_is_gone_is_empty() {
        let Some(own) = own_cgroup() else { return };
        own.cgroup.remove().expect("nothing runs in it");
        assert!(own.cgroup.is_empty().expect("fine"));
        soon(own.cgroup.emptied()).await.expect("fine");
        own.cgroup.kill().expect("fine");
        own.cgroup.remove().expect("fine");
    }
}
