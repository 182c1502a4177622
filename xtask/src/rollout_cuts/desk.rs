//! The desk: a key, and versions of a small generation, built by the real command.

use crate::cargo::{cargo, run, target};
use anyhow::{Context, Result, ensure};
use lastword_tests::transcript::{self, TranscriptDesk};
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The file whose presence in a tree makes the board's programs around a switch to it take their time.
pub(super) const SLOW_FILE: &str = "slow";

/// A desk with its key, in a directory of its own.
pub(super) struct ReleaseDesk {
    directory: TempDir,
    lastword: PathBuf,
}

/// A version in its file.
#[derive(Clone, Debug)]
pub(super) struct BuiltVersion {
    pub(super) version: String,
    pub(super) generation: String,
    pub(super) file: String,
}

impl ReleaseDesk {
    /// Builds the command, and makes the keys.
    pub(super) fn open() -> Result<Self> {
        run(&mut cargo(&[
            "build",
            "--quiet",
            "--package",
            "lastword",
            "--profile",
            "release",
        ]))?;
        let desk = Self {
            directory: tempfile::tempdir()?,
            lastword: std::path::absolute(target().join("release/lastword"))?,
        };
        for name in ["release", "stranger"] {
            desk.done(&["gen", "keygen", name, "--no-password"])?;
        }
        Ok(desk)
    }

    /// Returns the configuration of a board that trusts the key.
    pub(super) fn configuration(&self) -> Result<String> {
        let key = fs::read_to_string(self.path("release.pub"))?;
        let key = key.lines().nth(1).context("a public key has two lines")?;
        let slow = format!("[ ! -e $LASTWORD_TREE/{SLOW_FILE} ] || sleep 3");
        Ok(format!(
            "name \"board1\"\nstate \"/var/lib/lastword/state\"\n\
             listen {{ serial \"/dev/ttyS1\" baud=115200; tcp \"0.0.0.0:7450\" allow-unauthenticated=#true; }}\n\
             power {{ backend \"linux\"; }}\nlimits {{ store \"8MiB\"; }}\n\
             generations {{ directory \"/var/lib/lastword/generations\"; trust \"{key}\"; compatible \"acme,gw-2\";\n\
             before-switch \"/bin/sh\" \"-c\" \"{slow}\"; after-switch \"/bin/sh\" \"-c\" \"{slow}\"; }}\n"
        ))
    }

    /// Builds a version whose health check is this script; its description has this in addition.
    pub(super) fn build(&self, version: &str, check: &str, more: &str) -> Result<BuiltVersion> {
        self.build_signed(version, check, more, "release.key")
    }

    pub(super) fn build_signed(
        &self,
        version: &str,
        check: &str,
        more: &str,
        key: &str,
    ) -> Result<BuiltVersion> {
        let defaults = [
            ("compatible", "compatible \"acme,gw-2\"\n"),
            ("soak", "soak \"2s\"\n"),
        ];
        let defaults = defaults.iter().filter(|(key, _)| !more.contains(key));
        let defaults: String = defaults.map(|(_, line)| *line).collect();
        let description = format!(
            "name \"gateway\"\nversion \"{version}\"\n{defaults}architecture \"any\"\nsecurity-version 1\n\
             check \"self\" {{ exec \"bin/check\"; interval \"200ms\"; failures 2; }}\n{more}\n"
        );
        let program = format!("#!/bin/sh\necho version {version}\nexec sleep 1000000\n");
        let check = format!("#!/bin/sh\n{check}\n");
        self.write("tree/generation.kdl", &description, 0o644)?;
        self.write("tree/bin/gateway", &program, 0o755)?;
        self.write("tree/bin/check", &check, 0o755)?;
        self.write(
            "tree/services/gateway.kdl",
            "command \"bin/gateway\"\n",
            0o644,
        )?;
        let kernel = format!("kernel {}\n", version.chars().next().unwrap_or_default());
        self.write("tree/boot/kernel", &kernel, 0o644)?;
        let file = format!("{version}.gen");
        let words = ["gen", "build", "tree", "-k", key, "-o", &file, "--json"];
        let built: Value = serde_json::from_str(&self.done(&words)?)?;
        let generation = built["generation"]
            .as_str()
            .context("a generation has a name")?;
        Ok(BuiltVersion {
            version: version.to_owned(),
            generation: generation.to_owned(),
            file,
        })
    }

    /// Types the README's section about generations at a board that has none.
    ///
    /// # Panics
    ///
    /// If something else is printed than the README says.
    pub(super) fn type_readme(&self, board: SocketAddr) {
        transcript::ship_a_version(TranscriptDesk {
            directory: self.directory.path(),
            programs: self.lastword.parent().unwrap_or(Path::new("/")),
            url: &format!("tcp://{board}"),
        });
    }

    /// Adds a file to the versions that are built from now on.
    pub(super) fn add(&self, name: &str, content: &[u8]) -> Result<()> {
        Ok(fs::write(self.path("tree").join(name), content)?)
    }

    /// Removes it from them.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        Ok(fs::remove_file(self.path("tree").join(name))?)
    }

    /// Runs the command beside a board.
    pub(super) fn ask(&self, board: SocketAddr, words: &[&str]) -> Result<Output> {
        let url = format!("tcp://{board}");
        let mut command = Command::new(&self.lastword);
        command
            .env("LASTWORD_URL", url)
            .env("HOME", self.directory.path());
        let asked = command
            .args(words)
            .current_dir(self.directory.path())
            .output();
        asked.context("lastword cannot be run")
    }

    fn done(&self, words: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.lastword);
        let output = command
            .args(words)
            .current_dir(self.directory.path())
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "lastword {}: {said}",
            words.join(" ")
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str, mode: u32) -> Result<()> {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        fs::write(&path, text)?;
        Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
    }
}
