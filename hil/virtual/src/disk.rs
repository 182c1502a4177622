//! The board's disk: a file on the host with an ext4 file system, kept from one start to the next.

use std::path::Path;

use crate::error::{self, BoardError};
use crate::program;

/// Makes a disk of `size_mib` at `path` unless one is there. Blocks for some ten milliseconds.
///
/// # Errors
///
/// [`BoardError`] if the file system cannot be made.
pub(crate) fn ensure(path: &Path, size_mib: u32) -> Result<(), BoardError> {
    if path.exists() {
        return Ok(());
    }
    // Made aside and renamed: half a file system left by an interrupted start is not a disk.
    let unfinished = path.with_extension("new");
    let mut make = program::command("mke2fs")?;
    make.args(["-q", "-F", "-t", "ext4", "-m", "0"])
        .arg(&unfinished)
        .arg(format!("{size_mib}M"));
    program::output(&mut make)?;
    error::file(path, "make the disk", std::fs::rename(&unfinished, path))
}
