//! The figures of the project: built for release, measured in one run.

use crate::board::linux::{TARGET, static_agent};
use crate::cargo::{cargo, root, run as run_command, target};
use crate::size;
use anyhow::Result;
use std::path::PathBuf;
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
    bench.arg("--service").arg(static_service()?);
    bench.arg("--peers").arg(target().join("bench-peers"));
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

/// Builds the service that supervisors are given, so that little happens before its `main`.
fn static_service() -> Result<PathBuf> {
    let mut build = apart("build");
    build.args(["--package", "lastword-bench-service", "--target", TARGET]);
    run_command(build.env("RUSTFLAGS", "-C target-feature=+crt-static"))?;
    Ok(target().join(TARGET).join("release/lastword-bench-service"))
}

/// A cargo command on the crate, which is a workspace of its own, with the target directory of
/// this one.
fn apart(subcommand: &str) -> Command {
    let mut command = cargo(&[subcommand, "--release", "--quiet"]);
    command.args(["--manifest-path", "bench/Cargo.toml"]);
    command.arg("--target-dir").arg(target());
    command
}
