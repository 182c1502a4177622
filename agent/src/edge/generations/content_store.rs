//! The contents that were moved to the board and are in no tree yet.

use super::trees::ContentSource;
use crate::edge::objects::ObjectService;
use crate::edge::regular_file::open_regular;
use lastword_protocol::ObjectHash;
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The name of their directory in the directory of generations.
const DIRECTORY: &str = "contents";
/// The end of the name of a content that is being written.
const UNFINISHED: &str = ".new";
/// Nobody but the agent has to do with them.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// The contents in a directory of generations, and behind them the objects of the board's store.
#[derive(Clone)]
pub(super) struct ContentStore {
    directory: PathBuf,
    objects: ObjectService,
}

impl ContentStore {
    /// Opens the contents, and removes what an earlier life has not finished.
    pub(super) fn open(generations: &Path, objects: ObjectService) -> io::Result<Self> {
        let directory = generations.join(DIRECTORY);
        let mut builder = DirBuilder::new();
        builder
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(&directory)?;
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|it| it == &UNFINISHED[1..]) {
                fs::remove_file(path)?;
            }
        }
        Ok(Self { directory, objects })
    }

    /// Returns whether a content is there, here or as an object.
    pub(super) fn has(&self, hash: ObjectHash) -> bool {
        fs::symlink_metadata(self.path(hash)).is_ok()
            || matches!(self.objects.open_object(hash), Ok(Some(_)))
    }

    /// Writes a content with `write`, and keeps it if that succeeds. On return it is durable.
    pub(super) fn save<E: From<io::Error>>(
        &self,
        hash: ObjectHash,
        write: impl FnOnce(&mut File) -> Result<(), E>,
    ) -> Result<(), E> {
        let unfinished = self.directory.join(format!("{hash}{UNFINISHED}"));
        let mut options = OpenOptions::new();
        options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE_MODE);
        let mut file = options.open(&unfinished)?;
        let written = write(&mut file).and_then(|()| Ok(file.sync_all()?));
        if let Err(error) = written {
            // What is left of it is removed at the next start at the latest.
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        fs::rename(&unfinished, self.path(hash))?;
        Ok(self.sync_names()?)
    }

    /// Keeps the file of a tree as a content, unless that is there or the file is gone. It is durable after
    /// [`ContentStore::sync_names`].
    pub(super) fn link(&self, hash: ObjectHash, file: &Path) -> io::Result<()> {
        match fs::hard_link(file, self.path(hash)) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound
                ) =>
            {
                Ok(())
            }
            linked => linked,
        }
    }

    /// Makes the names of the contents durable.
    pub(super) fn sync_names(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }

    /// Removes a content, if it is there.
    pub(super) fn remove(&self, hash: ObjectHash) -> io::Result<()> {
        match fs::remove_file(self.path(hash)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Removes all contents but these.
    pub(super) fn retain(&self, needed: &BTreeSet<ObjectHash>) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let hash = name
                .to_str()
                .and_then(|name| name.parse::<ObjectHash>().ok());
            if hash.is_some_and(|hash| !needed.contains(&hash)) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn path(&self, hash: ObjectHash) -> PathBuf {
        self.directory.join(hash.to_string())
    }
}

impl ContentSource for ContentStore {
    fn open_content(&self, hash: ObjectHash) -> io::Result<Option<File>> {
        match open_regular(&self.path(hash)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.objects.open_object(hash),
            Err(error) => Err(error),
        }
    }
}
