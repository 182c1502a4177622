//! An agent that is killed again and again while its services write.

use crate::cargo::{cargo, run};
use anyhow::Result;

/// Runs the test that CI runs with fewer kills. It says how many there were, and fails if a line is
/// lost or doubled, or a service was started again.
pub(crate) fn run_for(count: u32) -> Result<()> {
    run(cargo(&TEST).env("LASTWORD_TEST_KILLS", count.to_string()))
}

const TEST: [&str; 9] = [
    "test",
    "--package",
    "lastword-tests",
    "--test",
    "main",
    "process::services::killed",
    "--",
    "--nocapture",
    "--quiet",
];
