//! Which children are being waited for, and by whom.

use super::procfs::Stat;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid};
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

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

/// Reaps those whose holder has let go, and of `inherited` those that nobody holds; `false` if it could not:
/// while a child is being started nobody knows whose it is.
pub(super) fn reap(inherited: &[i32]) -> bool {
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

fn children() -> MutexGuard<'static, Children> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}
