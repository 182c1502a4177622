//! The pointer to the generation that the board runs: a link of the agent's, or what programs say.

use super::health::PROGRAM_PATH;
use crate::core::generation::recovery::WorldView;
use crate::edge::generation_link::{CurrentLink, TREES};
use crate::edge::threads::within;
use lastword_protocol::Generation;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The longest time that the program may take which prints the name.
const VERIFY_LIMIT: Duration = Duration::from_secs(30);
/// The stack of the thread that waits for it, in bytes.
const STACK_BYTES: usize = 256 << 10;
/// The environment variable with the directory of the trees.
pub(super) const TREES_VARIABLE: &str = "LASTWORD_TREES";

/// The pointer.
#[derive(Clone, Debug)]
pub(super) enum GenerationPointer {
    /// A link that the agent moves.
    Link(CurrentLink),
    /// Programs move it, and this one prints it.
    Program { verify: Vec<String>, trees: PathBuf },
}

impl GenerationPointer {
    /// The pointer in a directory of generations; `verify` is the program that prints it, if it is not a link there.
    pub(super) fn new(directory: &Path, verify: Option<&[String]>) -> Self {
        match verify {
            None => Self::Link(CurrentLink::new(directory.to_owned())),
            Some(verify) => Self::Program {
                verify: verify.to_vec(),
                trees: directory.join(TREES),
            },
        }
    }

    /// Reads it. Blocks.
    pub(super) fn read(&self) -> io::Result<WorldView> {
        match self {
            Self::Link(link) => link.read(),
            Self::Program { verify, trees } => {
                let (verify, trees) = (verify.clone(), trees.clone());
                within(VERIFY_LIMIT, STACK_BYTES, move || print(&verify, &trees))?
            }
        }
    }

    /// Moves it, if it is a link; programs have moved theirs.
    pub(super) fn switch(&self, to: Option<Generation>) -> io::Result<()> {
        match self {
            Self::Link(link) => link.switch(to),
            Self::Program { .. } => Ok(()),
        }
    }
}

/// Runs the program, and reads the name that it prints: nothing is none, and anything else dangles.
fn print(verify: &[String], trees: &Path) -> io::Result<WorldView> {
    let [name, arguments @ ..] = verify else {
        return Err(io::ErrorKind::NotFound.into());
    };
    let mut command = Command::new(name);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", PROGRAM_PATH);
    command.env(TREES_VARIABLE, trees).stdin(Stdio::null());
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        let what = format!("{name}: {}", output.status);
        return Err(io::Error::other(what));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(match text.trim() {
        "" => WorldView::Absent,
        name => name.parse().map_or(WorldView::Dangling, WorldView::Current),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(script: &str) -> GenerationPointer {
        let verify = ["/bin/sh", "-c", script].map(str::to_owned);
        GenerationPointer::new(Path::new("/g"), Some(&verify))
    }

    #[test]
    fn a_program_prints_a_name_nothing_or_something_else() {
        let name = "ab".repeat(32);
        let current = WorldView::Current(Generation([0xAB; 32]));
        for (script, expected) in [
            (format!("echo {name}"), current),
            ("true".to_owned(), WorldView::Absent),
            ("echo x".to_owned(), WorldView::Dangling),
            (
                format!("[ $LASTWORD_TREES = /g/trees ] && echo {name}"),
                current,
            ),
        ] {
            assert_eq!(pointer(&script).read().unwrap(), expected, "{script}");
        }
        assert!(pointer("exit 3").read().is_err());
    }
}
