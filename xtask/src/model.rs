//! The model of a fleet: explored by a program of its own.

use crate::cargo::{cargo, run as run_command};
use anyhow::Result;

/// Explores it to its end; with `quick` only what takes seconds, in the build that is there.
pub(crate) fn run(quick: bool) -> Result<()> {
    let mut explore = cargo(&["run", "--quiet", "--package", "lastword-model"]);
    if quick {
        explore.args(["--", "--quick"]);
    } else {
        explore.arg("--release");
    }
    run_command(&mut explore)
}
