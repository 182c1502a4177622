//! Processes that an earlier agent started, found again.

use super::census::Census;
use super::children;
use super::procfs::{nonce_into, unless_exhausted};
use super::survivors::writes_to_log;
use super::watch::Process;
use super::{Cgroup, Nonce64};
use lastword_protocol::BootId;
use nix::unistd::getpid;
use std::collections::HashMap;
use std::io;
use std::path::Path;

/// Which process it was. Its number alone says nothing: numbers are given away again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// In which boot it was started.
    pub boot: BootId,
    /// Its process id.
    pub pid: i32,
    /// When it was started, in ticks since boot.
    pub start_time: u64,
    /// What its environment carries.
    pub nonce: Nonce64,
}

impl Process {
    /// The process that an earlier agent started, if it still runs and verifiably is that one: of this
    /// boot, started at that time, and with the nonce in its environment.
    ///
    /// A process that has overwritten its environment (`setproctitle` does) is known by its cgroup,
    /// if it has been started in `cgroup`: only the agent puts processes there. Without one it is known by
    /// `log`, the directory of FIFOs and the service's name, if it writes to those: only the agent hands
    /// them out. Else it is not adopted, and not signalled either. It takes no descriptor for longer than this
    /// takes: see [`Process::hold`].
    ///
    /// # Errors
    ///
    /// If descriptors or memory have run out: nobody knows whether it runs.
    pub fn adopt(
        identity: &Identity,
        this_boot: BootId,
        cgroup: Option<&Cgroup>,
        log: Option<(&Path, &str)>,
    ) -> io::Result<Option<Self>> {
        if identity.boot != this_boot {
            return Ok(None);
        }
        unless_exhausted(Self::verify(identity, cgroup, log))
    }

    fn verify(
        identity: &Identity,
        cgroup: Option<&Cgroup>,
        log: Option<(&Path, &str)>,
    ) -> io::Result<Option<Self>> {
        // From here on the number is this process's for as long as it has not ended.
        let process = Self::open(identity.pid)?;
        let nonce = nonce_into(identity.pid, &mut Vec::new())?;
        let is_ours = nonce == Some(identity.nonce)
            || cgroup.map_or(Ok(false), |cgroup| cgroup.holds(identity.pid))?
            || log.is_some_and(|(fifos, service)| writes_to_log(identity.pid, fifos, service));
        let is_it = process.start_time == identity.start_time && is_ours && !process.has_ended();
        Ok(is_it.then(|| process.claim().unheld()))
    }

    /// If it is this process's child, as after an agent that replaced itself by execve(2), it is ours to
    /// reap.
    pub(super) fn claim(self) -> Self {
        if children::claim(self.pid) {
            self.into_child()
        } else {
            self
        }
    }
}

/// Every process whose environment carries the nonce, those that lead a session first. Finds what was
/// started but never recorded, and descendants that left session and group. What runs for another
/// user is seen by root alone; what has wiped its environment is not seen, nor, where an agent died while
/// it started something, that before it is its program.
///
/// # Errors
///
/// If there is no `/proc`, or descriptors or memory have run out: nobody is taken for gone then.
pub fn strays(nonce: Nonce64) -> io::Result<Vec<Process>> {
    let mut found = strays_of_all(|carried| carried == nonce)?;
    Ok(found.remove(&nonce).unwrap_or_default())
}

