//! Starts a process of a service.

use super::command::{Command, Launch};
use super::descriptors::{Standard, above};
use super::user::User;
use super::watch::Process;
use super::{Cgroup, children, explain, limits};
use crate::edge::kernel::{self, Failure, Program, Refusal};
use nix::errno::Errno;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, setsid};
use rustix::process::{DumpableBehavior, dumpable_behavior, set_dumpable_behavior};
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Starts it and returns once it is the program that it was to become: in a session and process group of
/// its own, with no input, with these two for its output, no other descriptor, every signal at its
/// default, umask 022, and the limit on open files that the agent was started with.
///
/// Waits for the program's file, so on a thread that may wait if that may lie on a slow disk: about a
/// millisecond of it, however much memory the agent uses.
///
/// # Errors
///
/// If there is no such program, directory or cgroup, it may not be run, or the machine has no room for
/// a process. Nothing runs then.
pub fn launch(launch: &Launch, out: BorrowedFd<'_>, err: BorrowedFd<'_>) -> io::Result<Process> {
    launch_by(launch, out, err, Way::Inside)
}

/// How a process gets into its cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It is started there; where that cannot be, it enters by itself.
    Inside,
    /// It enters by itself.
    #[cfg(test)]
    Entering,
}

pub(super) fn launch_by(
    launch: &Launch,
    out: BorrowedFd<'_>,
    err: BorrowedFd<'_>,
    way: Way,
) -> io::Result<Process> {
    let failed = |error: io::Error| explain(format!("cannot start {}", launch.name), &error);
    let command = Command::new(launch).map_err(failed)?;
    let before = Before::new(launch, out, err).map_err(failed)?;
    let dumpable = dumpable_behavior();
    let started = children::hold(|| spawn(&command.program(), &before, way));
    // Becoming another user marks the memory that parent and child share as not to be looked into
    // (prctl(2), PR_SET_DUMPABLE). It is the agent's alone again.
    if launch.user.is_some() && matches!(dumpable, Ok(DumpableBehavior::Dumpable)) {
        let _ = set_dumpable_behavior(DumpableBehavior::Dumpable);
    }
    match started {
        Ok(pid) => Process::of_child(pid)
            .inspect_err(|_| abandon(pid))
            .map_err(failed),
        Err(Failure::NoProcess(error)) => Err(failed(explain("no new process", &error))),
        Err(Failure::Refused(refusal)) => Err(failed(refused(launch, refusal))),
    }
}

/// It runs, and nobody could watch over it: the agent has no descriptor or memory left.
fn abandon(pid: i32) {
    // Unreaped it keeps its number, and it leads its own group.
    let _ = nix::sys::signal::killpg(
        nix::unistd::Pid::from_raw(pid),
        nix::sys::signal::Signal::SIGKILL,
    );
    children::leave(pid);
}

fn spawn(program: &Program<'_>, before: &Before<'_>, way: Way) -> Result<i32, Failure> {
    let Some(cgroup) = &before.cgroup else {
        return kernel::spawn(program, None, before.standard.end(), &|| before.run());
    };
    if way == Way::Inside {
        let directory = Some(cgroup.directory.as_fd());
        match kernel::spawn(program, directory, before.standard.end(), &|| before.run()) {
            Err(Failure::NoProcess(error)) if cannot_ever(&error) => {}
            done => return done,
        }
    }
    let enter = || cgroup.enter().and_then(|()| before.run());
    let end = before.standard.end().max(above(cgroup.members.as_fd()));
    kernel::spawn(program, None, end, &enter)
}

/// Too old a kernel, another architecture, a filter of system calls; not a limit that was reached, which
/// entering would get around.
fn cannot_ever(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(Errno::ENOSYS | Errno::EINVAL | Errno::E2BIG | Errno::EPERM)
    )
}

/// The cgroup, opened while that still is simple.
struct Entrance {
    directory: OwnedFd,
    members: File,
}

