//! Cargo for cores without an operating system: with the toolchain at hand if it has the target,
//! else with Debian's, which builds `core` from its sources.

use crate::cargo::{cargo, has_program, root, run};
use anyhow::{Context, Result, bail};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Cortex-M3, no operating system.
pub(crate) const CORTEX_M3: &str = "thumbv7m-none-eabi";
/// Cortex-M0, no operating system.
pub(crate) const CORTEX_M0: &str = "thumbv6m-none-eabi";

/// What cargo is to do, optimised.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    Build,
    Clippy,
}

impl Job {
    const fn word(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Clippy => "clippy",
        }
    }
}

/// A cargo command in the workspace's root that builds or checks for `target`; the caller adds what,
/// and where to. Installs Debian's toolchain if that is needed and allowed.
pub(crate) fn command(job: Job, target: &str) -> Result<Command> {
    let mut command = if has_target(target)? {
        cargo(&[job.word()])
    } else {
        install_debian_toolchain(job, target)?;
        debian_cargo(job)?
    };
    command.args(["--release", "--target", target]);
    Ok(command)
}

/// Whether the toolchain at hand has the target's `core`.
fn has_target(target: &str) -> Result<bool> {
    Ok(printed(&["--print", "target-libdir", "--target", target])?.is_dir())
}

/// Debian's packages, the program or folder by which each is known, and what wants it.
const DEBIAN_PACKAGES: [(&str, &str, Option<Job>); 4] = [
    ("rustc-web", "/usr/bin/rustc", None),
    ("cargo-web", "/usr/bin/cargo", None),
    (
        "rust-web-src",
        "/usr/lib/rustlib/src/rust/library/core",
        None,
    ),
    (
        "rust-web-clippy",
        "/usr/bin/cargo-clippy",
        Some(Job::Clippy),
    ),
];

fn install_debian_toolchain(job: Job, target: &str) -> Result<()> {
    let missing: Vec<_> = DEBIAN_PACKAGES
        .iter()
        .filter(|(_, path, wanted_by)| {
            wanted_by.is_none_or(|wanting| wanting == job) && !Path::new(path).exists()
        })
        .map(|(package, ..)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    if !nix::unistd::geteuid().is_root() || !has_program("apt-get") {
        bail!(
            "no toolchain for {target}; run: rustup target add {target} (or, on Debian: \
             sudo apt-get install --no-install-recommends {packages})"
        );
    }
    let quiet = |command: &mut Command| run(command.env("DEBIAN_FRONTEND", "noninteractive"));
    quiet(Command::new("apt-get").args(["-q", "update"]))?;
    quiet(
        Command::new("apt-get")
            .args(["-q", "install", "-y", "--no-install-recommends"])
            .args(missing),
    )
}

/// Debian's cargo, which builds `core` on the way. The toolchain at hand lends its linker, and its
/// PATH comes first so that nothing of it is found by the name of cargo.
fn debian_cargo(job: Job) -> Result<Command> {
    let libraries = printed(&["--print", "target-libdir"])?;
    let tools = libraries.with_file_name("bin");
    let path = env::join_paths([tools, "/usr/bin".into(), "/bin".into()])?;
    let mut command = match job {
        Job::Build => Command::new("/usr/bin/cargo"),
        // By its own name, because cargo would look among rustup's programs for it first.
        Job::Clippy => Command::new("/usr/bin/cargo-clippy"),
    };
    command
        .current_dir(root())
        .env("PATH", path)
        .env("CARGO", "/usr/bin/cargo")
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("RUSTUP_TOOLCHAIN")
        .args([job.word(), "-Zbuild-std=core"]);
    Ok(command)
}

/// A path that the compiler at hand prints.
fn printed(arguments: &[&str]) -> Result<PathBuf> {
    let output = Command::new("rustc")
        .args(arguments)
        .output()
        .context("cannot run rustc")?;
    let text =
        String::from_utf8(output.stdout).context("rustc printed a path that is not UTF-8")?;
    Ok(PathBuf::from(text.trim()))
}
