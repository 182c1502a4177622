//! One service's log files: opened where an earlier agent left off, written to by the kernel,
//! rotated by renaming.

use super::archive;
use crate::core::log::index::{RECORD_BYTES, Record};
use crate::core::log::writer::Found;
use crate::core::log::{Cursor, LogLimits};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where the files of a service are.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    /// The directory and the service's name.
    base: PathBuf,
}

/// Which of the two files of a pair.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Log,
    Index,
}

impl Paths {
    pub(super) fn new(directory: &Path, name: &str) -> Self {
        Self {
            base: directory.join(name),
        }
    }

    /// `NAME.log`, or with an age `NAME.log.1`; the higher, the older.
    pub(super) fn log(&self, age: u32) -> PathBuf {
        self.path(Kind::Log, age)
    }

    /// `NAME.idx`, or with an age `NAME.idx.1`.
    pub(super) fn index(&self, age: u32) -> PathBuf {
        self.path(Kind::Index, age)
    }

    fn path(&self, kind: Kind, age: u32) -> PathBuf {
        let mut path = self.base.clone().into_os_string();
        path.push(match kind {
            Kind::Log => ".log",
            Kind::Index => ".idx",
        });
        if age > 0 {
            path.push(format!(".{age}"));
        }
        path.into()
    }

    /// Whether there is neither file of that age.
    fn is_vacant(&self, age: u32) -> bool {
        !self.log(age).exists() && !self.index(age).exists()
    }

    /// Removes a pair; the index first, so that a log without one is what an end in between
    /// leaves.
    fn remove(&self, age: u32) -> io::Result<()> {
        absent_is_fine(fs::remove_file(self.index(age)))?;
        absent_is_fine(fs::remove_file(self.log(age)))
    }

    /// Makes a pair older by one. The log goes first.
    fn age(&self, age: u32) -> io::Result<()> {
        absent_is_fine(fs::rename(self.log(age), self.log(age + 1)))?;
        absent_is_fine(fs::rename(self.index(age), self.index(age + 1)))
    }

    /// Finishes what an end between the two renamings of a pair left undone.
    fn mend(&self, keep: u32) -> io::Result<()> {
        let gone = |age: &u32| self.is_vacant(*age) && self.is_vacant(age + 1);
        for age in (0..keep).take_while(|age| !gone(age)) {
            let half = self.index(age).exists()
                && !self.log(age).exists()
                && self.log(age + 1).exists()
                && !self.index(age + 1).exists();
            if half {
                fs::rename(self.index(age), self.index(age + 1))?;
            }
        }
        Ok(())
    }

    /// Frees the place of the current pair: the others make room up to the first gap, and the
    /// oldest goes where there is none. An empty log is nothing to keep.
    fn make_room(&self, keep: u32) -> io::Result<()> {
        self.mend(keep)?;
        if fs::metadata(self.log(0)).map_or(0, |log| log.len()) == 0 {
            return Ok(());
        }
        let gap = (1..=keep).find(|age| self.is_vacant(*age));
        let last = gap.unwrap_or(keep);
        if gap.is_none() {
            self.remove(last)?;
        }
        (0..last).rev().try_for_each(|age| self.age(age))
    }

    /// Removes what is older than what is kept.
    fn prune(&self, keep: u32) -> io::Result<()> {
        (keep..u32::MAX)
            .map(|age| age + 1)
            .take_while(|age| !self.is_vacant(*age))
            .try_for_each(|age| self.remove(age))
    }
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// The current pair of a service, open for writing.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) paths: Paths,
    keep: u32,
    pub(super) log: File,
    index: File,
}

impl Files {
    /// Opens or creates the current pair. A pair whose index does not fit its log, as after a
    /// power failure, is put aside.
    pub(super) fn open(paths: Paths, limits: LogLimits) -> io::Result<(Self, Found)> {
        paths.mend(limits.keep)?;
        paths.prune(limits.keep)?;
        let mut files = Self {
            log: open(&paths.log(0))?,
            index: open(&paths.index(0))?,
            keep: limits.keep,
            paths,
        };
        let found = files.inspect()?;
        if let Some(found) = found {
            files.index.set_len(found.records * RECORD_BYTES as u64)?;
            return Ok((files, found));
        }
        let next = archive::end(&files.paths)?;
        tracing::warn!(
            log = %files.paths.log(0).display(),
            "the index does not fit the log: the file is put aside and a new one begun"
        );
        files.rotate()?;
        let found = Found {
            length: 0,
            records: 0,
            last: None,
            next,
        };
        Ok((files, found))
    }

    /// What the current pair holds; `None` if log and index are not of each other.
    fn inspect(&self) -> io::Result<Option<Found>> {
        let length = self.log.metadata()?.len();
        let records = self.index.metadata()?.len() / RECORD_BYTES as u64;
        let last = match records.checked_sub(1) {
            Some(number) => archive::record(&self.index, number)?,
            None => None,
        };
        let fits = match last {
            Some(record) => record.offset <= length,
            None => length == 0 && records == 0,
        };
        let next = if fits && last.is_none() {
            archive::end(&self.paths)?
        } else {
            Cursor(0)
        };
        Ok(fits.then_some(Found {
            length,
            records,
            last,
            next,
        }))
    }

    /// Whether the log is as long as it was left: nobody removed or emptied it.
    pub(super) fn is_untouched(&self, length: u64) -> bool {
        self.log
            .metadata()
            .is_ok_and(|log| log.len() == length && log.nlink() > 0)
    }

    pub(super) fn keep(&mut self, keep: u32) -> io::Result<()> {
        self.keep = keep;
        self.paths.prune(keep)
    }

    pub(super) fn record(&self, number: u64, record: &Record) -> io::Result<()> {
        self.index
            .write_all_at(&record.encode(), number * RECORD_BYTES as u64)
    }

    /// What the log holds of a record's chunk.
    pub(super) fn chunk(&self, record: &Record) -> io::Result<Vec<u8>> {
        archive::chunk(&self.log, record, record.end())
    }

    /// Puts the current pair aside and begins a new one. If it fails, it is to be called again.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        if self.keep == 0 {
            self.paths.remove(0)?;
        } else {
            self.paths.make_room(self.keep)?;
        }
        let log = open(&self.paths.log(0))?;
        let index = open(&self.paths.index(0))?;
        index.set_len(0)?;
        (self.log, self.index) = (log, index);
        Ok(())
    }
}

/// Not in append mode, which splice(2) refuses: nobody else writes here.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
        .map_err(|error| super::at(path, &error))
}
