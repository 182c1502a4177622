//! The platform's own program for a graceful operation, found and opened before it is needed.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where to look when PATH is not set, as an init may leave it.
const FALLBACK_PATH: &str = "/sbin:/usr/sbin:/bin:/usr/bin";

/// A program that is open: it can be started even if its file goes away.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
    file: File,
    name: String,
    arguments: Vec<String>,
    is_script: bool,
}

impl Program {
    /// Finds and opens the program, of which `words` are the name or path and the arguments.
    pub(super) fn open(words: &[String]) -> io::Result<Self> {
        let (name, arguments) = words
            .split_first()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let path = find(name)?;
        let mut file = File::open(&path)?;
        let mut magic = [0; 2];
        let is_script = file.read(&mut magic)? == 2 && magic == *b"#!";
        Ok(Self {
            path,
            file,
            name: name.clone(),
            arguments: arguments.to_vec(),
            is_script,
        })
    }

    /// Runs it to its end. Returns its exit code, 0 if it says that all went well; the board is
    /// then on its way down, or was not told.
    pub(super) fn run(self) -> u16 {
        let ended = self.command().status();
        match ended {
            Ok(status) => {
                tracing::info!(target: "power", program = %self.path.display(), %status, "ended");
                u16::try_from(status.code().unwrap_or(i32::from(u8::MAX))).unwrap_or(u16::MAX)
            }
            Err(error) => {
                tracing::error!(target: "power", program = %self.path.display(), %error, "failed");
                u16::try_from(error.raw_os_error().unwrap_or(i32::MAX)).unwrap_or(u16::MAX)
            }
        }
    }

    fn command(&self) -> Command {
        // A script is opened again by its interpreter, to which our descriptor is closed.
        let mut command = if self.is_script {
            Command::new(&self.path)
        } else {
            Command::new(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
        };
        command
            .arg0(&self.name)
            .args(&self.arguments)
            .stdin(Stdio::null());
        command
    }
}

/// The file behind a name: a path as it is, anything else by way of PATH.
fn find(name: &str) -> io::Result<PathBuf> {
    let is_program = |path: &Path| {
        path.metadata()
            .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    let missing = || io::Error::new(io::ErrorKind::NotFound, format!("no program {name}"));
    if name.contains('/') {
        let path = PathBuf::from(name);
        return if is_program(&path) {
            Ok(path)
        } else {
            Err(missing())
        };
    }
    let path = env::var_os("PATH").unwrap_or_else(|| FALLBACK_PATH.into());
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|path| is_program(path))
        .ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_program_that_is_not_there_fails_before_anything_is_promised() {
        assert!(Program::open(&words("/nonexistent/reboot")).is_err());
        assert!(Program::open(&words("no-such-program-anywhere")).is_err());
        assert!(
            Program::open(&words("/etc/passwd")).is_err(),
            "not executable"
        );
        assert!(Program::open(&[]).is_err());
    }

    #[test]
    fn its_exit_code_is_the_result() {
        assert_eq!(
            Program::open(&words("true")).map(Program::run).ok(),
            Some(0)
        );
        assert_eq!(
            Program::open(&words("false")).map(Program::run).ok(),
            Some(1)
        );
        let script = tempfile::tempdir().unwrap();
        let path = script.path().join("program");
        std::fs::write(&path, "#!/bin/sh\nexit $1\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let words = [path.to_string_lossy().into_owned(), "7".to_owned()];
        assert_eq!(Program::open(&words).map(Program::run).ok(), Some(7));
    }
}
