//! The FIFOs that services write to, and the look at them that takes nothing out.

use super::Ends;
use crate::core::log::CHUNK_BYTES;
use crate::core::log::Stream;
use memchr::memchr_iter;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, SpliceFFlags, fcntl, open, splice, tee};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{Mode, SFlag, fstat, stat};
use nix::unistd::{Uid, mkfifo};
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// How much a FIFO is asked to hold, in bytes. What a service writes while no agent lives, or
/// faster than the disk takes it, waits there.
pub(super) const FIFO_BYTES: usize = 1 << 20;
/// The same for fcntl(2).
const FIFO_SIZE: i32 = 1 << 20;

const _: () = assert!(FIFO_SIZE as usize == FIFO_BYTES);

/// Descriptors for a process of a service, whose flags are its own.
pub(super) fn ends(directory: &Path, name: &str) -> io::Result<Ends> {
    let end = |stream| open_end(&path(directory, name, stream));
    Ok(Ends {
        out: end(Stream::Out)?,
        err: end(Stream::Err)?,
    })
}

fn path(directory: &Path, name: &str, stream: Stream) -> PathBuf {
    directory.join(format!("{name}.{stream}"))
}

/// A service's two FIFOs, by stream.
#[derive(Debug)]
pub(super) struct Fifos {
    out: Fifo,
    err: Fifo,
}

impl Fifos {
    /// Opens `NAME.out` and `NAME.err` in a directory; makes them where they are missing.
    pub(super) fn open(directory: &Path, name: &str) -> io::Result<Self> {
        super::make(directory)?;
        let open = |stream| Fifo::open(path(directory, name, stream));
        Ok(Self {
            out: open(Stream::Out)?,
            err: open(Stream::Err)?,
        })
    }

    pub(super) const fn of(&self, stream: Stream) -> &Fifo {
        match stream {
            Stream::Out => &self.out,
            Stream::Err => &self.err,
        }
    }

    /// Returns whether both still have their names, so that a new process can open them.
    pub(super) fn are_there(&self) -> bool {
        Stream::BOTH.into_iter().all(|it| self.of(it).is_there())
    }

    /// Removes the names.
    pub(super) fn unlink(&self) -> io::Result<()> {
        for stream in Stream::BOTH {
            std::fs::remove_file(&self.of(stream).path)?;
        }
        Ok(())
    }
}

/// One FIFO, held open for reading and writing, so that there is always a reader and a writer.
#[derive(Debug)]
pub(super) struct Fifo {
    path: PathBuf,
    end: OwnedFd,
}

impl Fifo {
    fn open(path: PathBuf) -> io::Result<Self> {
        match mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(super::at(&path, &error.into())),
        }
        let end = open_end(&path)?;
        enlarge(&end);
        Ok(Self { path, end })
    }

    /// Whether whoever writes to it has to wait.
    pub(super) fn is_full(&self) -> io::Result<bool> {
        let mut fds = [PollFd::new(self.end.as_fd(), PollFlags::POLLOUT)];
        Ok(poll(&mut fds, PollTimeout::ZERO)? == 0)
    }

    fn is_there(&self) -> bool {
        let named = stat(&self.path).map(|it| (it.st_dev, it.st_ino));
        let open = fstat(&self.end).map(|it| (it.st_dev, it.st_ino));
        named.is_ok() && named == open
    }

    /// Takes bytes out of the front, and returns how many lines ended in them.
    pub(super) fn discard(&self, bytes: usize) -> io::Result<u64> {
        let mut buffer = [0; 4_096];
        let (mut left, mut lines) = (bytes, 0);
        while left > 0 && self.has_bytes()? {
            let most = left.min(buffer.len());
            let read = nix::unistd::read(&self.end, &mut buffer[..most])?;
            if read == 0 {
                break;
            }
            lines += memchr_iter(b'\n', &buffer[..read]).count() as u64;
            left -= read;
        }
        Ok(lines)
    }

    /// Returns whether a read would not wait.
    fn has_bytes(&self) -> io::Result<bool> {
        let mut fds = [PollFd::new(self.end.as_fd(), PollFlags::POLLIN)];
        Ok(poll(&mut fds, PollTimeout::ZERO)? > 0)
    }

    /// Moves bytes from the front to a place in a file; returns how many, none if it is empty.
    pub(super) fn shift(&self, file: &File, offset: u64, bytes: u32) -> io::Result<u32> {
        let mut offset = i64::try_from(offset).map_err(io::Error::other)?;
        let bytes = usize::try_from(bytes).map_err(io::Error::other)?;
        loop {
            let flags = SpliceFFlags::SPLICE_F_NONBLOCK;
            match splice(&self.end, None, file, Some(&mut offset), bytes, flags) {
                Ok(moved) => return u32::try_from(moved).map_err(io::Error::other),
                Err(Errno::EAGAIN) => return Ok(0),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Fifo {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }
}

/// Opens a FIFO for reading and writing, which never waits for another side (fifo(7)).
fn open_end(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
    let end = open(path, flags, Mode::empty()).map_err(|error| super::at(path, &error.into()))?;
    let kind = SFlag::from_bits_truncate(fstat(&end)?.st_mode) & SFlag::S_IFMT;
    if kind == SFlag::S_IFIFO {
        return Ok(end);
    }
    let error = io::Error::other("not a FIFO; remove it");
    Err(super::at(path, &error))
}

/// Asks for room. Without privilege the sum of a user's pipes is limited (pipe(7)), and those
/// that come after the limit get two pages: then what the kernel gives to each is left as it is.
fn enlarge(end: &OwnedFd) {
    if Uid::effective().is_root() {
        // Less room is no failure.
        let _size = fcntl(end, FcntlArg::F_SETPIPE_SZ(FIFO_SIZE));
    }
}

/// Looks at what is in FIFOs: the kernel duplicates it into a pipe, and that is read.
#[derive(Debug)]
pub(super) struct Tap {
    reader: PipeReader,
    writer: PipeWriter,
    buffer: Box<[u8]>,
}

impl Tap {
    pub(super) fn open() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        // As many slots as a FIFO has, so that a look shows all of a line however it was written.
        let _size = fcntl(&writer, FcntlArg::F_SETPIPE_SZ(FIFO_SIZE));
        Ok(Self {
            reader,
            writer,
            buffer: vec![0; CHUNK_BYTES].into(),
        })
    }

    /// What is at the front of a FIFO, at most [`CHUNK_BYTES`]; nothing if it is empty.
    pub(super) fn look(&mut self, fifo: &Fifo) -> io::Result<&[u8]> {
        let shown = loop {
            let flags = SpliceFFlags::SPLICE_F_NONBLOCK;
            match tee(fifo, &self.writer, CHUNK_BYTES, flags) {
                Ok(shown) => break shown,
                Err(Errno::EAGAIN) => break 0,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        };
        let view = &mut self.buffer[..shown];
        self.reader.read_exact(view)?;
        Ok(view)
    }
}
