//! What is measured: ours, feature set by feature set, and the peers.

use super::elf::Image;
use super::session::{EMBEDDED_CLI, MENU, NOLINE, Session, Shell};
use crate::bare_metal::{Job, command};
use crate::cargo::{cargo, root, run, target};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A firmware of `bench/size`.
#[derive(Debug)]
pub(crate) struct Firmware {
    /// Its package, without the prefix that all have.
    pub(crate) name: &'static str,
    /// The crates of a peer, whose versions are shown; none for ours.
    pub(crate) peers: &'static [&'static str],
    /// What it does, for the table.
    pub(crate) about: &'static str,
    /// How its stack is made to go deep; `None` if it is not measured.
    pub(crate) session: Option<Session>,
    /// The most it may take.
    pub(crate) budget: Budget,
}

/// The most a firmware may take on a Cortex-M3; `None` where nothing is promised.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Budget {
    /// Flash, net of vectors and start-up.
    pub(crate) flash_bytes: Option<u64>,
    /// What would be better still.
    pub(crate) stretch_bytes: Option<u64>,
    /// Memory: variables and deepest stack.
    pub(crate) memory_bytes: Option<u64>,
    /// Whether it may hold a function that panics.
    pub(crate) may_panic: bool,
}

/// What every firmware has, to be subtracted from the others.
pub(crate) const EMPTY: Firmware = Firmware {
    name: "empty",
    peers: &[],
    about: "start-up, a loop, the UART",
    session: None,
    budget: NONE,
};

/// Ours, feature set by feature set.
pub(crate) const OURS: [Firmware; 4] = [
    Firmware {
        name: "frames",
        peers: &[],
        about: "protocol, power and exactly-once requests; no text",
        session: Some(Session::Lastword { shell: Shell::None }),
        budget: Budget {
            flash_bytes: Some(6 * KIB),
            stretch_bytes: Some(4 * KIB),
            memory_bytes: None,
            may_panic: false,
        },
    },
    Firmware {
        name: "transfer",
        peers: &[],
        about: "frames, and objects in and out of a store, whose hash is the hardware's",
        session: None,
        budget: Budget {
            flash_bytes: Some(10 * KIB),
            stretch_bytes: None,
            memory_bytes: None,
            may_panic: false,
        },
    },
    Firmware {
        name: "plain",
        peers: &[],
        about: "that and lines for scripts: help, suggestions",
        session: Some(Session::Lastword {
            shell: Shell::Plain,
        }),
        budget: Budget {
            flash_bytes: None,
            stretch_bytes: None,
            memory_bytes: None,
            may_panic: false,
        },
    },
    Firmware {
        name: "all",
        peers: &[],
        about: "that and people: echo, editor, history, completion, tables",
        session: Some(Session::Lastword { shell: Shell::Term }),
        budget: Budget {
            flash_bytes: Some(16 * KIB),
            stretch_bytes: None,
            memory_bytes: Some(3 * KIB / 2),
            may_panic: false,
        },
    },
];

const KIB: u64 = 1_024;

/// The peers, smallest first.
pub(crate) const PEERS: [Firmware; 4] = [
    Firmware {
        name: "postcard-rpc",
        peers: &["postcard-rpc"],
        about: "one endpoint; no CRC, no text",
        session: None,
        budget: NONE,
    },
    Firmware {
        name: "embedded-cli",
        peers: &["embedded-cli"],
        about: "editor, history, completion, help; no machine mode; runs a truncated line",
        session: Some(Session::Lines(EMBEDDED_CLI)),
        budget: NONE,
    },
    Firmware {
        name: "menu",
        peers: &["menu"],
        about: "help; no editor, no machine mode; runs a truncated line",
        session: Some(Session::Lines(MENU)),
        budget: NONE,
    },
    Firmware {
        name: "menu-noline",
        peers: &["menu", "noline"],
        about: "menu with editor and history; no machine mode; runs a truncated line",
        session: Some(Session::Lines(NOLINE)),
        budget: NONE,
    },
];

const NONE: Budget = Budget {
    flash_bytes: None,
    stretch_bytes: None,
    memory_bytes: None,
    may_panic: true,
};

impl Firmware {
    /// What the table calls it: a peer's crates with their versions.
    pub(crate) fn title(&self) -> Result<String> {
        if self.peers.is_empty() {
            return Ok(format!("lastword, {}", self.name));
        }
        let versions = self
            .peers
            .iter()
            .map(|peer| Ok(format!("{peer} {}", locked(peer)?)));
        Ok(versions.collect::<Result<Vec<_>>>()?.join(" with "))
    }

    /// Builds it for `triple`, apart from the others, whose features it must not get.
    pub(crate) fn build(&self, triple: &str) -> Result<()> {
        let mut build = workspace(Job::Build, triple)?;
        run(build.args(["--quiet", "--package", &self.package()]))
    }

    /// Where it is once it is built.
    pub(crate) fn elf(&self, triple: &str) -> PathBuf {
        folder().join(triple).join("release").join(self.package())
    }

    fn package(&self) -> String {
        format!("size-{}", self.name)
    }
}

/// Reads what was built.
pub(crate) fn read(elf: &Path) -> Result<Image> {
    let shown = || elf.display().to_string();
    Image::read(&fs::read(elf).with_context(shown)?).with_context(shown)
}

/// Format and lints of the workspace.
pub(crate) fn check(triple: &str) -> Result<()> {
    let format = ["fmt", "--all", "--check", "--manifest-path", MANIFEST];
    run(&mut cargo(&format))?;
    let mut lint = workspace(Job::Clippy, triple)?;
    run(lint.args(["--workspace", "--", "--deny", "warnings"]))
}

/// The version that the lock file has of a crate.
fn locked(name: &str) -> Result<String> {
    let lock = fs::read_to_string(root().join(LOCK)).context(LOCK)?;
    let entry = format!("\nname = \"{name}\"\nversion = \"");
    let (_, rest) = lock
        .split_once(&entry)
        .with_context(|| format!("{LOCK} has no {name}"))?;
    let version = rest.split('"').next().unwrap_or_default();
    Ok(version.to_owned())
}

/// A cargo command on the workspace.
fn workspace(job: Job, triple: &str) -> Result<Command> {
    let mut command = command(job, triple)?;
    command.args(["--manifest-path", MANIFEST]);
    command.arg("--target-dir").arg(folder());
    Ok(command)
}

/// With the boards' firmware: the same compiler and profile, and so the same `core`.
fn folder() -> PathBuf {
    target().join("firmware")
}

const MANIFEST: &str = "bench/size/Cargo.toml";
const LOCK: &str = "bench/size/Cargo.lock";
