//! The figures of the project: built for release, measured in one run.

use crate::board::linux::static_agent;
use crate::cargo::{cargo, root, run as run_command, target};
use crate::size;
use anyhow::Result;
use std::process::Command;

/// Builds what is measured and measures it; `parts`: only these.
pub(crate) fn run(quick: bool, parts: &[String]) -> Result<()> {
    run_command(&mut cargo(&[
        "build",
        "--release",
        "--package",
        "lastword-agent",
    ]))?;
    let board_agent = static_agent()?;
    run_command(&mut apart("build"))?;

    let release = target().join("release");
    let mut bench = Command::new(release.join("lastword-bench"));
    bench.current_dir(root());
    bench
        .arg("measure")
        .arg("--agent")
        .arg(release.join("lastwordd"));
    bench.arg("--board-agent").arg(board_agent);
    bench.args(quick.then_some("--quick")).args(parts);
    // The page holds one whole run or nothing.
    if quick || !parts.is_empty() {
        return run_command(&mut bench);
    }
    let measured = run_command(bench.arg("--page").arg(root().join("BENCHMARKS.md")));
    let write = size::Show {
        write: true,
        ..size::Show::default()
    };
    measured.and(size::run(write))
}

/// Runs the crate's own tests.
pub(crate) fn run_tests() -> Result<()> {
    run_command(&mut apart("test"))
}

/// A cargo command on the crate, which is a workspace of its own, with the target directory of
/// this one.
fn apart(subcommand: &str) -> Command {
    let mut command = cargo(&[subcommand, "--release", "--quiet"]);
    command.args(["--manifest-path", "bench/Cargo.toml"]);
    command.arg("--target-dir").arg(target());
    command
}
