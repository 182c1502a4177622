//! A pseudo-terminal that the agent opens itself: for trying things out, and for programs that
//! want a tty. What has left it nobody can know.

use super::{Drain, Link};
use crate::core::session::Traits;
use crate::edge::kernel;
use lastword_protocol::Millis;
use lastword_protocol::message::event::LinkKind;
use lastword_protocol::power::Evidence;
use lastword_shell::Medium;
use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::termios::{self, SetArg};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The speed a PTY pretends to.
const BAUD: u32 = 115_200;

/// The master of a pseudo-terminal, with a link to the slave in the file system.
#[derive(Debug)]
pub struct PtyLink {
    master: AsyncFd<PtyMaster>,
    /// Held open so that the master lives on while nobody has the other end.
    _slave: File,
    path: PathBuf,
    /// Where the link leads.
    target: PathBuf,
}

impl PtyLink {
    /// Opens a pseudo-terminal, raw, and puts a link to it at `path`.
    ///
    /// # Errors
    ///
    /// If there is no pseudo-terminal to be had, or something that is not a link is at `path`.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let master = posix_openpt(flags)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname_r(&master)?;
        let slave = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NOCTTY | libc::O_CLOEXEC)
            .open(&name)?;
        let mut settings = termios::tcgetattr(&slave)?;
        termios::cfmakeraw(&mut settings);
        termios::tcsetattr(&slave, SetArg::TCSANOW, &settings)?;
        replace_link(&name, path)?;
        Ok(Self {
            master: kernel::watch(master)?,
            _slave: slave,
            path: path.to_owned(),
            target: name.into(),
        })
    }
}

/// Returns what is at `path` that no earlier agent has left: such a link leads to a pseudo-terminal, or
/// nowhere.
#[must_use]
pub fn in_the_way(path: &Path) -> Option<String> {
    let there = fs::symlink_metadata(path).ok()?;
    if !there.is_symlink() {
        return Some("something that is no link is there".to_owned());
    }
    let target = fs::read_link(path).ok()?;
    let is_ours = target.starts_with("/dev/pts") || !path.exists();
    (!is_ours).then(|| format!("a link to {} is there; remove it", target.display()))
}

/// Puts a link to `target` at `path`, in place of one that an earlier agent has left.
fn replace_link(target: &str, path: &Path) -> io::Result<()> {
    if let Some(what) = in_the_way(path) {
        let message = format!("{}: {what}", path.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
    }
    if fs::symlink_metadata(path).is_ok() {
        fs::remove_file(path)?;
    }
    symlink(target, path)
}

impl Drop for PtyLink {
    fn drop(&mut self) {
        // Another agent may have put its own there, or somebody a file.
        if fs::read_link(&self.path).is_ok_and(|target| target == self.target) {
            // Best effort: a link that dangles is replaced at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl AsyncRead for PtyLink {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.master.poll_read_ready(context))?;
            let free = buffer.initialize_unfilled();
            match ready.try_io(|master| (&mut master.get_ref()).read(free)) {
                Ok(read) => return Poll::Ready(read.map(|count| buffer.advance(count))),
                Err(_would_block) => {}
            }
        }
    }
}

impl AsyncWrite for PtyLink {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.master.poll_write_ready(context))?;
            match ready.try_io(|master| (&mut master.get_ref()).write(bytes)) {
                Ok(written) => return Poll::Ready(written),
                Err(_would_block) => {}
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Link for PtyLink {
    fn traits(&self) -> Traits {
        Traits {
            medium: Medium::Serial { baud: BAUD },
            marked: false,
            telnet: false,
        }
    }

    fn kind(&self) -> LinkKind {
        LinkKind::Pty
    }

    fn peer(&self) -> String {
        self.path.display().to_string()
    }

    fn wire_time(&self, _bytes: usize) -> Millis {
        Millis(0)
    }

    /// Neither `tcdrain` nor `TIOCOUTQ` says anything about the other end of a pseudo-terminal.
    fn drained(&mut self, _await_close: bool) -> io::Result<Drain> {
        Ok(Drain::Left(Evidence::Unknowable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts something at a path, where a pseudo-terminal is to be.
    #[track_caller]
    fn check(put: impl FnOnce(&Path), refused: Option<&str>) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("tty");
        put(&path);
        let replaced = replace_link("/dev/pts/9999", &path);
        if let Some(why) = refused {
            let error = replaced.expect_err("it is in the way").to_string();
            assert!(error.contains(why), "{error}");
            return;
        }
        replaced.expect("it makes room");
        let target = fs::read_link(&path).expect("a link");
        assert_eq!(target, Path::new("/dev/pts/9999"));
    }

    #[test]
    fn only_a_link_that_an_agent_may_have_left_makes_room() {
        check(|_| {}, None);
        check(|path| symlink("/dev/pts/8888", path).expect("ours"), None);
        check(|path| symlink("/nowhere/at/all", path).expect("ours"), None);
        check(
            |path| fs::write(path, "a file").expect("ours"),
            Some("no link is there"),
        );
        check(
            |path| symlink("/etc/passwd", path).expect("ours"),
            Some("a link to /etc/passwd is there"),
        );
    }

    #[tokio::test]
    async fn only_the_own_link_is_removed_at_the_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("tty");
        drop(PtyLink::open(&path).expect("a pseudo-terminal"));
        assert!(fs::symlink_metadata(&path).is_err(), "its own");

        let first = PtyLink::open(&path).expect("a pseudo-terminal");
        let second = PtyLink::open(&path).expect("a pseudo-terminal");
        drop(first);
        assert_eq!(fs::read_link(&path).expect("the second's"), second.target);

        fs::remove_file(&path).expect("ours");
        fs::write(&path, "a file").expect("ours");
        drop(second);
        assert_eq!(fs::read_to_string(&path).expect("it stays"), "a file");
    }
}
