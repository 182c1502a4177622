//! The state directory: real files behind [`Storage`], and the lock that keeps it to one agent.

use super::failpoint::pass;
use crate::core::storage::Storage;
use lastword_daemon::bounded_file;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::sleep;

/// The lock file's name in the state directory.
const LOCK_FILE: &str = "lock";

/// The largest record that is read, in bytes: `state.json` takes 400 for a service.
const RECORD_BYTES_MAX: u64 = 16 << 20;

/// Why a state directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be made or written to.
    #[error(
        "the state directory {path} cannot be used; name another with `state` in the configuration"
    )]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another agent has it.
    #[error("{owner} has the state directory {path}; one agent to a directory")]
    Taken {
        /// The directory.
        path: PathBuf,
        /// Who: `lastwordd, process 71`.
        owner: String,
    },
}

/// A state directory that this process alone may use for as long as it holds this.
#[derive(Debug)]
pub struct StateDirectory {
    path: PathBuf,
    _lock: Flock<File>,
}

impl StateDirectory {
    /// As [`StateDirectory::open`], but waits a little for an agent that is dead: a process that it was
    /// starting when it was killed holds its lock until it is the program that it was to become.
    ///
    /// # Errors
    ///
    /// As [`StateDirectory::open`].
    pub async fn take(path: &Path) -> Result<Self, StateError> {
        for _ in 0..LOOKS {
            match Self::open(path) {
                Err(StateError::Taken { owner, .. }) if !lives(&owner) => sleep(LOOK_AGAIN).await,
                opened => return opened,
            }
        }
        Self::open(path)
    }

    /// Makes the directory where it is missing, mode 0700, and locks it.
    ///
    /// # Errors
    ///
    /// [`StateError`], which names the other agent if there is one.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let unusable = |source| StateError::Unusable {
            path: path.to_owned(),
            source,
        };
        make_directory(path).map_err(unusable)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join(LOCK_FILE))
            .map_err(unusable)?;
        let mut owner = String::new();
        file.read_to_string(&mut owner).map_err(unusable)?;
        let lock =
            Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| StateError::Taken {
                path: path.to_owned(),
                owner: owner.trim().to_owned(),
            })?;
        // Who has the lock is a courtesy: a board with a full disk has to be reached.
        if let Err(error) = sign(&lock) {
            tracing::warn!(%error, "the lock on the state directory is not signed");
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its files.
    #[must_use]
    pub fn files(&self) -> Files {
        Files {
            directory: self.path.clone(),
        }
    }
}

/// Makes the directory where it is missing, for its owner only.
fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(path)
}

/// Writes into a lock who has it.
fn sign(mut file: &File) -> io::Result<()> {
    file.set_len(0)?;
    // Reading moved the position behind what was there before.
    io::Seek::rewind(&mut file)?;
    writeln!(file, "lastwordd, process {}", std::process::id())
}

/// Whether the process that a lock names is there.
fn lives(owner: &str) -> bool {
    let pid = owner.rsplit(' ').next().and_then(|pid| pid.parse().ok());
    pid.is_none_or(|pid| kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH))
}

/// How often a dead agent's lock is looked at.
const LOOKS: u32 = 200;
/// How long between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Files on a real disk.
#[derive(Clone, Debug)]
pub struct Files {
    directory: PathBuf,
}

impl Storage for Files {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match bounded_file::read(&self.directory.join(name), RECORD_BYTES_MAX) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error.into_io()),
        }
    }

    /// A directory that was removed is made again, or no reset would be prepared any more.
    fn write(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let path = self.directory.join(name);
        match fs::write(&path, content) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_directory(&self.directory)?;
                tracing::warn!(directory = %self.directory.display(), "the state directory was removed; it is made again");
                fs::write(&path, content)?;
            }
            written => written?,
        }
        pass("state-written");
        Ok(())
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        File::open(self.directory.join(name))?.sync_all()?;
        pass("state-synced");
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.directory.join(from), self.directory.join(to))?;
        pass("state-renamed");
        Ok(())
    }

    fn sync_names(&mut self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::record::{Found, POWER_FILE, PowerRecord, UNREADABLE_FILE};
    use lastword_protocol::BootId;
    use lastword_protocol::identity::Cause;

    #[test]
    fn the_second_agent_is_told_who_is_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let first = StateDirectory::open(directory.path()).unwrap();
        let second = StateDirectory::open(directory.path()).expect_err("it is locked");
        let process = format!("process {} has", std::process::id());
        assert!(second.to_string().contains(&process), "{second}");
        drop(first);
        assert!(StateDirectory::open(directory.path()).is_ok());
    }

    #[test]
    fn a_record_reads_back_and_an_unreadable_one_is_put_aside() {
        let directory = tempfile::tempdir().unwrap();
        let mut files = Files {
            directory: directory.path().to_owned(),
        };
        assert_eq!(PowerRecord::load(&mut files).unwrap(), Found::Nothing);

        let record = PowerRecord::new(BootId([3; 16]), Cause::External, None);
        record.save(&mut files).unwrap();
        assert_eq!(
            PowerRecord::load(&mut files).unwrap(),
            Found::Record(record)
        );

        fs::write(directory.path().join(POWER_FILE), "{ torn").unwrap();
        assert!(matches!(
            PowerRecord::load(&mut files).unwrap(),
            Found::Unreadable(_)
        ));
        assert_eq!(
            fs::read_to_string(directory.path().join(UNREADABLE_FILE)).unwrap(),
            "{ torn"
        );
        assert_eq!(PowerRecord::load(&mut files).unwrap(), Found::Nothing);
    }
}
