//! The supervisors that the agent is measured beside: Debian's packages, unpacked into a directory and
//! never installed, so that none of them takes anything over.

use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Packages unpacked into a directory.
#[derive(Clone, Debug)]
pub(super) struct Unpacked {
    /// As the root of a file system.
    pub(super) root: PathBuf,
    /// The version of the first package.
    pub(super) version: String,
}

impl Unpacked {
    /// Has these packages, the first of which names the directory, downloaded if they are not there
    /// and `may_download`.
    pub(super) fn get(peers: &Path, packages: &[&str], may_download: bool) -> Result<Self> {
        let name = packages.first().context("no package")?;
        let root = peers.join(name);
        let marker = root.join("VERSION");
        if !marker.exists() {
            ensure!(may_download, "not here yet, and only a whole run gets it");
            // What an interrupted run has left.
            let _ = fs::remove_dir_all(&root);
            unpack(&root, packages)?;
        }
        let version = fs::read_to_string(marker)?;
        Ok(Self { root, version })
    }
}

fn unpack(root: &Path, packages: &[&str]) -> Result<()> {
    fs::create_dir_all(root)?;
    if download(root, packages).is_err() {
        // A new machine has no package lists.
        said(Command::new("apt-get").arg("update"))?;
        download(root, packages)?;
    }
    let mut version = String::new();
    for file in fs::read_dir(root)? {
        let file = file?.path();
        if file.extension().is_none_or(|it| it != "deb") {
            continue;
        }
        said(Command::new("dpkg-deb").arg("-x").arg(&file).arg(root))?;
        let field = |name| said(Command::new("dpkg-deb").arg("-f").arg(&file).arg(name));
        if Some(&field("Package")?.trim()) == packages.first() {
            version = field("Version")?;
        }
    }
    Ok(fs::write(root.join("VERSION"), version.trim())?)
}

fn download(root: &Path, packages: &[&str]) -> Result<()> {
    let mut download = Command::new("apt-get");
    download.arg("download").args(packages).current_dir(root);
    said(&mut download).map(drop)
}

/// What a command says.
fn said(command: &mut Command) -> Result<String> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let output = command.output();
    let output = output.with_context(|| format!("cannot run {shown}"))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("{shown}: {}: {}", output.status, why.trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}
