//! A program whose exit code is the answer.

use crate::edge::kernel::watch_shared;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open};
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::process::{Child, Command};

/// The process group of a program that has not been waited for, so that its number is still its own. Dropping it ends all
/// of the group.
pub(in crate::edge::generations) struct ProgramGroup(Option<Pid>);

/// The directories in which a program of a board finds others.
pub(in crate::edge::generations) const PROGRAM_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs a program of the generation, or of the system, in the generation's tree. If it is not waited for, it is ended, with
/// whatever it has started in its process group.
///
/// # Errors
///
/// The way in which it ended otherwise than with 0, or the reason why it could not be started.
pub(super) async fn run(command: &[String], tree: &Path) -> Result<(), String> {
    let [name, arguments @ ..] = command else {
        return Err("there is no program".to_owned());
    };
    // A path from the root stays what it is.
    let mut command = Command::new(tree.join(name));
    command.args(arguments).current_dir(tree).process_group(0);
    // What the agent was given, a socket to systemd for instance, is not for others.
    command.env_clear().env("PATH", PROGRAM_PATH);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let started = command.spawn();
    let mut child = started.map_err(|error| format!("{name}: {}", super::reason(&error)))?;
    let group = ProgramGroup::of(&child);
    // What it has started ends with it, while its number is still its own.
    if let Err(error) = exited(group.0).await {
        return Err(format!("{name}: {}", super::reason(&error)));
    }
    drop(group);
    match child.wait().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name}: {status}")),
        Err(error) => Err(format!("{name}: {}", super::reason(&error))),
    }
}

/// Waits until a process has exited; it is not reaped.
async fn exited(process: Option<Pid>) -> io::Result<()> {
    let number = process
        .map(Pid::as_raw)
        .and_then(rustix::process::Pid::from_raw);
    let number = number.ok_or(io::ErrorKind::NotFound)?;
    let handle = Arc::new(pidfd_open(number, PidfdFlags::NONBLOCK)?);
    let handle = watch_shared(handle, Interest::READABLE)?;
    handle.readable().await.map(drop)
}

impl ProgramGroup {
    /// The group of a program that was started as the first of its own.
    pub(in crate::edge::generations) fn of(child: &Child) -> Self {
        let number = child.id().and_then(|id| i32::try_from(id).ok());
        Self(number.map(Pid::from_raw))
    }

    /// Leaves what is left of the group alone: the program has ended by itself.
    pub(in crate::edge::generations) const fn leave(&mut self) {
        self.0 = None;
    }
}

impl Drop for ProgramGroup {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended just now.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}
