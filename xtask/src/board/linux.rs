//! A virtual Linux board with the real agent inside, and the two ways to it.

use super::{directory, install};
use crate::cargo::{cargo, run, target};
use anyhow::{Context, Result};
use lastword_client::dial::{Dial, Dialing};
use lastword_client::endpoint::Baud;
use lastword_virtual::prerequisites::Wanted;
use lastword_virtual::{GuestFile, Image, LinuxBoard, Network, Options};
use std::path::PathBuf;
use std::time::Duration;

/// The target of the agent inside the board.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The two ways to the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Serial,
    Tcp,
}

impl Way {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::Tcp => "tcp",
        }
    }

    /// This way to a board.
    pub(crate) const fn to(self, board: &LinuxBoard) -> Route<'_> {
        Route { board, way: self }
    }
}

/// A way to one board.
pub(crate) struct Route<'b> {
    board: &'b LinuxBoard,
    way: Way,
}

impl Dial for Route<'_> {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move {
            Ok(match self.way {
                Way::Serial => Box::new(self.board.connect_serial().await?) as _,
                Way::Tcp => Box::new(self.board.connect_tcp().await?) as _,
            })
        })
    }

    fn baud(&self) -> Option<Baud> {
        (self.way == Way::Serial).then_some(Baud::DEFAULT)
    }
}

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
    install(Wanted::Linux(network))?;
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
    Ok(Options {
        network,
        ..Options::new(directory(name)?)
    })
}

/// Waits until the board's agent answers over one way.
pub(crate) async fn wait_until_up(board: &LinuxBoard, way: Way) -> Result<Duration> {
    let up = super::wait_until_up(&way.to(board)).await;
    up.with_context(|| {
        let console = board.console_text().unwrap_or_default();
        format!("the board's console says:\n{console}")
    })
}
