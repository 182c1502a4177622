//! What outlives a reset: the board's serial number and its retained memory, in a file if there is
//! to be one.

use anyhow::{Context, bail};
use lastword_daemon::bounded_file;
use lastword_responder::RETAINED_BYTES;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How long a serial number is, in bytes.
pub(crate) const SERIAL_BYTES: usize = 12;

/// The largest file that is read for one, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// A board's serial number and retained memory.
#[derive(Debug)]
pub(crate) struct Memory {
    serial: [u8; SERIAL_BYTES],
    retained: [u8; RETAINED_BYTES],
    file: Option<PathBuf>,
}

impl Memory {
    /// The memory of a board that has never been on. Without a file it lasts as long as the
    /// process.
    pub(crate) fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        // As after power came: anything at all.
        let mut memory = Self {
            serial: rand::random(),
            retained: rand::random(),
            file: file.map(Path::to_owned),
        };
        let Some(path) = file else {
            return Ok(memory);
        };
        match bounded_file::read(path, FILE_BYTES_MAX) {
            Ok(bytes) => {
                let Some((serial, retained)) = split(&bytes) else {
                    bail!(
                        "{} holds {} bytes and no board's memory ({} bytes): name another file, \
                         or remove it",
                        path.display(),
                        bytes.len(),
                        SERIAL_BYTES + RETAINED_BYTES
                    );
                };
                (memory.serial, memory.retained) = (serial, retained);
            }
            Err(error) if error.is_absent() => memory
                .write()
                .with_context(|| format!("cannot write {}", path.display()))?,
            Err(error) => bail!("cannot read {}", error.of(path.display())),
        }
        Ok(memory)
    }

    pub(crate) const fn serial(&self) -> [u8; SERIAL_BYTES] {
        self.serial
    }

    pub(crate) const fn load(&self) -> [u8; RETAINED_BYTES] {
        self.retained
    }

    /// Keeps this; whether it would survive a crash of the process, if it is to.
    pub(crate) fn store(&mut self, bytes: &[u8; RETAINED_BYTES]) -> bool {
        self.retained = *bytes;
        match self.write() {
            Ok(()) => true,
            Err(error) => {
                let file = self.file.as_deref().unwrap_or(Path::new(""));
                tracing::error!(file = %file.display(), %error, "the board's memory was not kept");
                false
            }
        }
    }

    /// Replaces the file as a whole, so that no crash leaves half of it.
    fn write(&self) -> io::Result<()> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        let mut new = path.clone().into_os_string();
        new.push(".new");
        fs::write(&new, [&self.serial[..], &self.retained].concat())?;
        fs::rename(&new, path)
    }
}

fn split(bytes: &[u8]) -> Option<([u8; SERIAL_BYTES], [u8; RETAINED_BYTES])> {
    let (serial, retained) = bytes.split_first_chunk()?;
    Some((*serial, retained.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_finds_again_what_it_kept() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("board");
        let mut memory = Memory::open(Some(&file)).unwrap();
        assert!(memory.store(&[7; RETAINED_BYTES]));
        let again = Memory::open(Some(&file)).unwrap();
        assert_eq!(again.load(), [7; RETAINED_BYTES]);
        assert_eq!(again.serial(), memory.serial());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn boards_without_a_file_are_strangers() {
        let [one, other] = [(), ()].map(|()| Memory::open(None).unwrap());
        assert_ne!(one.serial(), other.serial());
    }

    #[test]
    fn a_file_of_something_else_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("notes");
        fs::write(&file, "mine").unwrap();
        let error = Memory::open(Some(&file)).unwrap_err().to_string();
        assert!(
            error.contains("holds 4 bytes and no board's memory"),
            "{error}"
        );
        assert_eq!(fs::read(&file).unwrap(), b"mine");
    }

    #[test]
    fn what_cannot_be_kept_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().join("gone");
        fs::create_dir(&inside).unwrap();
        let mut memory = Memory::open(Some(&inside.join("board"))).unwrap();
        fs::remove_dir_all(&inside).unwrap();
        assert!(!memory.store(&[7; RETAINED_BYTES]));
    }
}
