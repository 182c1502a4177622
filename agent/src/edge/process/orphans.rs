//! The end of children that nobody waits for.

use super::census::Census;
use super::children;
use crate::edge::failpoint::pass;
use nix::unistd::{Pid, getpid, getsid};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time;

/// Reaps children that nobody waits for, until dropped: those whose [`Process`](super::Process) was
/// dropped, and, where the agent is init or a subreaper, what others left behind. Cancel-safe.
///
/// Children of other means (`tokio::process`) stay in the agent's own session and are left to them.
///
/// # Errors
///
/// If this runtime hears no signals.
pub fn reap_orphans() -> io::Result<impl Future<Output = Infallible>> {
    let mut ended = signal(SignalKind::child())?;
    Ok(async move {
        reap_soon().await;
        loop {
            ended.recv().await;
            pass("in-reaper");
            reap_soon().await;
            // Several ends, one look.
            time::sleep(PERIOD).await;
        }
    })
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
    children::reap(&inherited)
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

#[cfg(test)]
mod tests {
    use super::super::procfs::Stat;
    use super::super::testing::{Service, soon};
    use super::super::{Exit, Process};
    use super::*;
    use nix::sys::signal::Signal;

    #[tokio::test]
    async fn a_child_that_was_let_go_is_reaped_when_it_ends() {
        let service = Service::shell("exec sleep 1000");
        let pid = service.process.pid;
        let reaping = tokio::spawn(reap_orphans().expect("signals"));
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
