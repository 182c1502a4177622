//! One process, held by a descriptor that never stands for another, or watched without one where descriptors
//! are scarce.

use super::procfs::Stat;
use super::{Exit, children, explain};
use crate::edge::explained::errno;
use crate::edge::file_limit;
use crate::edge::kernel;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};
use rustix::process::{WaitId, WaitIdOptions, WaitIdStatus, waitid};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::OnceCell;
use tokio::time;

/// A process that runs, or that has ended and is not forgotten. Dropping it does nothing to the process.
#[derive(Debug)]
pub struct Process {
    /// Its process id, as long as it runs.
    pub pid: i32,
    /// When it was started, in ticks since boot (`/proc/PID/stat`, field 22).
    pub start_time: u64,
    leads_session: bool,
    /// Without one it is looked at every [`UNHELD_PERIOD`], and opened for each signal.
    descriptor: OnceLock<Arc<OwnedFd>>,
    /// The runtime's watch over it, since someone first waited.
    watch: OnceCell<AsyncFd<Arc<OwnedFd>>>,
    /// Whether it is ours to reap.
    child: bool,
    exit: Mutex<Option<Exit>>,
}

impl Process {
    /// The process that runs under this number now. It may end at any moment.
    ///
    /// # Errors
    ///
    /// If none does, or this process may not look.
    pub fn open(pid: i32) -> io::Result<Self> {
        let process = Self::under(pid)?;
        // What was read is its own only if it is still there: else the number may be another's.
        if process.has_ended() {
            return Err(explain(cannot_watch(pid), &Errno::ESRCH.into()));
        }
        Ok(process)
    }

    /// A child that is ours to reap, and that nobody else here reaps: its number is its own until then.
    pub(super) fn of_child(pid: i32) -> io::Result<Self> {
        let mut process = Self::under(pid)?;
        process.child = true;
        Ok(process)
    }

    /// Gives its descriptor back: many processes can be known so. Nothing else about it changes.
    pub(super) fn unheld(mut self) -> Self {
        self.watch = OnceCell::new();
        self.descriptor = OnceLock::new();
        self
    }

    /// Holds it by a descriptor from now on, if it was known without one.
    ///
    /// # Errors
    ///
    /// If it has ended, or no descriptor is left.
    pub fn hold(&self) -> io::Result<()> {
        if self.descriptor.get().is_none() {
            let descriptor = self.reopen()?;
            // Another may have held it meanwhile.
            let _ = self.descriptor.set(Arc::new(descriptor));
        }
        Ok(())
    }

    /// As [`Process::hold`], if services may take one more descriptor.
    pub fn hold_if_room(&self) {
        if file_limit::claim(1).is_ok() {
            // Else it is looked at.
            let _ = self.hold();
        }
    }

    /// Says that it is ours to reap.
    pub(super) fn into_child(mut self) -> Self {
        self.child = true;
        self
    }

    /// Says that it is a service's main process.
    pub(super) fn lead(&self) {
        // Nobody reaps it meanwhile.
        let exit = self.exit();
        if self.child && exit.is_none() {
            children::lead(self.pid);
        }
    }

    /// Returns whether it led its session when it was opened, as a service's main process does.
    #[must_use]
    pub const fn leads_session(&self) -> bool {
        self.leads_session
    }

    /// The process, or zombie, that has this number now.
    pub(super) fn under(pid: i32) -> io::Result<Self> {
        let failed = |error: io::Error| explain(cannot_watch(pid), &error);
        // A negative one would mean a group, and comes from a file.
        let number = Some(pid).filter(|pid| *pid > 0).and_then(Pid::from_raw);
        let number = number.ok_or_else(|| failed(Errno::ESRCH.into()))?;
        let descriptor =
            pidfd_open(number, PidfdFlags::empty()).map_err(|error| failed(error.into()))?;
        let stat = Stat::read(pid).map_err(failed)?;
        Ok(Self {
            pid,
            start_time: stat.start_time,
            leads_session: stat.session == pid,
            descriptor: OnceLock::from(Arc::new(descriptor)),
            watch: OnceCell::new(),
            child: false,
            exit: Mutex::new(None),
        })
    }

    /// Waits for its end and tells how it ended. Cancel-safe; whoever asks again is told the same.
    ///
    /// It is reaped if it was started, or adopted, as this agent's child. The end of another's child is
    /// known if the kernel keeps it (6.15) and the parent reaps it in time.
    pub async fn exited(&self) -> Exit {
        /// How long the parent of another's child may take to reap it.
        const REAPED_WITHIN: Duration = Duration::from_millis(200);
        self.ended().await;
        if let Some(exit) = self.reaped() {
            return exit;
        }
        let reaped = async {
            loop {
                match self.with_fd(kernel::exit_status) {
                    Ok(Some(status)) => return from_wait(status),
                    Ok(None) => time::sleep(PERIOD).await,
                    Err(_) => return Exit::Unknown,
                }
            }
        };
        let exit = time::timeout(REAPED_WITHIN, reaped).await;
        let exit = exit.unwrap_or(Exit::Unknown);
        *self.exit().get_or_insert(exit)
    }

