//! A virtual board with the real agent inside.

use crate::cargo::{cargo, run, target};
use anyhow::{Context, Result};
use lastword_hil::client::Client;
use lastword_hil::dial::Dial;
use lastword_hil::virtual_board::{
    GuestFile, Image, Network, Options, VirtualBoard, prerequisites,
};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The target of the agent inside the board.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// How long a board may take from power to an answering agent.
const BOOT_LIMIT: Duration = Duration::from_mins(1);
/// How often a booting board is asked.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// The network that tests of single bytes and segments need, where this user may have it.
pub(crate) fn best_network() -> Network {
    if nix::unistd::geteuid().is_root() {
        Network::Tap
    } else {
        Network::User
    }
}

/// Builds the agent and the image of a board, installing what is missing where that is allowed.
/// `files` are added to the board's own.
pub(crate) fn image(network: Network, files: Vec<GuestFile>) -> Result<Image> {
    let missing = prerequisites::missing(network);
    if !missing.is_empty() {
        eprintln!("installing {}", missing.join(", "));
    }
    prerequisites::install(&missing).context(
        "a virtual board cannot run here yet (without one: --no-vm, where the command has it)",
    )?;
    let agent = static_agent()?;
    let cache = target().join("virtual-board");
    Image::build(&cache, &agent, files).context("the board's image cannot be made")
}

/// Builds `lastwordd` so that it runs in a board with nothing but a kernel.
pub(crate) fn static_agent() -> Result<PathBuf> {
    let mut build = cargo(&["build", "--package", "lastword-agent", "--profile", "board"]);
    build
        .args(["--target", TARGET])
        .arg("--target-dir")
        .arg(target());
    run(build.env("RUSTFLAGS", "-C target-feature=+crt-static"))?;
    Ok(target().join(TARGET).join("board/lastwordd"))
}

/// What a board of this name differs in; its files are fresh.
pub(crate) fn options(name: &str, network: Network) -> Result<Options> {
    let directory = target().join("boards").join(name);
    if directory.exists() {
        std::fs::remove_dir_all(&directory)
            .with_context(|| format!("cannot clear {}", directory.display()))?;
    }
    Ok(Options {
        network,
        ..Options::new(short(&directory))
    })
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

/// Waits until the agent of a board answers.
pub(crate) async fn wait_until_up(board: &VirtualBoard, dial: &dyn Dial) -> Result<Duration> {
    let begun = Instant::now();
    loop {
        let options = lastword_hil::client::Options {
            connect: Duration::from_secs(1),
            ..Default::default()
        };
        if let Ok(mut client) = Client::connect(dial, &options).await
            && client.greet(true).await.is_ok()
        {
            // What matters was heard; the goodbye is a courtesy.
            let _ = client.goodbye().await;
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > BOOT_LIMIT {
            let console = board.console_text().unwrap_or_default();
            anyhow::bail!("the board does not answer; its console says:\n{console}");
        }
        sleep(ASK_AGAIN).await;
    }
}
