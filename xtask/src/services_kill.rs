//! An agent that is killed again and again while its services write.

use crate::cargo::{cargo, run};
use anyhow::Result;

/// Runs the test that CI runs with fewer kills. It says how many there were, and fails if a line is
/// lost or doubled, or a service was started again. With `under_load`, services write without end, clients keep
/// the agent busy, and it fails as well if a process is left that nobody supervises.
pub(crate) fn run_for(count: Option<u32>, under_load: bool) -> Result<()> {
    let mut tests = cargo(&TESTS);
    let usual = if under_load {
        tests.arg(UNDER_LOAD);
        50
    } else {
        tests.args(["process::services::killed", "--skip", UNDER_LOAD]);
        100
    };
    let count = count.unwrap_or(usual);
    run(tests.env("LASTWORD_TEST_KILLS", count.to_string()))
}

const UNDER_LOAD: &str = "process::services::killed::under_load";

const TESTS: [&str; 8] = [
    "test",
    "--package",
    "lastword-tests",
    "--test",
    "main",
    "--",
    "--nocapture",
    "--quiet",
];
