//! The comparison of a tree with its manifest.

use super::DIRECTORY_MODE;
use crate::edge::regular_file::open_regular;
use lastword_generation::manifest::{FileMode, TreeFile, TreeLink};
use lastword_generation::{Manifest, TreePath};
use lastword_protocol::ObjectHash;
use nix::unistd::Uid;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A difference between a tree and its manifest.
#[derive(Debug, thiserror::Error)]
pub enum TreeFault {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// It is no file, or no link, of this mode, length or target.
    #[error("{}: {fault}", path.display())]
    Different {
        /// The file or link.
        path: PathBuf,
        /// The difference.
        fault: &'static str,
    },
    /// Its content is another.
    #[error("{}: digest mismatch: expected={expected} actual={actual}", path.display())]
    Digest {
        /// The file.
        path: PathBuf,
        /// The hash that the manifest says.
        expected: ObjectHash,
        /// The hash of what is there.
        actual: ObjectHash,
    },
    /// The manifest does not name it.
    #[error("{}: does not belong to the generation", path.display())]
    Extra {
        /// The file, link or directory.
        path: PathBuf,
    },
}

/// The bytes that are read at once.
const STEP_BYTES: usize = 64 << 10;

/// Compares a tree with its manifest.
pub(super) fn check(top: &Path, manifest: &Manifest) -> Result<(), TreeFault> {
    // Nothing below is looked at by way of a link.
    check_directories(top, manifest)?;
    for file in &manifest.files {
        check_file(&top.join(&file.path), file)?;
    }
    for link in &manifest.links {
        check_link(&top.join(&link.path), link)?;
    }
    check_extras(top, manifest)
}

/// Compares a file with its entry.
pub(super) fn check_file(path: &Path, file: &TreeFile) -> Result<(), TreeFault> {
    let different = |fault| {
        let path = path.to_owned();
        Err(TreeFault::Different { path, fault })
    };
    let metadata = fs::symlink_metadata(path).map_err(unreadable(path))?;
    if !metadata.is_file() {
        return different("no regular file");
    }
    if FileMode::from_stat(metadata.permissions().mode()) != file.mode {
        return different("another mode");
    }
    if metadata.uid() != Uid::effective().as_raw() {
        return different("another owner");
    }
    if metadata.len() != file.size {
        return different("another length");
    }
    let actual = hash(path).map_err(unreadable(path))?;
    if actual != file.sha256 {
        let (path, expected) = (path.to_owned(), file.sha256);
        return Err(TreeFault::Digest {
            path,
            expected,
            actual,
        });
    }
    Ok(())
}

/// Checks that the directories are directories, that nobody else may write to, the outermost first.
fn check_directories(top: &Path, manifest: &Manifest) -> Result<(), TreeFault> {
    let files = manifest.files.iter().map(|file| &file.path);
    let paths = files.chain(manifest.links.iter().map(|link| &link.path));
    let parents = paths.flat_map(TreePath::parents);
    let mut directories: BTreeSet<PathBuf> = parents.map(|parent| top.join(parent)).collect();
    directories.insert(top.to_owned());
    for directory in directories {
        let metadata = fs::symlink_metadata(&directory).map_err(unreadable(&directory))?;
        let mode = FileMode::from_stat(metadata.permissions().mode());
        let is_own = metadata.uid() == Uid::effective().as_raw();
        let fault = if !metadata.is_dir() {
            "no directory"
        } else if mode.bits() != DIRECTORY_MODE || !is_own {
            "a directory of another mode or owner"
        } else {
            continue;
        };
        let path = directory;
        return Err(TreeFault::Different { path, fault });
    }
    Ok(())
}

fn check_link(path: &Path, link: &TreeLink) -> Result<(), TreeFault> {
    let target = fs::read_link(path).map_err(unreadable(path))?;
    if target == Path::new(&link.target) {
        return Ok(());
    }
    let (path, fault) = (path.to_owned(), "another target");
    Err(TreeFault::Different { path, fault })
}

/// Finds what the manifest does not name.
fn check_extras(top: &Path, manifest: &Manifest) -> Result<(), TreeFault> {
    let files = manifest.files.iter().map(|file| &file.path);
    let paths = files.chain(manifest.links.iter().map(|link| &link.path));
    let mut names = HashSet::new();
    for path in paths {
        names.insert(path.as_str());
        names.extend(path.parents());
    }
    let mut pending = vec![PathBuf::new()];
    while let Some(relative) = pending.pop() {
        let directory = top.join(&relative);
        for entry in fs::read_dir(&directory).map_err(unreadable(&directory))? {
            let entry = entry.map_err(unreadable(&directory))?;
            let relative = relative.join(entry.file_name());
            if relative.to_str().is_none_or(|name| !names.contains(name)) {
                let path = entry.path();
                return Err(TreeFault::Extra { path });
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                pending.push(relative);
            }
        }
    }
    Ok(())
}

fn hash(path: &Path) -> io::Result<ObjectHash> {
    let mut file = open_regular(path)?;
    let mut hash = Sha256::new();
    let mut step = vec![0; STEP_BYTES];
    loop {
        let length = file.read(&mut step)?;
        let Some(bytes) = step.get(..length).filter(|bytes| !bytes.is_empty()) else {
            return Ok(ObjectHash(hash.finalize().into()));
        };
        hash.update(bytes);
    }
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> TreeFault {
    let path = path.to_owned();
    |source| TreeFault::Unreadable { path, source }
}
