//! What must hold before anybody reads a change.

use crate::cargo::{cargo, run};
use crate::{no_std, tidy};
use anyhow::Result;

/// Format, lints, `no_std` builds, documentation, tidiness; stops at the first that fails.
pub(crate) fn run_all() -> Result<()> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ]))?;
    no_std::run_builds()?;
    let mut document = cargo(&["doc", "--workspace", "--no-deps"]);
    run(document.env("RUSTDOCFLAGS", "--deny warnings"))?;
    tidy::run()?;
    println!("check: clean");
    Ok(())
}