impl Entrance {
    /// In the new process: 0 is whoever writes (cgroups(7)).
    fn enter(&self) -> Result<(), Refusal> {
        let written = nix::unistd::write(&self.members, b"0").map(drop);
        step("entering its cgroup", written)
    }
}

/// What the new process does before it becomes the program.
struct Before<'a> {
    launch: &'a Launch,
    standard: Standard,
    cgroup: Option<Entrance>,
    directory: CString,
    groups: Vec<rustix::process::Gid>,
}

impl<'a> Before<'a> {
    fn new(launch: &'a Launch, out: BorrowedFd<'_>, err: BorrowedFd<'_>) -> io::Result<Self> {
        let entrance = |cgroup: &Cgroup| {
            let (directory, members) = cgroup.open()?;
            io::Result::Ok(Entrance { directory, members })
        };
        let groups = launch.user.iter().flat_map(|user| &user.groups);
        let directory = launch.directory.as_deref().unwrap_or(Path::new("/"));
        Ok(Self {
            launch,
            standard: Standard::new(out, err)?,
            cgroup: launch.cgroup.as_ref().map(entrance).transpose()?,
            directory: CString::new(directory.as_os_str().as_bytes())?,
            groups: groups
                .map(|gid| rustix::process::Gid::from_raw(gid.as_raw()))
                .collect(),
        })
    }

    /// In the new process: allocates nothing.
    fn run(&self) -> Result<(), Refusal> {
        step("leading a session", setsid().map(drop))?;
        if let Some([input, out, err]) = self.standard.all() {
            step("its input", plain(rustix::stdio::dup2_stdin(input)))?;
            step("its output", plain(rustix::stdio::dup2_stdout(out)))?;
            step("its error output", plain(rustix::stdio::dup2_stderr(err)))?;
        }
        umask(Mode::from_bits_truncate(0o022));
        if let Some(limit) = limits::before() {
            let set = setrlimit(Resource::RLIMIT_NOFILE, limit.soft_before, limit.hard);
            step("its limit on open files", set)?;
        }
        if let Some(user) = &self.launch.user
            && !user.is_current()
        {
            self.become_user(user)?;
        }
        step("its working directory", chdir(self.directory.as_c_str()))
    }

    /// By the system calls themselves: the C library's functions change all threads of the agent.
    fn become_user(&self, user: &User) -> Result<(), Refusal> {
        let gid = rustix::process::Gid::from_raw(user.gid.as_raw());
        let uid = rustix::process::Uid::from_raw(user.uid.as_raw());
        let set = rustix::thread::set_thread_groups(&self.groups);
        step("becoming its user's groups", plain(set))?;
        let set = rustix::thread::set_thread_res_gid(gid, gid, gid);
        step("becoming its user's group", plain(set))?;
        let set = rustix::thread::set_thread_res_uid(uid, uid, uid);
        step("becoming its user", plain(set))
    }
}

fn step(step: &'static str, taken: nix::Result<()>) -> Result<(), Refusal> {
    taken.map_err(|errno| Refusal { step, errno })
}

fn plain(result: rustix::io::Result<()>) -> nix::Result<()> {
    result.map_err(|errno| Errno::from_raw(errno.raw_os_error()))
}

/// Which file, directory or user it was that the kernel spoke of.
fn refused(launch: &Launch, refusal: Refusal) -> io::Error {
    let cause = io::Error::from(refusal.errno);
    let program = launch.program.display();
    let what = match (refusal.step, &launch.directory, &launch.user) {
        (kernel::RUNNING, _, _) if refusal.errno == Errno::ENOENT => {
            format!("there is no program {program}, or not what it names as its interpreter")
        }
        (kernel::RUNNING, _, _) => format!("{program} cannot be run"),
        (step, Some(directory), _) if step.ends_with("directory") => {
            format!("{step} {}", directory.display())
        }
        (step, _, Some(user)) if step.starts_with("becoming") => format!("{step} ({})", user.name),
        (step, _, _) => step.to_owned(),
    };
    explain(what, &cause)
}

#[cfg(test)]
mod tests;
