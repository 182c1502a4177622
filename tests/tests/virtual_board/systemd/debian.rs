//! A Debian that is no more than systemd and a shell: packages of the host's release, unpacked and
//! never installed, which is enough to boot and takes seconds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Brings systemd, what the exam is written in, and the kill(1) of the unit.
const PACKAGES: [&str; 6] = ["systemd", "bash", "coreutils", "grep", "sed", "procps"];

/// What the unpacked packages have and no boot looks at.
const UNUSED: [&str; 3] = ["usr/share/doc", "usr/share/locale", "usr/share/man"];

/// What the packages' own scripts would have written.
const WRITTEN: [(&str, &str); 3] = [
    ("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"),
    ("etc/group", "root:x:0:\n"),
    // Without it systemd would take this for a first boot, and ask for a key to be pressed; it
    // makes an id for each boot.
    ("etc/machine-id", ""),
];

/// Its root directory, kept in `cache` for the next run.
#[track_caller]
pub(crate) fn root(cache: &Path) -> PathBuf {
    // Another name for another content.
    let kept = cache.join("systemd-and-procps");
    if kept.is_dir() {
        return kept;
    }
    let fresh = tempfile::tempdir_in(cache).unwrap();
    let archives = download(fresh.path());
    let root = fresh.path().join("root");
    for package in archives {
        run(Command::new("dpkg").arg("-x").arg(package).arg(&root));
    }
    for unused in UNUSED {
        fs::remove_dir_all(root.join(unused)).unwrap();
    }
    for (path, contents) in WRITTEN {
        fs::write(root.join(path), contents).unwrap();
    }
    // Fails if another process was faster, and then its root is as good.
    let renamed = fs::rename(root, &kept);
    assert!(kept.is_dir(), "{renamed:?}");
    kept
}

/// Downloads the packages with all that they depend on; with newer lists of packages, where the
/// host's are too old.
#[track_caller]
fn download(directory: &Path) -> Vec<PathBuf> {
    if try_download(directory).is_err() {
        let update = output(Command::new("apt-get").arg("update"));
        let again = update.and_then(|()| try_download(directory));
        again.unwrap_or_else(|said| {
            panic!(
                "no systemd for a virtual board, whose packages come from the network once: {said}\n\
                 `cargo xtask test --no-vm` leaves virtual boards out"
            )
        });
    }
    let found = fs::read_dir(directory).unwrap();
    let files = found.map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|it| it == "deb"))
        .collect()
}

fn try_download(directory: &Path) -> Result<(), String> {
    fs::create_dir_all(directory.join("partial")).unwrap();
    // To a machine that has nothing installed, everything is a dependency that it lacks.
    let nothing = directory.join("status");
    fs::write(&nothing, "").unwrap();
    let mut get = Command::new("apt-get");
    get.args(["install", "--download-only", "--no-install-recommends"]);
    get.arg("-o").arg(option("Dir::State::status", &nothing));
    get.arg("-o").arg(option("Dir::Cache::archives", directory));
    // As root, apt would download as another user, who cannot write here.
    get.args(["-o", "APT::Sandbox::User=root", "-y"]);
    output(get.args(PACKAGES))
}

fn option(name: &str, path: &Path) -> String {
    format!("{name}={}", path.display())
}

/// Runs a program of the host; it has to succeed.
#[track_caller]
pub(crate) fn run(command: &mut Command) {
    if let Err(said) = output(command) {
        panic!("{said}");
    }
}

fn output(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    // Of dozens of packages that cannot be had, one will do.
    let said = said.lines().next().unwrap_or_default();
    let failed = || format!("{command:?}: {said}");
    output.status.success().then_some(()).ok_or_else(failed)
}
