//! Which children are being waited for, and the end of those that nobody waits for.

use super::census::{Census, Stat};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid, getsid};
use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time;

/// The children of this agent that were started as services are.
struct Children {
    /// Whoever holds their [`Process`](super::Process) reaps them.
    held: BTreeSet<i32>,
    /// Those of them that are a service's main process.
    leaders: BTreeSet<i32>,
    /// Nobody holds them any more.
    left: BTreeSet<i32>,
}

static CHILDREN: Mutex<Children> = Mutex::new(Children {
    held: BTreeSet::new(),
    leaders: BTreeSet::new(),
    left: BTreeSet::new(),
});

/// Held for reading while a child is started that is not among the held yet.
static STARTING: RwLock<()> = RwLock::new(());

/// Starts a child by `start` and says that whoever started it reaps it.
pub(super) fn hold<E>(start: impl FnOnce() -> Result<i32, E>) -> Result<i32, E> {
    let _starting = STARTING.read().unwrap_or_else(PoisonError::into_inner);
    let pid = start()?;
    let mut children = children();
    children.held.insert(pid);
    children.left.remove(&pid);
    Ok(pid)
}

/// Whether a running process is a child of ours that nobody would reap yet. Whoever claimed it does.
pub(super) fn claim(pid: i32) -> bool {
    let is_child = Stat::read(pid).is_ok_and(|stat| stat.parent == getpid().as_raw());
    let mut children = children();
    children.left.remove(&pid);
    is_child && children.held.insert(pid)
}

/// Says that a child that is held is a service's main process.
pub(super) fn lead(pid: i32) {
    children().leaders.insert(pid);
}

/// The main processes of services, as far as they are children. None has been reaped, so that none of
/// the numbers was another's when this was called.
pub(super) fn leaders() -> BTreeSet<i32> {
    children().leaders.clone()
}

/// It has been reaped.
pub(super) fn forget(pid: i32) {
    let mut children = children();
    children.held.remove(&pid);
    children.leaders.remove(&pid);
}

/// Nobody will wait for it any more.
pub(super) fn leave(pid: i32) {
    let mut children = children();
    children.held.remove(&pid);
    children.leaders.remove(&pid);
    children.left.insert(pid);
}

/// Reaps children that nobody waits for, until dropped: those whose [`Process`](super::Process) was
/// dropped, and, where the agent is init or a subreaper, what others left behind. Cancel-safe.
///
/// Children of other means (`tokio::process`) stay in the agent's own session and are left to them.
///
/// # Errors
///
/// If this runtime hears no signals.
pub async fn reap_orphans() -> io::Result<()> {
    let mut ended = signal(SignalKind::child())?;
    reap_soon().await;
    loop {
        ended.recv().await;
        reap_soon().await;
        // Several ends, one look.
        time::sleep(PERIOD).await;
    }
}

async fn reap_soon() {
    while !reap() {
        time::sleep(AGAIN).await;
    }
}

/// How soon a look is tried again.
const AGAIN: Duration = Duration::from_millis(10);
/// Zombies cost a number each; a second is soon enough, and a look at all processes is not free.
const PERIOD: Duration = Duration::from_secs(1);

/// Whether it could; while a child is being started nobody knows whose it is.
fn reap() -> bool {
    let inherited = if inherits_orphans() {
        zombies()
    } else {
        Vec::new()
    };
    let Ok(_nothing_starts) = STARTING.try_write() else {
        return false;
    };
    let mut children = children();
    let children = &mut *children;
    children.left.retain(|pid| is_alive(*pid));
    for pid in inherited.iter().filter(|pid| !children.held.contains(pid)) {
        is_alive(*pid);
    }
    true
}

/// Whether a child still runs; if it does not it is reaped.
fn is_alive(child: i32) -> bool {
    let waited = waitpid(Pid::from_raw(child), Some(WaitPidFlag::WNOHANG));
    matches!(waited, Ok(WaitStatus::StillAlive))
}

/// Whether what others leave behind becomes our child.
fn inherits_orphans() -> bool {
    let subreaper = nix::sys::prctl::get_child_subreaper().unwrap_or(false);
    subreaper || getpid() == Pid::from_raw(1)
}

/// Ended children of ours in other sessions than our own.
fn zombies() -> Vec<i32> {
    let this = getpid().as_raw();
    let session = getsid(None).map_or(0, Pid::as_raw);
    let Ok(census) = Census::take() else {
        return Vec::new();
    };
    let all = census.entries.iter();
    all.filter(|entry| {
        entry.stat.parent == this && !entry.stat.runs() && entry.stat.session != session
    })
    .map(|entry| entry.pid)
    .collect()
}

fn children() -> MutexGuard<'static, Children> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Service, soon};
    use super::super::{Exit, Process};
    use super::*;
    use nix::sys::signal::Signal;

    #[tokio::test]
    async fn a_child_that_was_let_go_is_reaped_when_it_ends() {
        let service = Service::shell("exec sleep 1000");
        let pid = service.process.pid;
        let reaping = tokio::spawn(reap_orphans());
        tokio::task::yield_now().await;
        drop(service);
        soon(async {
            while Stat::read(pid).is_ok() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        reaping.abort();
    }

    #[tokio::test]
    async fn what_is_left_behind_is_reaped_where_it_becomes_the_agents_child() {
        nix::sys::prctl::set_child_subreaper(true).expect("anyone may");
        let mut service =
            Service::shell("(setsid sh -c 'echo $$; sleep 1000; true' &); sleep 1000");
        let orphan = Process::open(service.number().await).expect("it runs");
        orphan.signal(Signal::SIGKILL).expect("ours");
        soon(orphan.ended()).await;
        let mut other = tokio::process::Command::new("/bin/sh");
        let mut other = other.args(["-c", "exit 6"]).spawn().expect("starts");
        let ended = other.id().and_then(|pid| i32::try_from(pid).ok());
        let ended = Process::under(ended.expect("not reaped")).expect("not reaped");
        soon(ended.ended()).await;
        soon(reap_soon()).await;
        assert!(Stat::read(orphan.pid).is_err());
        // Children of other means are theirs to reap, those that are held their holder's.
        let exit = soon(other.wait()).await.expect("still there");
        assert_eq!(exit.code(), Some(6));
        service.process.signal(Signal::SIGKILL).expect("ours");
        soon(service.process.ended()).await;
        soon(reap_soon()).await;
        assert_eq!(soon(service.process.exited()).await, Exit::Signal(9));
        nix::sys::prctl::set_child_subreaper(false).expect("anyone may");
    }
}
