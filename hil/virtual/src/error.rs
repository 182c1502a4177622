//! Why a virtual board does not run, or does not do what it was told.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use crate::program::ProgramError;
use crate::qmp::QmpError;

/// Why a virtual board does not run, or does not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// A program of the host is missing or failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A file of the board could not be made, opened or read.
    #[error("cannot {action} {}", .path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// QEMU has ended, on its own or because the board switched itself off.
    #[error("QEMU has ended ({status}): {stderr}")]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// What it wrote on its standard error, trimmed.
        stderr: String,
    },
    /// QEMU runs but does not do what it was told.
    #[error(transparent)]
    Qmp(#[from] QmpError),
    /// What was waited for did not happen.
    #[error("{awaited} did not happen within {} ms; see {}", .within_ms, .see.display())]
    Late {
        /// What was waited for.
        awaited: String,
        /// How long.
        within_ms: u128,
        /// The file that may tell why.
        see: PathBuf,
    },
}

/// Names the file and the action in the error of `result`.
pub(crate) fn file<T>(
    path: &Path,
    action: &'static str,
    result: io::Result<T>,
) -> Result<T, BoardError> {
    result.map_err(|source| BoardError::File {
        action,
        path: path.to_owned(),
        source,
    })
}

/// Makes a board's directory unless it is there.
pub(crate) fn directory(path: &Path) -> Result<(), BoardError> {
    file(path, "make the directory", std::fs::create_dir_all(path))
}
