//! Virtual boards with the real thing inside.

pub(crate) mod linux;
pub(crate) mod mcu;

use crate::cargo::target;
use anyhow::{Context, Result, bail};
use lastword_client::client::{Client, Options};
use lastword_client::dial::Dial;
use lastword_virtual::prerequisites::{self, Wanted};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a board may take from power to an answer.
const BOOT_LIMIT: Duration = Duration::from_mins(1);
/// How often a booting board is asked.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Installs what a board needs and the host lacks, where that is allowed.
pub(crate) fn install(wanted: Wanted) -> Result<()> {
    let missing = prerequisites::missing(wanted);
    if !missing.is_empty() {
        eprintln!("installing {}", missing.join(", "));
    }
    prerequisites::install(&missing).context(
        "a virtual board cannot run here yet (without one: --no-vm, where the command has it)",
    )
}

/// A fresh place for the files of the board of this name.
fn directory(name: &str) -> Result<PathBuf> {
    let directory = target().join("boards").join(name);
    if directory.exists() {
        std::fs::remove_dir_all(&directory)
            .with_context(|| format!("cannot clear {}", directory.display()))?;
    }
    Ok(short(&directory))
}

/// The same directory, relative to the working directory where that is shorter: its sockets'
/// addresses are bounded.
fn short(directory: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    directory
        .strip_prefix(&here)
        .unwrap_or(directory)
        .to_owned()
}

/// Waits until whoever is at the other end of the line answers.
pub(crate) async fn wait_until_up(line: &dyn Dial) -> Result<Duration> {
    let begun = Instant::now();
    let options = Options {
        connect: Duration::from_secs(1),
        ..Options::default()
    };
    while begun.elapsed() < BOOT_LIMIT {
        if let Ok(mut client) = Client::connect(line, &options).await
            && client.greet(true).await.is_ok()
        {
            // What matters was heard; the goodbye is a courtesy.
            let _ = client.goodbye().await;
            return Ok(begun.elapsed());
        }
        sleep(ASK_AGAIN).await;
    }
    bail!("the board does not answer")
}
