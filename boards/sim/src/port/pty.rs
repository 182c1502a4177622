//! A pseudo-terminal, with a link to it in the file system.

use super::{Port, unless_it_waits};
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::termios::{self, FlushArg, SetArg};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The master of a pseudo-terminal. What is sent while nobody has the other end open is lost, as
/// on a real line; what nobody has read when it is closed, too.
pub(crate) struct PtyPort {
    master: PtyMaster,
    /// Tells when somebody opens the other end, which the master does not.
    opened: Inotify,
    slave: PathBuf,
    link: PathBuf,
    /// Whether somebody has the other end open.
    present: bool,
}

impl PtyPort {
    /// Opens a pseudo-terminal, raw, and puts a link to it at `link`.
    pub(crate) fn open(link: &Path) -> io::Result<Self> {
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let master = posix_openpt(flags)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let slave = PathBuf::from(ptsname_r(&master)?);
        // Once it was opened and closed, the master tells whether somebody is there. What is set
        // stays set.
        let end = open_slave(&slave)?;
        let mut settings = termios::tcgetattr(&end)?;
        termios::cfmakeraw(&mut settings);
        termios::tcsetattr(&end, SetArg::TCSANOW, &settings)?;
        let opened = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        opened.add_watch(&slave, AddWatchFlags::IN_OPEN)?;
        replace_link(&slave, link)?;
        Ok(Self {
            master,
            opened,
            slave,
            link: link.to_owned(),
            present: false,
        })
    }

    fn hung_up(&self) -> bool {
        let mut polled = [PollFd::new(self.master.as_fd(), PollFlags::empty())];
        // Looking cannot fail with a descriptor that is open.
        let _ = poll(&mut polled, PollTimeout::ZERO);
        let [master] = polled;
        master
            .revents()
            .is_some_and(|events| events.contains(PollFlags::POLLHUP))
    }
}

fn open_slave(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY | libc::O_CLOEXEC | libc::O_NONBLOCK)
        .open(path)
}

/// Puts a link to `target` at `path`; only another link may be there already.
fn replace_link(target: &Path, path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => fs::remove_file(path)?,
        Ok(_) => {
            let message = "something that is no link is there: name another path, or remove it";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        Err(_) => {}
    }
    symlink(target, path)
}

impl Port for PtyPort {
    fn refresh(&mut self, _: Duration) -> bool {
        // The events say only that it is time to look.
        let _ = self.opened.read_events();
        let is_present = !self.hung_up();
        let was_present = std::mem::replace(&mut self.present, is_present);
        if was_present && !self.present {
            // Whoever opens it next must not read what was said to somebody else.
            let _ =
                open_slave(&self.slave).map(|slave| termios::tcflush(&slave, FlushArg::TCIFLUSH));
        }
        if was_present != self.present {
            let present = self.present;
            tracing::info!(present, "somebody has opened or closed the line");
        }
        // It is a line without connections: whoever comes finds it as it was left.
        false
    }

    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        // There may be bytes of somebody who has left; then there is an error, and nobody.
        unless_it_waits(self.master.read(room)).or(Ok(0))
    }

    fn write(&mut self, _: Duration, bytes: &[u8]) -> io::Result<usize> {
        if !self.present {
            return Ok(bytes.len());
        }
        unless_it_waits(self.master.write(bytes))
    }

    fn polled(&self, reading: bool, writing: bool) -> Vec<PollFd<'_>> {
        if !self.present {
            return vec![PollFd::new(self.opened.as_fd(), PollFlags::POLLIN)];
        }
        let mut events = PollFlags::empty();
        events.set(PollFlags::POLLIN, reading);
        events.set(PollFlags::POLLOUT, writing);
        vec![PollFd::new(self.master.as_fd(), events)]
    }

    fn deadline(&self) -> Option<Duration> {
        None
    }

    fn is_read(&mut self) -> bool {
        self.refresh(Duration::ZERO);
        // Of nobody who has left.
        if !self.present {
            return true;
        }
        let Ok(slave) = open_slave(&self.slave) else {
            return true;
        };
        let mut polled = [PollFd::new(slave.as_fd(), PollFlags::POLLIN)];
        poll(&mut polled, PollTimeout::ZERO).is_ok_and(|unread| unread == 0)
    }

    fn describe(&self) -> String {
        format!("pty {}", self.link.display())
    }
}

impl Drop for PtyPort {
    fn drop(&mut self) {
        // Another may have put its own there, or somebody a file.
        if fs::read_link(&self.link).is_ok_and(|target| target == self.slave) {
            // Best effort: a link that dangles is replaced at the next start.
            let _ = fs::remove_file(&self.link);
        }
    }
}
