//! One service's log files: opened where an earlier agent left off, written to by the kernel,
//! rotated by renaming.

use super::archive;
use super::paths::Paths;
use crate::core::log::index::{RECORD_BYTES, Record};
use crate::core::log::writer::Found;
use crate::core::log::{Cursor, LogLimits};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

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
        paths.make_directory()?;
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
        self.paths.make_directory()?;
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
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    open_file(options.mode(0o640), path)
}

/// Opens a regular file: follows no link, waits for nobody.
pub(super) fn open_file(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let options = options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let at = |error| super::at(path, &error);
    let file = options.open(path).map_err(at)?;
    if file.metadata().map_err(at)?.is_file() {
        return Ok(file);
    }
    Err(at(io::Error::other("not a regular file; remove it")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[track_caller]
    fn check(put: impl FnOnce(&Path, &Path)) {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, target) = (directory.path().join("a.log"), directory.path().join("b"));
        fs::write(&target, "another's").expect("ours");
        put(&target, &path);
        let mut to_read = OpenOptions::new();
        open_file(to_read.read(true), &path).expect_err("to read");
        open(&path).expect_err("to write");
        assert_eq!(fs::read(&target).expect("ours"), b"another's");
    }

    #[test]
    fn a_link_or_fifo_in_a_logs_place_is_neither_followed_nor_waited_for() {
        check(|target, path| symlink(target, path).expect("ours"));
        check(|_, path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).expect("ours"));
        check(|_, path| fs::create_dir(path).expect("ours"));
    }
}