    /// Waits until it has ended, reaped or not. Cancel-safe.
    pub async fn ended(&self) {
        let Some(descriptor) = self.held().await else {
            return;
        };
        let watched = self.watch.get_or_try_init(|| async {
            kernel::watch_shared(descriptor.clone(), Interest::READABLE)
        });
        // A runtime that can watch no more descriptors is no reason to miss an end.
        let readable = match watched.await {
            Ok(watch) => watch.readable().await.map(drop),
            Err(error) => Err(error),
        };
        if readable.is_err() {
            while !self.has_ended() {
                time::sleep(PERIOD).await;
            }
        }
    }

    /// Waits until it is held by a descriptor; `None`: it has ended without. Cancel-safe.
    async fn held(&self) -> Option<&Arc<OwnedFd>> {
        loop {
            if let Some(descriptor) = self.descriptor.get() {
                return Some(descriptor);
            }
            if self.has_ended() {
                return None;
            }
            time::sleep(UNHELD_PERIOD).await;
        }
    }

    /// Returns whether it has ended, reaped or not. If nobody can look, it has not.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let Some(descriptor) = self.descriptor.get() else {
            return match Stat::read(self.pid) {
                Ok(stat) => stat.start_time != self.start_time || !stat.runs(),
                Err(error) => is_gone(&error),
            };
        };
        let mut asked = [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)];
        matches!(poll(&mut asked, PollTimeout::ZERO), Ok(1))
    }

    /// Whether its number cannot have become another's yet.
    pub(super) fn holds_its_number(&self) -> bool {
        (self.child && self.exit().is_none()) || !self.has_ended()
    }

    /// Sends it a signal, and nobody else. If it has ended nothing happens.
    ///
    /// # Errors
    ///
    /// If this user may not.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let Some(number) = rustix::process::Signal::from_named_raw(signal as i32) else {
            return Err(Errno::EINVAL.into());
        };
        match self.with_fd(|fd| Ok(pidfd_send_signal(fd, number)?)) {
            Ok(()) => Ok(()),
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => {
                let what = format!("cannot send {signal} to process {}", self.pid);
                Err(explain(what, &error))
            }
        }
    }

    /// Sends a signal to the process group that it leads or led, and to no other; that nobody is left to
    /// hear it is fine. `false` if it cannot be told whose group that is by now: before Linux 6.9 its
    /// number alone names it, which is its own for certain until this agent reaps it.
    pub(super) fn signal_group(&self, signal: Signal) -> io::Result<bool> {
        match self.with_fd(|fd| kernel::signal_group(fd, signal as i32)) {
            Err(error) if is_unknown(&error) => self.signal_group_by_number(signal),
            sent => self.group_was_sent(signal, sent),
        }
    }

    pub(super) fn signal_group_by_number(&self, signal: Signal) -> io::Result<bool> {
        // Nobody reaps it meanwhile.
        let exit = self.exit();
        if !self.child || exit.is_some() {
            return Ok(false);
        }
        let sent = killpg(nix::unistd::Pid::from_raw(self.pid), signal);
        self.group_was_sent(signal, sent.map_err(io::Error::from))
    }

    fn group_was_sent(&self, signal: Signal, sent: io::Result<()>) -> io::Result<bool> {
        match sent {
            Err(error) if !is_gone(&error) => {
                let what = format!("cannot send {signal} to the group of process {}", self.pid);
                Err(explain(what, &error))
            }
            _ => Ok(true),
        }
    }

    /// Does something with its descriptor, or with one for the moment.
    ///
    /// # Errors
    ///
    /// If that fails; `ESRCH` too if it is not held and has ended.
    pub(super) fn with_fd<T>(
        &self,
        work: impl FnOnce(BorrowedFd<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        match self.descriptor.get() {
            Some(descriptor) => work(descriptor.as_fd()),
            None => work(self.reopen()?.as_fd()),
        }
    }

    fn reopen(&self) -> io::Result<OwnedFd> {
        let mut again = Self::under(self.pid)?;
        let is_it = again.start_time == self.start_time;
        let descriptor = again.descriptor.take().and_then(Arc::into_inner);
        let gone = || explain(cannot_watch(self.pid), &Errno::ESRCH.into());
        descriptor.filter(|_| is_it).ok_or_else(gone)
    }

    /// How it ended, if it has and is our child; it is reaped then.
    fn reaped(&self) -> Option<Exit> {
        let mut exit = self.exit();
        if exit.is_none() && self.child {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
            // Nobody else reaps it: its number is its own until here.
            let number = Pid::from_raw(self.pid);
            let which = match (self.descriptor.get(), number) {
                (Some(descriptor), _) => WaitId::PidFd(descriptor.as_fd()),
                (None, Some(number)) => WaitId::Pid(number),
                (None, None) => return None,
            };
            *exit = match waitid(which, options) {
                Ok(Some(status)) => Some(from_waitid(&status)),
                Ok(None) | Err(_) => None,
            };
            if exit.is_some() {
                children::forget(self.pid);
            }
        }
        *exit
    }

    fn exit(&self) -> MutexGuard<'_, Option<Exit>> {
        self.exit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child && self.exit().is_none() {
            children::leave(self.pid);
        }
    }
}

