//! Files that make the next time faster, in the directory of the user's caches.

use etcetera::BaseStrategy;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Opens a directory of the user's caches; `None` without a home.
pub(crate) fn open(name: &str) -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    let directory = strategy.cache_dir().join("lastword").join(name);
    fs::create_dir_all(&directory).ok()?;
    Some(directory)
}

/// Removes the oldest files of a directory until the others have no more bytes than these.
pub(crate) fn trim(directory: &Path, bytes_max: u64) -> io::Result<()> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        kept.push((metadata.modified()?, metadata.len(), entry.path()));
    }
    kept.sort();
    let mut bytes: u64 = kept.iter().map(|(_, length, _)| length).sum();
    for (_, length, path) in kept {
        if bytes <= bytes_max {
            break;
        }
        fs::remove_file(path)?;
        bytes -= length;
    }
    Ok(())
}
