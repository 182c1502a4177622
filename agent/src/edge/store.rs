//! The state directory: real files behind [`Storage`], and the lock that keeps it to one agent.

use super::failpoint::pass;
use super::ownership::{exposed_parent, exposure};
use crate::core::storage::Storage;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, renameat, unlinkat};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// The lock file's name in the state directory.
const LOCK_FILE: &str = "lock";
/// The longest signature that a lock file is read for, in bytes.
const SIGNATURE_MAX_BYTES: u64 = 256;
/// The largest file that is read, in bytes. `state.json` has half a kilobyte for a service.
const FILE_MAX_BYTES: u64 = 16 << 20;

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
    /// Others than the agent could write to it, and so have it write where they like.
    #[error("the state directory {path} is not the agent's alone: {why}")]
    Exposed {
        /// The directory.
        path: PathBuf,
        /// How, and what to do about it.
        why: String,
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

/// A state directory that this process alone may use for as long as it holds this, or its files.
#[derive(Debug)]
pub struct StateDirectory(Arc<LockedDirectory>);

/// A directory with its lock, which both are had again if somebody removes them.
#[derive(Debug)]
struct LockedDirectory {
    path: PathBuf,
    held: Mutex<HeldDirectory>,
}

#[derive(Debug)]
struct HeldDirectory {
    directory: Arc<OwnedFd>,
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
        let real = fs::canonicalize(path).map_err(unusable)?;
        if let Some((parent, why)) = exposed_parent(&real) {
            tracing::warn!(directory = %parent.display(), state = %real.display(),
                "others could replace the state directory: {why}");
        }
        let held = HeldDirectory::open(&real, path)?;
        Ok(Self(Arc::new(LockedDirectory {
            path: real,
            held: Mutex::new(held),
        })))
    }

    /// The directory, without links in its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Its files.
    #[must_use]
    pub fn files(&self) -> Files {
        Files {
            directory: self.0.clone(),
        }
    }
}

impl HeldDirectory {
    /// Opens and locks a directory, which errors call `name`.
    fn open(path: &Path, name: &Path) -> Result<Self, StateError> {
        let unusable = |source| StateError::Unusable {
            path: name.to_owned(),
            source,
        };
        let directory = open_directory(path).map_err(unusable)?;
        if let Some(why) = exposure(&directory.metadata().map_err(unusable)?) {
            return Err(StateError::Exposed {
                path: name.to_owned(),
                why,
            });
        }
        let lock = lock(&directory).map_err(unusable)?;
        let lock = lock.map_err(|owner| StateError::Taken {
            path: name.to_owned(),
            owner,
        })?;
        // Who has the lock is a courtesy: a board with a full disk has to be reached.
        if let Err(error) = sign(&lock) {
            tracing::warn!(%error, "the lock on the state directory is not signed");
        }
        Ok(Self {
            directory: Arc::new(directory.into()),
            _lock: lock,
        })
    }
}

impl LockedDirectory {
    fn held(&self) -> MutexGuard<'_, HeldDirectory> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Arc<OwnedFd> {
        self.held().directory.clone()
    }

    /// Makes a directory that was removed anew, and locks it.
    ///
    /// # Errors
    ///
    /// If it cannot be had, because another agent has it now, say.
    fn make_again(&self) -> io::Result<Arc<OwnedFd>> {
        make_directory(&self.path)?;
        let held = HeldDirectory::open(&self.path, &self.path).map_err(io::Error::other)?;
        tracing::warn!(directory = %self.path.display(), "the state directory was removed; it is made again");
        let directory = held.directory.clone();
        *self.held() = held;
        Ok(directory)
    }
}

/// Makes the directory where it is missing, for its owner only.
fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(path)
}

fn open_directory(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_CLOEXEC);
    options.open(path)
}

/// Locks the directory; returns who has it if another agent has.
fn lock(directory: &File) -> io::Result<Result<Flock<File>, String>> {
    let flags = OFlags::RDWR | OFlags::CREATE;
    let mut file = open_in(directory, LOCK_FILE, flags)?;
    let mut owner = String::new();
    (&mut file)
        .take(SIGNATURE_MAX_BYTES)
        .read_to_string(&mut owner)?;
    let locked = Flock::lock(file, FlockArg::LockExclusiveNonblock);
    Ok(locked.map_err(|_| owner.trim().to_owned()))
}

/// Opens a regular file in a directory, never one that a link leads to, and waits for nobody.
///
/// # Errors
///
/// If it is anything else, or another user's.
fn open_in(directory: impl AsFd, name: &str, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = openat(directory, name, flags, Mode::RUSR | Mode::WUSR);
    let file = opened.map_err(|errno| match errno {
        rustix::io::Errno::LOOP => io::Error::other(format!("{name} is a link; remove it")),
        errno => errno.into(),
    })?;
    let file = File::from(file);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        let what = format!("{name} is no regular file; remove it");
        return Err(io::Error::other(what));
    }
    if ![nix::unistd::geteuid().as_raw(), 0].contains(&metadata.uid()) {
        let what = format!("{name} belongs to user {}; remove it", metadata.uid());
        return Err(io::Error::other(what));
    }
    Ok(file)
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
    directory: Arc<LockedDirectory>,
}

