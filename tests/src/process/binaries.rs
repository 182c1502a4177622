//! Where the binaries are: beside the test binary, built anew if a source is newer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::SystemTime;

/// The agent.
#[must_use]
pub fn lastwordd() -> PathBuf {
    directory().join("lastwordd")
}

/// The simulated board.
#[must_use]
pub fn lastword_sim() -> PathBuf {
    directory().join("lastword-sim")
}

/// The host's command.
#[must_use]
pub fn lastword() -> PathBuf {
    directory().join("lastword")
}

/// The directory of the profile that this test was built in.
fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let test = std::env::current_exe().expect("a running program");
        // <target>/<profile>/deps/main-<hash>
        let directory = test.ancestors().nth(2).expect("a target directory");
        if is_stale(directory) {
            build(directory);
        }
        directory.to_owned()
    })
}

fn is_stale(directory: &Path) -> bool {
    let newest = SOURCES.iter().map(|name| newest(&root().join(name))).max();
    BINARIES.iter().any(|name| {
        modified(&directory.join(name)).is_none_or(|built| Some(built) < newest.flatten())
    })
}

/// Cargo itself sees to it that only one test process builds.
fn build(directory: &Path) {
    let profile = directory.file_name().and_then(|name| name.to_str());
    let profile = profile.map_or("dev", |name| if name == "debug" { "dev" } else { name });
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "-p",
            "lastword-agent",
            "-p",
            "lastword",
            "-p",
            "lastword-sim",
            "--bins",
        ])
        .args(["--profile", profile, "--target-dir"])
        .arg(directory.parent().unwrap_or(directory))
        .current_dir(root())
        .stdin(Stdio::null())
        .status()
        .expect("cargo");
    assert!(built.success(), "the binaries do not build");
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The newest change below a path.
fn newest(path: &Path) -> Option<SystemTime> {
    let Ok(entries) = fs::read_dir(path) else {
        return modified(path);
    };
    entries
        .flatten()
        .filter_map(|entry| newest(&entry.path()))
        .max()
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

const BINARIES: [&str; 3] = ["lastwordd", "lastword", "lastword-sim"];
/// What the binaries are made of.
const SOURCES: [&str; 12] = [
    "Cargo.lock",
    "Cargo.toml",
    "agent/src",
    "boards/responder/src",
    "boards/sim/src",
    "config/src",
    "daemon/src",
    "generation/src",
    "hil/client/src",
    "hil/lastword/src",
    "protocol/src",
    "shell/src",
];
