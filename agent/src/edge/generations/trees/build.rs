//! The building of a tree.

use super::{ContentSource, DIRECTORY_MODE, GenerationTrees, KnownTree, RealiseError, disk};
use crate::edge::durable_calls;
use crate::edge::regular_file::open_regular;
use lastword_generation::manifest::{FileMode, TreeFile};
use lastword_generation::{Manifest, TreePath};
use lastword_protocol::ObjectHash;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// The bytes that are moved at once.
const STEP_BYTES: usize = 64 << 10;
/// The mode of a file that is being written.
const WRITING_MODE: u32 = 0o600;

/// The files of known trees by content, with their modes.
type KnownFiles = HashMap<ObjectHash, Vec<(FileMode, PathBuf)>>;

/// Builds a tree at `top`, where nothing is.
pub(super) fn build(
    trees: &GenerationTrees,
    top: &Path,
    manifest: &Manifest,
    known: &[KnownTree<'_>],
    contents: &dyn ContentSource,
) -> Result<(), RealiseError> {
    match fs::remove_dir_all(top) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(disk(top)(error)),
        _ => {}
    }
    let known = known_files(trees, known);
    check_space(top, manifest, &known)?;
    let directories = make_directories(top, manifest)?;
    for file in &manifest.files {
        let path = top.join(&file.path);
        let known = known.get(&file.sha256).map_or(&[][..], Vec::as_slice);
        if !known.iter().any(|known| link(known, file, &path)) {
            write(file, &path, known, contents)?;
        }
    }
    for link in &manifest.links {
        let path = top.join(&link.path);
        symlink(&link.target, &path).map_err(disk(&path))?;
    }
    // The innermost first, so that a name is durable when its directory is.
    for directory in directories.iter().rev() {
        durable_calls::sync_directory(directory).map_err(disk(directory))?;
    }
    Ok(())
}

fn known_files(trees: &GenerationTrees, known: &[KnownTree<'_>]) -> KnownFiles {
    let mut files = KnownFiles::new();
    for tree in known {
        let top = trees.path(tree.generation);
        for file in &tree.manifest.files {
            let known = files.entry(file.sha256).or_default();
            known.push((file.mode, top.join(&file.path)));
        }
    }
    files
}

/// Refuses what cannot fit before anything is written.
fn check_space(top: &Path, manifest: &Manifest, known: &KnownFiles) -> Result<(), RealiseError> {
    let new = manifest.files.iter();
    let new = new.filter(|file| !known.contains_key(&file.sha256));
    let needed: u64 = new.map(|file| file.size).sum();
    let parent = top.parent().unwrap_or(top);
    let room = rustix::fs::statvfs(parent).map_err(|error| disk(parent)(error.into()))?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    if free < needed {
        return Err(RealiseError::NoSpace { needed, free });
    }
    Ok(())
}

/// Makes the directories of a tree; returns them, the outermost first.
fn make_directories(top: &Path, manifest: &Manifest) -> Result<BTreeSet<PathBuf>, RealiseError> {
    let files = manifest.files.iter().map(|file| &file.path);
    let paths = files.chain(manifest.links.iter().map(|link| &link.path));
    let parents = paths.flat_map(TreePath::parents);
    let mut directories: BTreeSet<PathBuf> = parents.map(|parent| top.join(parent)).collect();
    directories.insert(top.to_owned());
    for directory in &directories {
        // A parent comes before what is in it.
        let made = DirBuilder::new().mode(DIRECTORY_MODE).create(directory);
        // The umask may have taken from it.
        let open = Permissions::from_mode(DIRECTORY_MODE);
        let made = made.and_then(|()| fs::set_permissions(directory, open));
        made.map_err(disk(directory))?;
    }
    Ok(directories)
}

/// Makes the file of another tree one of this, too, if its content is still what it was; returns whether it is. One with a
/// set-ID bit stays its tree's own, so that it ends with that.
fn link((mode, known): &(FileMode, PathBuf), file: &TreeFile, path: &Path) -> bool {
    let may_be_shared = *mode == file.mode && !file.mode.is_special();
    let is_same = may_be_shared && super::tree_check::check_file(known, file).is_ok();
    // Where that cannot be, it is copied.
    is_same && fs::hard_link(known, path).is_ok()
}

/// Writes a file from the first copy of its content that is sound: of a known tree, or of those that no tree has.
fn write(
    file: &TreeFile,
    path: &Path,
    known: &[(FileMode, PathBuf)],
    contents: &dyn ContentSource,
) -> Result<(), RealiseError> {
    for (_, known) in known {
        if let Ok(known) = open_regular(known)
            && copy(file, path, known).is_ok()
        {
            return Ok(());
        }
    }
    let content = contents.open_content(file.sha256).map_err(disk(path))?;
    let content = content.ok_or_else(|| RealiseError::Missing {
        path: file.path.to_string(),
        hash: file.sha256,
    })?;
    copy(file, path, content)
}

/// Writes a file from its content, which is compared with its length and hash on the way.
fn copy(file: &TreeFile, path: &Path, content: File) -> Result<(), RealiseError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let opened = options.mode(WRITING_MODE).open(path);
    let mut out = opened.map_err(disk(path))?;
    let mut content = content.take(file.size.saturating_add(1));
    let mut hash = Sha256::new();
    let mut step = vec![0; STEP_BYTES];
    let mut copied = 0;
    loop {
        let length = content.read(&mut step).map_err(disk(path))?;
        let Some(bytes) = step.get(..length).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        hash.update(bytes);
        copied += bytes.len() as u64;
        out.write_all(bytes).map_err(disk(path))?;
    }
    let actual = ObjectHash(hash.finalize().into());
    let (at, size, expected) = (file.path.to_string(), file.size, file.sha256);
    if copied != size {
        return Err(RealiseError::Length { path: at, size });
    }
    if actual != expected {
        return Err(RealiseError::Digest {
            path: at,
            expected,
            actual,
        });
    }
    let mode = Permissions::from_mode(file.mode.bits());
    let finished = out.set_permissions(mode);
    let finished = finished.and_then(|()| durable_calls::sync_file(&out, path));
    finished.map_err(disk(path))
}