impl Storage for Files {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match open_in(self.directory.current(), name, OFlags::RDONLY) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut content = Vec::new();
        file.take(FILE_MAX_BYTES + 1).read_to_end(&mut content)?;
        if content.len() as u64 > FILE_MAX_BYTES {
            let what = format!("{name} has more than {FILE_MAX_BYTES} bytes");
            return Err(io::Error::other(what));
        }
        Ok(Some(content))
    }

    fn length(&self, name: &str) -> io::Result<Option<u64>> {
        match open_in(self.directory.current(), name, OFlags::RDONLY) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            file => Ok(Some(file?.metadata()?.len())),
        }
    }

    fn read_at(&self, name: &str, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let file = open_in(self.directory.current(), name, OFlags::RDONLY)?;
        file.read_exact_at(out, offset)
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(self.directory.current())? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().to_str()
                && !matches!(name, "." | ".." | LOCK_FILE)
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// A directory that was removed is made again, or no reset would be prepared any more.
    fn write(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        match write_anew(&self.directory.current(), name, content) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let again = self.directory.make_again()?;
                write_anew(&again, name, content)?;
            }
            written => written?,
        }
        pass("state-written");
        Ok(())
    }

    fn append(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::APPEND;
        open_in(self.directory.current(), name, flags)?.write_all(content)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        open_in(self.directory.current(), name, OFlags::RDONLY)?.sync_all()?;
        pass("state-synced");
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let directory = self.directory.current();
        renameat(&directory, from, &directory, to)?;
        pass("state-renamed");
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        unlink(&self.directory.current(), name)
    }

    fn sync_names(&mut self) -> io::Result<()> {
        Ok(rustix::fs::fsync(self.directory.current())?)
    }
}

/// Writes a new file, never into what is there already: it may be linked to from elsewhere.
fn write_anew(directory: &OwnedFd, name: &str, content: &[u8]) -> io::Result<()> {
    unlink(directory, name)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    open_in(directory, name, flags)?.write_all(content)
}

/// Removes a name, if it is there.
fn unlink(directory: &OwnedFd, name: &str) -> io::Result<()> {
    match unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::record::{Found, POWER_FILE, PowerRecord};
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
    fn a_record_reads_back_and_a_broken_one_is_kept_aside() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(directory.path()).unwrap();
        let mut files = state.files();
        assert_eq!(PowerRecord::load(&mut files), Found::Nothing);

        let record = PowerRecord::new(BootId([3; 16]), Cause::External, None);
        record.save(&mut files).unwrap();
        assert_eq!(PowerRecord::load(&mut files), Found::Record(record));

        for (number, name) in ["power.json.broken", "power.json.broken.1"]
            .iter()
            .enumerate()
        {
            let torn = format!("{{ torn {number}");
            fs::write(directory.path().join(POWER_FILE), &torn).unwrap();
            let Found::Broken(broken) = PowerRecord::load(&mut files) else {
                panic!("{torn} is no record");
            };
            assert!(broken.to_string().ends_with(name), "{broken}");
            let kept = fs::read_to_string(directory.path().join(name)).unwrap();
            assert_eq!(kept, torn);
            assert_eq!(PowerRecord::load(&mut files), Found::Nothing);
        }
    }

    /// Puts something where a file is to be; the agent must neither read through it, nor write, nor wait.
    #[track_caller]
    fn check_in_the_way(put: impl Fn(&Path, &Path), why: &str) {
        let directory = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let target = elsewhere.path().join("target");
        fs::write(&target, "another's").unwrap();
        let state = StateDirectory::open(directory.path()).unwrap();
        let mut files = state.files();
        for name in ["power.json", "power.json.new"] {
            put(&target, &directory.path().join(name));
        }
        let found = PowerRecord::load(&mut files);
        let Found::Broken(broken) = found else {
            panic!("{why}: {found:?}");
        };
        assert!(broken.to_string().contains(why), "{broken}");
        let record = PowerRecord::new(BootId([3; 16]), Cause::External, None);
        record.save(&mut files).unwrap();
        assert_eq!(PowerRecord::load(&mut files), Found::Record(record));
        assert_eq!(fs::read_to_string(&target).unwrap(), "another's");
        let path = directory.path().join(POWER_FILE);
        assert!(fs::symlink_metadata(path).unwrap().is_file());
    }

    #[test]
    fn a_link_or_fifo_in_a_files_place_is_neither_followed_nor_waited_for() {
        let link = |target: &Path, path: &Path| std::os::unix::fs::symlink(target, path).unwrap();
        check_in_the_way(link, "power.json is a link");
        let fifo = |_: &Path, path: &Path| {
            nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        };
        check_in_the_way(fifo, "power.json is no regular file");
    }

    #[test]
    fn an_append_goes_behind_the_end_of_a_file_that_is_there_and_is_no_link() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(directory.path()).unwrap();
        let mut files = state.files();
        let missing = files.append("log", b"no").expect_err("it is not there");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        files.write("log", b"one").unwrap();
        files.append("log", b" two").unwrap();
        files.append("log", b" three").unwrap();
        files.sync("log").unwrap();
        let content = files.read("log").unwrap();
        assert_eq!(content.as_deref(), Some(&b"one two three"[..]));

        let link = directory.path().join("link");
        std::os::unix::fs::symlink(directory.path().join("log"), link).unwrap();
        let refused = files.append("link", b"no").expect_err("it is a link");
        assert!(refused.to_string().contains("is a link"), "{refused}");
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_refused_and_told_why() {
        for (mode, expected) in [
            (0o700, true),
            (0o755, true),
            (0o777, false),
            (0o1777, false),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
            fs::set_permissions(directory.path(), permissions).unwrap();
            let opened = StateDirectory::open(directory.path());
            assert_eq!(opened.is_ok(), expected, "{mode:o}: {opened:?}");
            if let Err(refused) = opened {
                let told = refused.to_string();
                assert!(told.contains("chmod go-w"), "{told}");
            }
        }
    }
}
