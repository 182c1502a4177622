//! What the log files of a service are called, and how they grow older by being renamed.

use std::fs;
use std::io;
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

    /// Makes the directory anew where somebody has removed it.
    pub(super) fn make_directory(&self) -> io::Result<()> {
        super::make(self.base.parent().unwrap_or(Path::new("/")))
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
    pub(super) fn is_vacant(&self, age: u32) -> bool {
        !self.log(age).exists() && !self.index(age).exists()
    }

    /// Removes a pair; the index first, so that a log without one is what an end in between
    /// leaves.
    pub(super) fn remove(&self, age: u32) -> io::Result<()> {
        absent_is_fine(fs::remove_file(self.index(age)))?;
        absent_is_fine(fs::remove_file(self.log(age)))
    }

    /// Makes a pair older by one. The log goes first.
    pub(super) fn age(&self, age: u32) -> io::Result<()> {
        absent_is_fine(fs::rename(self.log(age), self.log(age + 1)))?;
        absent_is_fine(fs::rename(self.index(age), self.index(age + 1)))
    }

    /// Finishes what an end between the two renamings of a pair left undone.
    pub(super) fn mend(&self, keep: u32) -> io::Result<()> {
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
    pub(super) fn make_room(&self, keep: u32) -> io::Result<()> {
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
    pub(super) fn prune(&self, keep: u32) -> io::Result<()> {
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
