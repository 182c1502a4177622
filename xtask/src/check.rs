//! What must hold before anybody reads a change.

use crate::cargo::{cargo, run, target};
use crate::{firmware, no_std, size, tidy, words};
use anyhow::Result;

/// Format, counts that only fall, lints, bare-metal builds, documentation, tidiness; stops at the first that fails.
pub(crate) fn run_all() -> Result<()> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    words::check()?;
    run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "--deny",
        "warnings",
    ]))?;
    check_apart("bench/Cargo.toml")?;
    check_apart("tests/fuzz/Cargo.toml")?;
    no_std::run_builds()?;
    firmware::check()?;
    size::check()?;
    let mut document = cargo(&["doc", "--workspace", "--no-deps"]);
    run(document.env("RUSTDOCFLAGS", "--deny warnings"))?;
    tidy::run()?;
    println!("check: clean");
    Ok(())
}

/// Format and lints of a crate that is a workspace of its own.
fn check_apart(manifest: &str) -> Result<()> {
    run(&mut cargo(&[
        "fmt",
        "--all",
        "--check",
        "--manifest-path",
        manifest,
    ]))?;
    let mut lint = cargo(&["clippy", "--workspace", "--all-targets"]);
    lint.args(["--manifest-path", manifest]);
    lint.arg("--target-dir").arg(target());
    run(lint.args(["--", "--deny", "warnings"]))
}
