//! A pseudo-terminal that the agent opens itself: for trying things out, and for programs that
//! want a tty. What has left it nobody can know.

use super::{Drain, Link};
use crate::core::session::Traits;
use crate::edge::kernel;
use lastword_protocol::Millis;
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
        })
    }
}

/// Puts a link to `target` at `path`; only another link may be there already.
fn replace_link(target: &str, path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => fs::remove_file(path)?,
        Ok(_) => {
            let message = format!("{} is there and is no link", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        Err(_) => {}
    }
    symlink(target, path)
}

impl Drop for PtyLink {
    fn drop(&mut self) {
        // Best effort: a link that dangles is replaced at the next start.
        let _ = fs::remove_file(&self.path);
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

    fn describe(&self) -> String {
        format!("pty {}", self.path.display())
    }

    fn wire_time(&self, _bytes: usize) -> Millis {
        Millis(0)
    }

    /// Neither `tcdrain` nor `TIOCOUTQ` says anything about the other end of a pseudo-terminal.
    fn drained(&mut self, _await_close: bool) -> io::Result<Drain> {
        Ok(Drain::Left(Evidence::Unknowable))
    }
}
