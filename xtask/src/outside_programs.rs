//! Tests with programs that others wrote: people's terminals on a board's line, and what everybody makes signed
//! archives with.

use crate::cargo::{has_program, run};
use crate::{fuzz, test};
use anyhow::{Context, Result};
use lastword_virtual::prerequisites;

/// Tests that need programs.
struct ProgramSuite {
    what: &'static str,
    /// Each is in a package of its name.
    programs: &'static [&'static str],
    feature: &'static str,
    /// The test binary.
    target: &'static str,
}

const TERMINALS: ProgramSuite = ProgramSuite {
    what: "picocom, tio, minicom and screen on a simulated board",
    programs: &["tmux", "picocom", "tio", "minicom", "screen"],
    feature: "terminal-programs",
    target: "terminals",
};

const ORDINARY_TOOLS: ProgramSuite = ProgramSuite {
    what: "generations with minisign, tar and zstd",
    programs: &["minisign", "tar", "zstd"],
    feature: "ordinary-tools",
    target: "ordinary_tools",
};

/// Runs all of them.
pub(crate) fn run_tests() -> Result<()> {
    TERMINALS.run()?;
    ORDINARY_TOOLS.run()
}

impl ProgramSuite {
    /// Runs the tests. CI must be able to; a person who may not install the programs is told what was left out.
    fn run(&self) -> Result<()> {
        let programs = self.programs.iter().copied();
        let missing: Vec<_> = programs.filter(|program| !has_program(program)).collect();
        match prerequisites::install(&missing) {
            Err(why) if !fuzz::is_ci() => {
                println!("NOT RUN: {}: {why:#}", self.what);
                Ok(())
            }
            installed => {
                installed.with_context(|| format!("what is missing for {}", self.what))?;
                run(&mut test::tests(&[
                    "--package",
                    "lastword-tests",
                    "--features",
                    self.feature,
                    "--test",
                    self.target,
                ]))
            }
        }
    }
}
