//! Files that somebody else may have put there, read within bounds: regular files only, up to a size, and
//! without waiting for anything but the disk.

use nix::fcntl::OFlag;
use std::fmt::Display;
use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::str::Utf8Error;

/// Why a file is not read.
#[derive(Debug)]
pub enum FileError {
    /// The system refuses, or there is no such file.
    Io(io::Error),
    /// It is no regular file.
    Kind(&'static str),
    /// It is larger than this, in bytes.
    Size(u64),
    /// It is no text: the line and the column, in characters, of the first byte that is no UTF-8.
    Encoding {
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
    },
}

impl FileError {
    /// Whether there is no such file.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// Names the file: `PATH: what is wrong`, or `PATH:LINE:COLUMN: what is wrong`.
    #[must_use]
    pub fn of(&self, path: impl Display) -> String {
        match self {
            Self::Io(error) => format!("{path}: {error}"),
            Self::Kind(kind) => format!("{path}: it is {kind}; a regular file is wanted here"),
            Self::Size(most) => {
                format!("{path}: it is larger than {most} bytes, which is the most that is read")
            }
            Self::Encoding { line, column } => {
                format!("{path}:{line}:{column}: this byte is no UTF-8; save the file as UTF-8")
            }
        }
    }

    /// The error as the standard library has it.
    #[must_use]
    pub fn into_io(self) -> io::Error {
        match self {
            Self::Io(error) => error,
            Self::Kind(kind) => {
                io::Error::new(io::ErrorKind::InvalidInput, format!("it is {kind}"))
            }
            Self::Size(most) => io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("it is larger than {most} bytes"),
            ),
            Self::Encoding { .. } => io::Error::new(io::ErrorKind::InvalidData, "it is no UTF-8"),
        }
    }
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a regular file of at most `most` bytes. Links are followed: what counts is what they lead to.
///
/// Anything else is not even opened, for that may have an effect: of a watchdog device it resets the
/// machine. It may take as long as the file system does.
///
/// # Errors
///
/// [`FileError`], also if the file grows beyond `most` meanwhile.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    // A place in the file system, which is looked at and not opened (open(2), O_PATH).
    let place = OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_PATH.bits())
        .open(path)?;
    let about = place.metadata()?;
    if let Some(kind) = other_kind(about.file_type()) {
        return Err(FileError::Kind(kind));
    }
    if about.len() > most {
        return Err(FileError::Size(most));
    }
    // The same file, whatever the path leads to by now.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(format!("/proc/self/fd/{}", place.as_raw_fd()))
        .map_err(|error| match error.kind() {
            // The file itself is there.
            io::ErrorKind::NotFound => io::Error::other("it cannot be opened: is /proc mounted?"),
            _ => error,
        })?;
    read_all(&file, most)
}

/// As [`read`], of a text.
///
/// # Errors
///
/// As [`read`], and if it is no UTF-8.
pub fn read_text(path: &Path, most: u64) -> Result<String, FileError> {
    String::from_utf8(read(path, most)?)
        .map_err(|error| encoding(error.as_bytes(), error.utf8_error()))
}

fn read_all(file: &File, most: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(FileError::Size(most));
    }
    Ok(bytes)
}

/// What a file is that is no regular one.
fn other_kind(kind: FileType) -> Option<&'static str> {
    Some(match kind {
        kind if kind.is_file() => return None,
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a FIFO",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    })
}

fn encoding(bytes: &[u8], error: Utf8Error) -> FileError {
    let sound = bytes.get(..error.valid_up_to()).unwrap_or_default();
    let sound = String::from_utf8_lossy(sound);
    let line_start = sound.rfind('\n').map_or(0, |newline| newline + 1);
    FileError::Encoding {
        line: sound.matches('\n').count() + 1,
        column: sound[line_start..].chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    const MOST: u64 = 8;

    /// What is said of `name` in a directory that has one of each kind.
    #[track_caller]
    fn check(name: &str, said: &str) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        for (name, content) in [
            ("fits", &b"12345678"[..]),
            ("long", b"123456789"),
            ("latin", b"a\n\xc3\xbc\xfc"),
        ] {
            fs::write(path(name), content).expect("a file");
        }
        fs::create_dir(path("directory")).expect("a directory");
        mkfifo(&path("fifo"), Mode::S_IRWXU).expect("a FIFO");
        let _listener = UnixListener::bind(path("socket")).expect("a socket");
        for (link, target) in [
            ("link", "fits"),
            ("zero", "/dev/zero"),
            ("to-fifo", "fifo"),
            ("loop", "loop"),
        ] {
            symlink(target, path(link)).expect("a link");
        }
        let told = match read_text(&path(name), MOST) {
            Ok(text) => text,
            Err(error) => error.of(name),
        };
        assert_eq!(told, said);
    }

    #[test]
    fn only_regular_files_are_read_wherever_a_link_leads() {
        check("fits", "12345678");
        check("link", "12345678");
        let kind = |name: &str, kind: &str| {
            check(
                name,
                &format!("{name}: it is {kind}; a regular file is wanted here"),
            );
        };
        kind("fifo", "a FIFO");
        kind("to-fifo", "a FIFO");
        kind("zero", "a device");
        kind("socket", "a socket");
        kind("directory", "a directory");
        check(
            "loop",
            "loop: Too many levels of symbolic links (os error 40)",
        );
        check("absent", "absent: No such file or directory (os error 2)");
    }

    #[test]
    fn one_byte_more_than_may_be_is_too_much() {
        check(
            "long",
            "long: it is larger than 8 bytes, which is the most that is read",
        );
        // A file of /proc has no size until it is read.
        let status = read(Path::new("/proc/self/status"), MOST);
        assert!(matches!(status, Err(FileError::Size(MOST))), "{status:?}");
    }

    #[test]
    fn what_is_no_utf8_is_named_with_its_place() {
        check(
            "latin",
            "latin:2:2: this byte is no UTF-8; save the file as UTF-8",
        );
    }
}
