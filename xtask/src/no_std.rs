//! Builds protocol and shell for a bare Cortex-M3, where there is no standard library to slip in.

use crate::bare_metal::{CORTEX_M3, Job, command};
use crate::cargo::{run, target};
use anyhow::Result;

const PACKAGES: [&str; 4] = [
    "--package",
    "lastword-protocol",
    "--package",
    "lastword-shell",
];

/// Builds with the toolchain at hand if it has the target, else with Debian's.
pub(crate) fn run_builds() -> Result<()> {
    let mut build = command(Job::Build, CORTEX_M3)?;
    build.args(PACKAGES);
    run(build.arg("--target-dir").arg(target().join("no-std")))
}
