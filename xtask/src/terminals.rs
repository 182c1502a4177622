//! People's terminal programs on a board's line.

use crate::cargo::{has_program, run};
use crate::{fuzz, test};
use anyhow::{Context, Result};
use lastword_virtual::prerequisites;

/// The programs; each is in a package of its name.
const PROGRAMS: [&str; 5] = ["tmux", "picocom", "tio", "minicom", "screen"];

/// Runs the tests that need them. CI must be able to; a person who may not install them is told
/// what was left out.
pub(crate) fn run_tests() -> Result<()> {
    let missing: Vec<_> = PROGRAMS
        .into_iter()
        .filter(|program| !has_program(program))
        .collect();
    match prerequisites::install(&missing) {
        Err(why) if !fuzz::is_ci() => {
            println!("NOT RUN: picocom, tio, minicom and screen on a simulated board: {why:#}");
            Ok(())
        }
        installed => {
            installed.context("the terminal programs cannot be installed")?;
            run(&mut test::tests(&TESTS))
        }
    }
}

const TESTS: [&str; 6] = [
    "--package",
    "lastword-tests",
    "--features",
    "terminal-programs",
    "--test",
    "terminals",
];
