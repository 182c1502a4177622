//! Builds protocol and shell for a bare Cortex-M3, where there is no standard library to slip in.

use crate::cargo::{cargo, has_program, run, target};
use anyhow::{Context, Result, bail};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Cortex-M3, no operating system.
const TARGET: &str = "thumbv7m-none-eabi";
/// Debian's compiler and the sources of `core`, which it builds for any target.
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
/// Where those sources are.
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library/core";

const PACKAGES: [&str; 4] = [
    "--package",
    "lastword-protocol",
    "--package",
    "lastword-shell",
];

/// Builds with the toolchain at hand if it has the target, else with Debian's.
pub(crate) fn run_builds() -> Result<()> {
    if has_target()? {
        let mut build = cargo(&["build", "--release", "--target", TARGET]);
        return run(build
            .args(PACKAGES)
            .arg("--target-dir")
            .arg(target().join("no-std")));
    }
    install_debian_toolchain()?;
    run(&mut debian_build()?)
}

/// Whether the toolchain at hand has the target's `core`.
fn has_target() -> Result<bool> {
    let printed = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .context("cannot run rustc")?;
    Ok(Path::new(String::from_utf8_lossy(&printed.stdout).trim()).is_dir())
}

fn install_debian_toolchain() -> Result<()> {
    if Path::new("/usr/bin/cargo").exists() && Path::new(DEBIAN_SOURCES).is_dir() {
        return Ok(());
    }
    let packages = DEBIAN_PACKAGES.join(" ");
    if !nix::unistd::geteuid().is_root() || !has_program("apt-get") {
        bail!(
            "no toolchain for {TARGET}; run: rustup target add {TARGET} (or, on Debian: \
             sudo apt-get install --no-install-recommends {packages})"
        );
    }
    let quiet = |command: &mut Command| run(command.env("DEBIAN_FRONTEND", "noninteractive"));
    quiet(Command::new("apt-get").args(["-q", "update"]))?;
    quiet(
        Command::new("apt-get")
            .args(["-q", "install", "-y", "--no-install-recommends"])
            .args(DEBIAN_PACKAGES),
    )
}

/// The same build by Debian's cargo, which builds `core` on the way. The toolchain at hand lends
/// its linker, and its PATH comes first so that nothing of it is found by the name of cargo.
fn debian_build() -> Result<Command> {
    let sysroot = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()?;
    let sysroot = PathBuf::from(String::from_utf8(sysroot.stdout)?.trim());
    let tools = sysroot.join("lib/rustlib/x86_64-unknown-linux-gnu/bin");
    let path = env::join_paths([tools, "/usr/bin".into(), "/bin".into()])?;
    let mut build = Command::new("/usr/bin/cargo");
    build
        .current_dir(crate::cargo::root())
        .env("PATH", path)
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("RUSTUP_TOOLCHAIN")
        .args(["build", "--release", "--target", TARGET, "-Zbuild-std=core"])
        .args(PACKAGES)
        .arg("--target-dir")
        .arg(target().join("no-std"));
    Ok(build)
}