/// As [`strays`], of all nonces that are `wanted`, in one look at all processes.
///
/// # Errors
///
/// As [`strays`].
pub fn strays_of_all(
    wanted: impl Fn(Nonce64) -> bool,
) -> io::Result<HashMap<Nonce64, Vec<Process>>> {
    let census = Census::take()?;
    let this = getpid().as_raw();
    let carries = |entry: &&super::census::Entry| {
        entry.nonce.is_some_and(&wanted) && entry.pid != this && entry.stat.runs()
    };
    let mut found: Vec<_> = census.entries.iter().filter(carries).collect();
    found.sort_by_key(|entry| {
        (
            entry.stat.session != entry.pid,
            entry.stat.start_time,
            entry.pid,
        )
    });
    let mut strays: HashMap<Nonce64, Vec<Process>> = HashMap::new();
    for entry in found {
        // Its number may have been given away since: `find` looks at it anew.
        if let (Some(process), Some(nonce)) = (entry.find()?, entry.nonce) {
            let process = process.claim().unheld();
            strays.entry(nonce).or_default().push(process);
        }
    }
    Ok(strays)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Service, own_cgroup, shell, soon};
    use super::super::{Exit, explain};
    use super::*;
    use nix::sys::signal::Signal;
    use std::fs;
    use std::io::Read;
    use std::process::Stdio;

    const BOOT: BootId = BootId([7; 16]);

    fn identity(service: &Service) -> Identity {
        Identity {
            boot: BOOT,
            pid: service.process.pid,
            start_time: service.process.start_time,
            nonce: service.nonce,
        }
    }

    fn adopt(identity: &Identity, cgroup: Option<&Cgroup>) -> Option<Process> {
        Process::adopt(identity, BOOT, cgroup, None).expect("descriptors are left")
    }

    #[tokio::test]
    async fn only_the_very_process_is_adopted() {
        let mut service = Service::shell("echo up; sleep 1000; true");
        service.line().await;
        let it = identity(&service);
        let adopts = |identity: Identity| adopt(&identity, None).is_some();
        assert!(adopts(it));
        let boot = BootId([8; 16]);
        assert!(!adopts(Identity { boot, ..it }), "another boot");
        let start_time = it.start_time + 1;
        assert!(
            !adopts(Identity { start_time, ..it }),
            "started at another time"
        );
        let nonce = Nonce64(it.nonce.0 ^ 1);
        assert!(
            !adopts(Identity { nonce, ..it }),
            "another start of the service"
        );
        assert!(
            !adopts(Identity {
                pid: getpid().as_raw(),
                ..it
            }),
            "another process"
        );
        for pid in [0, -1, i32::MIN, i32::MAX] {
            assert!(!adopts(Identity { pid, ..it }), "{pid} is no process");
        }
        service.process.signal(Signal::SIGKILL).expect("ours");
        soon(service.process.ended()).await;
        assert!(!adopts(it), "it has ended, though nobody has reaped it");
        soon(service.process.exited()).await;
        assert!(!adopts(it), "it is gone");
    }

    #[tokio::test]
    async fn a_number_given_away_again_is_not_adopted() {
        let earlier = Service::shell("exit 0");
        let it = identity(&earlier);
        soon(earlier.process.exited()).await;
        let Some(recycled) = with_number(it.pid) else {
            eprintln!("NOT SHOWN: this machine does not let a test choose a process id");
            return;
        };
        assert_eq!(recycled.process.pid, it.pid);
        assert!(adopt(&it, None).is_none());
        // Whoever still holds the earlier one reaches nobody.
        earlier
            .process
            .signal(Signal::SIGKILL)
            .expect("gone is fine");
        earlier.group.signal(Signal::SIGKILL).expect("gone is fine");
        soon(earlier.group.kill()).await.expect("gone is fine");
        soon(earlier.group.emptied()).await.expect("readable");
        assert!(!recycled.process.has_ended());
    }

    /// A process with that number (proc(5), `ns_last_pid`), unless others on this machine start too many.
    fn with_number(pid: i32) -> Option<Service> {
        (0..100).find_map(|_| {
            fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).ok()?;
            let service = Service::shell("exec sleep 1000");
            (service.process.pid == pid).then_some(service)
        })
    }

    #[tokio::test]
    #[expect(
        clippy::zombie_processes,
        reason = "that it is reaped is what is tested"
    )]
    async fn the_end_of_an_adopted_child_is_seen() {
        let nonce = Nonce64::fresh().expect("random numbers");
        let mut child = std::process::Command::new("/bin/sh");
        let child = child.args(["-c", "echo up; read never; exit 4"]);
        let child = child.env("LASTWORD_NONCE", nonce.to_string());
        let child = child.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = child.spawn().expect("starts");
        // Until execve(2) is done it shows the environment of this process.
        let output = child.stdout.as_mut().expect("a pipe");
        output.read_exact(&mut [0; 3]).expect("up");
        let pid = i32::try_from(child.id()).expect("small");
        let start_time = super::super::procfs::Stat::read(pid)
            .expect("it runs")
            .start_time;
        let it = Identity {
            boot: BOOT,
            pid,
            start_time,
            nonce,
        };
        let adopted = adopt(&it, None).expect("the very one");
        drop(child.stdin.take());
        assert_eq!(soon(adopted.exited()).await, Exit::Code(4));
    }

    #[tokio::test]
    async fn one_that_wiped_its_environment_is_known_by_its_cgroup_only() {
        let mut service = Service::shell("echo up; exec env -i sh -c 'echo wiped; sleep 1000'");
        service.line().await;
        assert_eq!(service.line().await, "wiped");
        assert!(adopt(&identity(&service), None).is_none());

        let Some(own) = own_cgroup() else { return };
        let mut command = shell("exec env -i sh -c 'echo wiped; sleep 1000'");
        command.cgroup = Some(own.cgroup.clone());
        let mut service = Service::start(command);
        service.line().await;
        let it = identity(&service);
        assert!(adopt(&it, None).is_none());
        let adopted = adopt(&it, Some(&own.cgroup)).expect("where nobody else is");
        assert_eq!(adopted.pid, it.pid);
    }

    #[tokio::test]
    async fn strays_are_those_with_the_nonce_leaders_first() {
        let other = Service::shell("exec sleep 1000");
        let mut service =
            Service::shell("sleep 1000 & echo $!; setsid sh -c 'echo $$; exec sleep 1000' & wait");
        service.line().await;
        service.line().await;
        let found = strays(service.nonce).map_err(|error| explain("strays", &error));
        let found: Vec<i32> = found
            .expect("readable")
            .iter()
            .map(|process| process.pid)
            .collect();
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[0], service.process.pid, "{found:?}");
        assert!(!found.contains(&other.process.pid), "{found:?}");
    }
}
