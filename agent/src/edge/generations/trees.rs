//! The trees: a directory for each generation that was realised, never changed afterwards.
//!
//! A tree is built under another name and gets its own when all of it is durable. A file that an earlier tree has with the
//! same content and mode is the same file, by a hard link, after its content was compared with its hash.

mod build;
mod tree_check;

use crate::edge::durable_calls;
use crate::edge::generation_link::{TREES, tree_name};
use lastword_generation::Manifest;
use lastword_protocol::{Generation, ObjectHash};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub use tree_check::TreeFault;

/// The end of the name of a tree that is being built.
const UNFINISHED: &str = ".new";
/// The mode of directories: services of other users run what is in there.
const DIRECTORY_MODE: u32 = 0o755;

/// The trees in a directory of generations.
#[derive(Clone, Debug)]
pub struct GenerationTrees {
    directory: PathBuf,
}

/// A tree that is there, whose files may be used for another one.
#[derive(Clone, Copy, Debug)]
pub struct KnownTree<'m> {
    /// The generation.
    pub generation: Generation,
    /// Its manifest.
    pub manifest: &'m Manifest,
}

/// A source of contents that no tree has.
pub trait ContentSource {
    /// Opens a content by its hash; `None` if it is not there. It is compared with its hash by whoever reads it.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn open_content(&self, hash: ObjectHash) -> io::Result<Option<File>>;
}

/// A reason why a tree cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum RealiseError {
    /// A content is missing.
    #[error("{path}: its content {hash} is not on the board")]
    Missing {
        /// A file with that content.
        path: String,
        /// The content.
        hash: ObjectHash,
    },
    /// A content is another than its name says.
    #[error("{path}: digest mismatch: expected={expected} actual={actual}")]
    Digest {
        /// A file with that content.
        path: String,
        /// The hash that the manifest says.
        expected: ObjectHash,
        /// The hash of what is there.
        actual: ObjectHash,
    },
    /// There is no room for it.
    #[error("no space: {needed} bytes are needed, {free} are free")]
    NoSpace {
        /// The bytes of files that no tree has.
        needed: u64,
        /// The room there is.
        free: u64,
    },
    /// A content is longer or shorter than the manifest says.
    #[error("{path}: its content is not {size} bytes long")]
    Length {
        /// A file with that content.
        path: String,
        /// The length that the manifest says.
        size: u64,
    },
    /// The disk refuses.
    #[error("{}: {source}", path.display())]
    Disk {
        /// The file or directory.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

impl GenerationTrees {
    /// Opens the trees in `directory`, which is made if it is missing, and removes what an earlier life has not
    /// finished.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    pub fn open(directory: PathBuf) -> io::Result<Self> {
        let trees = directory.join(TREES);
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(&trees)?;
        for made in [&directory, &trees] {
            // The umask may have taken from it.
            fs::set_permissions(made, Permissions::from_mode(DIRECTORY_MODE))?;
        }
        // A name that an earlier life has taken away is gone before anything that it led to is: a tree is never half there.
        durable_calls::sync_directory(&trees)?;
        for entry in fs::read_dir(&trees)? {
            let entry = entry?;
            let path = entry.path();
            if path.extension().is_none_or(|it| it != &UNFINISHED[1..]) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(path)?;
            } else {
                fs::remove_file(path)?;
            }
        }
        for named in [Some(&*directory), directory.parent()] {
            let named = named.filter(|path| *path != Path::new(""));
            durable_calls::sync_directory(named.unwrap_or(Path::new(".")))?;
        }
        Ok(Self { directory })
    }

    /// The path of a generation's tree.
    #[must_use]
    pub fn path(&self, generation: Generation) -> PathBuf {
        self.directory.join(TREES).join(tree_name(generation))
    }

    /// Builds the tree of a generation, from the trees that are known and from `contents`. On return all of it is
    /// there and durable. A tree that is there already is compared with its manifest; if it differs, it is built anew and
    /// changes places with the new one.
    ///
    /// # Errors
    ///
    /// [`RealiseError`]: nothing of a new tree is there then, and nothing was written if there is no space.
    pub fn realise(
        &self,
        generation: Generation,
        manifest: &Manifest,
        known: &[KnownTree<'_>],
        contents: &dyn ContentSource,
    ) -> Result<(), RealiseError> {
        let path = self.path(generation);
        let is_there = fs::symlink_metadata(&path).is_ok();
        if is_there {
            match self.check(generation, manifest) {
                // Its name may be what an earlier life could not make durable.
                Ok(()) => return durable_calls::sync_directory(&self.top()).map_err(disk(&path)),
                Err(fault) => {
                    tracing::warn!(target: "agent_activation", %generation, %fault,
                        "a tree was changed; building it anew");
                }
            }
        }
        // What is still sound of a damaged one is used for the new one.
        let own = KnownTree {
            generation,
            manifest,
        };
        let known = [known, &[own][..usize::from(is_there)]].concat();
        let unfinished = self.unfinished(generation);
        let built = build::build(self, &unfinished, manifest, &known, contents);
        let named = built.and_then(|()| {
            put_in_place(&unfinished, &path, is_there).map_err(disk(&path))?;
            durable_calls::sync_directory(&self.top()).map_err(disk(&path))
        });
        // What is left of the old one, or of what could not be built. If it cannot be removed now, it is at the next start.
        let _ = fs::remove_dir_all(&unfinished);
        named
    }

    /// Compares a tree with its manifest: each content, mode and target, and that nothing else is there.
    ///
    /// # Errors
    ///
    /// [`TreeFault`]: the first difference.
    pub fn check(&self, generation: Generation, manifest: &Manifest) -> Result<(), TreeFault> {
        tree_check::check(&self.path(generation), manifest)
    }

    /// Removes a tree, if it is there. Its name is gone first, so that there is never half of one.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    pub fn remove(&self, generation: Generation) -> io::Result<()> {
        let unfinished = self.unfinished(generation);
        let renamed = durable_calls::rename(&self.path(generation), &unfinished);
        // An earlier removal may have failed behind it.
        unless_missing(renamed)?;
        durable_calls::sync_directory(&self.top())?;
        unless_missing(fs::remove_dir_all(unfinished))
    }

    /// Returns the generations whose trees are there.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    pub fn list(&self) -> io::Result<Vec<Generation>> {
        let mut generations: Vec<Generation> = Vec::new();
        for entry in fs::read_dir(self.directory.join(TREES))? {
            let name = entry?.file_name();
            generations.extend(
                name.to_str()
                    .and_then(|name| name.parse::<Generation>().ok()),
            );
        }
        Ok(generations)
    }

    fn unfinished(&self, generation: Generation) -> PathBuf {
        let name = format!("{}{UNFINISHED}", tree_name(generation));
        self.directory.join(TREES).join(name)
    }

    /// The directory of all trees.
    fn top(&self) -> PathBuf {
        self.directory.join(TREES)
    }
}

/// Gives a finished tree its name. One that is there changes places with it, so that nobody who uses the name finds
/// nothing.
fn put_in_place(unfinished: &Path, path: &Path, is_there: bool) -> io::Result<()> {
    if !is_there {
        return durable_calls::rename(unfinished, path);
    }
    durable_calls::exchange(unfinished, path)
}

/// Takes it for done if there is nothing to do it to.
fn unless_missing(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Returns the error of the disk at a path.
fn disk(path: &Path) -> impl FnOnce(io::Error) -> RealiseError {
    let path = path.to_owned();
    |source| RealiseError::Disk { path, source }
}

#[cfg(test)]
mod tests;
