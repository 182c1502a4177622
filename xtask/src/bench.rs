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
        "--package",
        "lastword",
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
    bench.arg("--lastword").arg(release.join("lastword"));
    // CI has one commit only, and no time for another build.
    if !quick && let Some(older) = older_agent()? {
        bench.arg("--older-agent").arg(older);
    }
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

/// Builds the agent as a board gets it from the commit before, in a work tree of its own; none where there is no history.
fn older_agent() -> Result<Option<PathBuf>> {
    let place = target().join("older");
    let tree = place.join("tree");
    if !tree.exists() {
        let mut add = Command::new("git");
        add.current_dir(root())
            .args(["worktree", "add", "--detach"]);
        add.arg(&tree).arg("HEAD~1");
        if !add.status().is_ok_and(|status| status.success()) {
            return Ok(None);
        }
    }
    let mut build = cargo(&["build", "--package", "lastword-agent", "--profile", "board"]);
    build.current_dir(&tree).args(["--target", TARGET]);
    build.arg("--target-dir").arg(place.join("target"));
    run_command(build.env("RUSTFLAGS", "-C target-feature=+crt-static"))?;
    Ok(Some(
        place.join("target").join(TARGET).join("board/lastwordd"),
    ))
}

/// A cargo command on the crate, which is a workspace of its own, with the target directory of
/// this one.
fn apart(subcommand: &str) -> Command {
    let mut command = cargo(&[subcommand, "--release", "--quiet"]);
    command.args(["--manifest-path", "bench/Cargo.toml"]);
    command.arg("--target-dir").arg(target());
    command
}
