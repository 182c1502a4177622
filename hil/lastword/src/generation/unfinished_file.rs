//! The file that is being written, under a name of its own until it is whole.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::{Builder, NamedTempFile};

/// The path of the file, if one is being written: a signal ends the process without dropping what its threads hold.
static UNFINISHED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// A file on its way. Dropped before [`UnfinishedFile::finish`], nothing of it is left.
pub(crate) struct UnfinishedFile(NamedTempFile);

impl UnfinishedFile {
    /// Makes a new file beside `output`: nobody else's, whatever is there.
    pub(crate) fn beside(output: &Path) -> io::Result<Self> {
        use std::os::unix::fs::PermissionsExt;
        let directory = match output.parent() {
            Some(directory) if directory != Path::new("") => directory,
            _ => Path::new("."),
        };
        // The umask takes from that what it does from every new file.
        let mode = fs::Permissions::from_mode(NEW_FILE_MODE);
        let mut builder = Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX).permissions(mode);
        let mut path = path();
        let file = builder.tempfile_in(directory)?;
        *path = Some(file.path().to_owned());
        Ok(Self(file))
    }

    /// The file, to be written to.
    pub(crate) fn writer(&mut self) -> &mut impl Write {
        &mut self.0
    }

    /// Makes the file durable and gives it its name, in place of what has it; returns its length in bytes.
    pub(crate) fn finish(self, output: &Path) -> io::Result<u64> {
        let file = self.0.as_file();
        file.sync_all()?;
        let length = file.metadata()?.len();
        let mut path = path();
        let named = self.0.persist(output);
        *path = None;
        named.map_err(|error| error.error)?;
        Ok(length)
    }
}

/// Removes the file that is being written, if there is one: the process ends.
pub(super) fn remove() {
    if let Some(path) = path().take() {
        // It may be gone already.
        let _ = fs::remove_file(path);
    }
}

fn path() -> MutexGuard<'static, Option<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

const PREFIX: &str = ".lastword-";
const SUFFIX: &str = ".part";
const NEW_FILE_MODE: u32 = 0o666;