/// How often is looked where nothing tells.
const PERIOD: Duration = Duration::from_millis(10);
/// The time between two looks at a process that is known without a descriptor, some 10 µs each.
const UNHELD_PERIOD: Duration = Duration::from_millis(200);

/// Returns whether an error says that there is no such process, rather than that nobody can look.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(errno(error), Some(Errno::ESRCH | Errno::ENOENT))
}

fn is_unknown(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EINVAL | Errno::ENOSYS))
}

fn cannot_watch(pid: i32) -> String {
    format!("cannot watch process {pid}")
}

/// What waitid(2) says.
fn from_waitid(status: &WaitIdStatus) -> Exit {
    let signal = status.terminating_signal().map(Exit::Signal);
    let code = status.exit_status().map(Exit::Code);
    code.or(signal).unwrap_or(Exit::Unknown)
}

/// What wait(2) says.
fn from_wait(status: i32) -> Exit {
    let status = ExitStatus::from_raw(status);
    let signal = status.signal().map(Exit::Signal);
    status
        .code()
        .map(Exit::Code)
        .or(signal)
        .unwrap_or(Exit::Unknown)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Service, soon};
    use super::*;
    use std::process::{Command, Stdio};

    #[tokio::test]
    async fn how_a_child_ended_is_told_to_whoever_asks() {
        check("exit 0", Exit::Code(0)).await;
        check("exit 255", Exit::Code(255)).await;
        check("kill -TERM $$", Exit::Signal(15)).await;
        check("kill -KILL $$", Exit::Signal(9)).await;
        // No name, and so unknown to many.
        check("kill -40 $$", Exit::Signal(40)).await;
    }

    async fn check(script: &str, exit: Exit) {
        let service = Service::shell(script);
        let process = service.process.clone();
        let first = tokio::spawn(async move { process.exited().await });
        assert_eq!(soon(service.process.exited()).await, exit, "{script}");
        assert_eq!(soon(first).await.expect("no panic"), exit, "{script}");
        assert_eq!(
            soon(service.process.exited()).await,
            exit,
            "{script}, again"
        );
    }

    #[tokio::test]
    async fn waiting_can_be_given_up_and_taken_up_again() {
        let service = Service::shell("exec sleep 1000");
        for _ in 0..3 {
            let waited = time::timeout(Duration::from_millis(1), service.process.exited());
            waited.await.expect_err("it runs");
        }
        service.process.signal(Signal::SIGKILL).expect("ours");
        assert_eq!(soon(service.process.exited()).await, Exit::Signal(9));
    }

    #[tokio::test]
    async fn letting_go_of_a_process_leaves_it_running() {
        let (read, out) = std::io::pipe().expect("a pipe");
        let command = super::super::testing::shell("exec sleep 1000");
        let process = super::super::launch(&command, out.as_fd(), out.as_fd()).expect("starts");
        let pid = process.pid;
        drop((process, read, out));
        let again = Process::open(pid).expect("it runs");
        assert!(!again.has_ended());
        again.signal(Signal::SIGKILL).expect("ours");
        soon(again.ended()).await;
    }

    #[tokio::test]
    async fn children_of_other_means_are_left_to_them() {
        let service = Service::shell("exit 5");
        let mut other = tokio::process::Command::new("/bin/sh");
        let mut other = other.args(["-c", "exit 6"]).spawn().expect("starts");
        let mut third = Command::new("/bin/sh")
            .args(["-c", "exit 7"])
            .stdin(Stdio::null())
            .spawn()
            .expect("starts");
        assert_eq!(soon(service.process.exited()).await, Exit::Code(5));
        assert_eq!(soon(other.wait()).await.expect("a child").code(), Some(6));
        assert_eq!(third.wait().expect("a child").code(), Some(7));
    }

    #[tokio::test]
    async fn the_end_of_anothers_child_is_seen_and_told_where_the_kernel_keeps_it() {
        let mut service =
            Service::shell("sh -c 'echo $$; sleep 1000; exit 9' & wait; echo reaped; sleep 1000");
        let process = Process::open(service.number().await).expect("it runs");
        let keeps = process.with_fd(kernel::exit_status).is_ok();
        process.signal(Signal::SIGTERM).expect("ours");
        let exit = soon(process.exited()).await;
        let known = exit == Exit::Signal(15);
        assert!(
            if keeps { known } else { exit == Exit::Unknown },
            "{exit:?}, kept: {keeps}"
        );
        if !keeps {
            eprintln!("NOT SHOWN: this kernel does not keep how another's child ended");
        }
    }

    #[tokio::test]
    async fn the_end_of_anothers_child_that_nobody_reaps_is_not_waited_for() {
        // The shell becomes a program that has children and never asks for them.
        let mut service = Service::shell("sh -c 'echo $$; sleep 1000' & exec sleep 1000");
        let process = Process::open(service.number().await).expect("it runs");
        process.signal(Signal::SIGTERM).expect("ours");
        assert_eq!(soon(process.exited()).await, Exit::Unknown);
    }
}
