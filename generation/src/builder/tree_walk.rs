//! The files and links below a directory.

use super::BuildError;
use crate::TreePath;
use crate::description::DESCRIPTION_FILE;
use crate::manifest::{FileMode, TREE_BYTES_MAX, TreeFile, TreeLink};
use lastword_protocol::ObjectHash;
use sha2::{Digest, Sha256};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The content of a directory, in the order of the paths.
#[derive(Default)]
pub(super) struct WalkedTree {
    pub(super) files: Vec<TreeFile>,
    pub(super) links: Vec<TreeLink>,
}

/// Reads everything below `top`; only files of `set_id` may have set-user-ID, set-group-ID or sticky bits.
pub(super) fn walk(top: &Path, set_id: &[TreePath]) -> Result<WalkedTree, BuildError> {
    let mut tree = WalkedTree::default();
    let mut pending = vec![PathBuf::new()];
    while let Some(relative) = pending.pop() {
        let directory = top.join(&relative);
        for entry in fs::read_dir(&directory).map_err(failed(&directory))? {
            let name = entry.map_err(failed(&directory))?.file_name();
            let relative = relative.join(name);
            if relative == Path::new(DESCRIPTION_FILE) {
                continue;
            }
            let path = top.join(&relative);
            let metadata = fs::symlink_metadata(&path).map_err(failed(&path))?;
            if metadata.is_dir() {
                pending.push(relative);
            } else {
                tree.add(&path, &tree_path(&path, &relative)?, &metadata, set_id)?;
            }
        }
    }
    for named in set_id {
        let is_there = tree.files.iter().any(|file| file.path == *named);
        if !is_there {
            let message = format!("set-id names it in {DESCRIPTION_FILE}, and it is no file there");
            return Err(fault(&top.join(named), &message));
        }
    }
    tree.files.sort_by(|one, other| one.path.cmp(&other.path));
    tree.links.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(tree)
}

impl WalkedTree {
    fn add(
        &mut self,
        path: &Path,
        relative: &TreePath,
        metadata: &Metadata,
        set_id: &[TreePath],
    ) -> Result<(), BuildError> {
        if metadata.is_symlink() {
            let target = fs::read_link(path).map_err(failed(path))?;
            let target = target.into_os_string().into_string();
            let target = target.map_err(|_| fault(path, "its target is no UTF-8"))?;
            let path = relative.clone();
            self.links.push(TreeLink { path, target });
            return Ok(());
        }
        if !metadata.is_file() {
            return Err(fault(
                path,
                "no regular file, directory or symbolic link; remove it",
            ));
        }
        // A umask of 002 is no reason to let others write to what a board runs.
        let mode = FileMode::from_stat(metadata.permissions().mode()).closed();
        if mode.is_special() && !set_id.contains(relative) {
            let message = format!(
                "mode {mode} has a set-ID or sticky bit; if it is meant, say set-id \"{relative}\" in {DESCRIPTION_FILE}"
            );
            return Err(fault(path, &message));
        }
        if metadata.len() > TREE_BYTES_MAX {
            let message = format!("larger than {TREE_BYTES_MAX} bytes");
            return Err(fault(path, &message));
        }
        let (sha256, size) = hash(path).map_err(failed(path))?;
        let path = relative.clone();
        self.files.push(TreeFile {
            path,
            sha256,
            size,
            mode,
        });
        Ok(())
    }
}

/// The bytes that are read at once.
const STEP_BYTES: usize = 64 << 10;

fn hash(path: &Path) -> io::Result<(ObjectHash, u64)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut step = vec![0; STEP_BYTES];
    let mut size = 0;
    loop {
        let length = file.read(&mut step)?;
        let Some(bytes) = step.get(..length).filter(|bytes| !bytes.is_empty()) else {
            return Ok((ObjectHash(hash.finalize().into()), size));
        };
        hash.update(bytes);
        size += bytes.len() as u64;
    }
}

fn tree_path(path: &Path, relative: &Path) -> Result<TreePath, BuildError> {
    let text = relative
        .to_str()
        .ok_or_else(|| fault(path, "its name is no UTF-8"))?;
    TreePath::new(text).map_err(|error| fault(path, &error.to_string()))
}

fn fault(path: &Path, fault: &str) -> BuildError {
    let (path, fault) = (path.to_owned(), fault.to_owned());
    BuildError::Tree { path, fault }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> BuildError {
    let path = path.to_owned();
    |source| BuildError::Io { path, source }
}
