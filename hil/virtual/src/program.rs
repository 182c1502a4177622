//! Runs the host's programs to their end and keeps what they said when they fail.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::prerequisites;

/// A program of the host that did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It is neither on `PATH` nor in the administrator's directories.
    #[error("the program `{program}` is not installed; {remedy}")]
    Missing {
        /// The program's name.
        program: String,
        /// What to do about it.
        remedy: String,
    },
    /// It is there but cannot be started.
    #[error("cannot start `{command}`")]
    Start {
        /// The whole command.
        command: String,
        /// Why not.
        source: io::Error,
    },
    /// It ran and reported failure.
    #[error("`{command}` failed ({status}): {stderr}")]
    Failed {
        /// The whole command.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote on its standard error, trimmed.
        stderr: String,
    },
}

/// Returns the path of the program `name`, looked for on `PATH` and in the administrator's
/// directories.
///
/// A user's `PATH` on Debian has neither `mke2fs` nor `ip`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    find_in(
        name,
        std::env::split_paths(&path).chain(ADMINISTRATOR.map(PathBuf::from)),
    )
}

/// Returns the path of the program `name` as text.
///
/// # Errors
///
/// [`ProgramError::Missing`] if it is not installed.
pub(crate) fn path(name: &str) -> Result<String, ProgramError> {
    let path = find(name).ok_or_else(|| ProgramError::Missing {
        program: name.to_owned(),
        remedy: prerequisites::remedy(name),
    })?;
    Ok(path.to_string_lossy().into_owned())
}

/// Returns a command for the program `name`, with messages in English so that they can be parsed.
///
/// # Errors
///
/// [`ProgramError::Missing`] if it is not installed.
pub(crate) fn command(name: &str) -> Result<Command, ProgramError> {
    let mut command = Command::new(path(name)?);
    command.env("LC_ALL", "C").stdin(Stdio::null());
    Ok(command)
}

/// Runs `command` to its end and returns what it wrote on its standard output.
///
/// # Errors
///
/// [`ProgramError`] if it cannot be started or reports failure.
pub(crate) fn output(command: &mut Command) -> Result<String, ProgramError> {
    let output = command.output().map_err(|source| ProgramError::Start {
        command: spelled(command),
        source,
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(ProgramError::Failed {
        command: spelled(command),
        status: output.status,
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

fn find_in(name: &str, mut directories: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    directories.find_map(|directory| {
        let path = directory.join(name);
        path.is_file().then_some(path)
    })
}

fn spelled(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    let words: Vec<_> = std::iter::once(program)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect();
    words.join(" ")
}

const ADMINISTRATOR: [&str; 2] = ["/usr/sbin", "/sbin"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_directory_that_has_the_program_wins() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let directories = || [first.path().to_owned(), second.path().to_owned()].into_iter();
        assert_eq!(find_in("ip", directories()), None);
        std::fs::write(second.path().join("ip"), "").unwrap();
        assert_eq!(find_in("ip", directories()), Some(second.path().join("ip")));
        std::fs::write(first.path().join("ip"), "").unwrap();
        assert_eq!(find_in("ip", directories()), Some(first.path().join("ip")));
    }

    #[test]
    fn a_failure_carries_the_command_and_its_words() {
        let mut command = command("sh").unwrap();
        let error = output(command.args(["-c", "echo no disk >&2; exit 3"])).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("`sh -c"), "{text}");
        assert!(text.ends_with("no disk"), "{text}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = command("lastword-has-no-such-program").unwrap_err();
        assert!(
            error.to_string().contains("lastword-has-no-such-program"),
            "{error}"
        );
    }
}
