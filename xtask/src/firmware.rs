//! `cargo xtask firmware`: builds what runs on microcontrollers, and says where it is.

use crate::bare_metal::{CORTEX_M0, CORTEX_M3, Job, command};
use crate::cargo::{cargo, root, run, target};
use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::process::Command;

/// What the firmware is built for. Cortex-M3 runs both.
const TARGETS: [&str; 2] = [CORTEX_M3, CORTEX_M0];
/// Its workspace.
const MANIFEST: &str = "boards/firmware/Cargo.toml";
/// What tests need of it, and nobody else.
const TEST_COMMANDS: [&str; 2] = ["--features", "test-commands"];
/// The binaries are the files and folders in here.
const BINARIES: &str = "boards/firmware/mps2-an385/src/bin";

/// Builds every binary, with what tests need, for every target; prints where each is.
pub(crate) fn run_builds() -> Result<()> {
    for triple in TARGETS {
        build(triple)?;
        for name in binaries()? {
            println!("{}", elf(triple, &name)?.display());
        }
    }
    Ok(())
}

/// Builds every binary, with what tests need, for one target.
pub(crate) fn build(triple: &str) -> Result<()> {
    run(firmware(Job::Build, triple)?.args(TEST_COMMANDS))
}

/// Where a built binary is.
pub(crate) fn elf(triple: &str, name: &str) -> Result<PathBuf> {
    let path = folder().join(triple).join("release").join(name);
    ensure!(
        path.is_file(),
        "{} is not there; run: cargo xtask firmware",
        path.display()
    );
    Ok(path)
}

/// Format, builds, and lints with and without what tests need.
pub(crate) fn check() -> Result<()> {
    run(&mut cargo(&["fmt", "--check", "--manifest-path", MANIFEST]))?;
    for triple in TARGETS {
        build(triple)?;
    }
    for features in [&TEST_COMMANDS[..], &[]] {
        let mut lint = firmware(Job::Clippy, CORTEX_M3)?;
        run(lint.args(features).args(["--", "--deny", "warnings"]))?;
    }
    Ok(())
}

/// Tests on the host what of it needs no hardware.
pub(crate) fn run_tests() -> Result<()> {
    let mut tests = cargo(&["test", "--lib", "--manifest-path", MANIFEST]);
    run(tests.arg("--target-dir").arg(folder()))
}

fn firmware(job: Job, triple: &str) -> Result<Command> {
    let mut command = command(job, triple)?;
    command.args(["--manifest-path", MANIFEST]);
    command.arg("--target-dir").arg(folder());
    Ok(command)
}

/// Apart from the hosts' builds: what is built differs in compiler and profile.
fn folder() -> PathBuf {
    target().join("firmware")
}

/// The names of the binaries, in order.
fn binaries() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in root().join(BINARIES).read_dir().context(BINARIES)? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default();
        names.push(stem.to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
