//! The Linux board: a kernel, an initrd with the agent, a disk and a network.

use std::fs;
use std::io;

use crate::board::{Kind, VirtualBoard};
use crate::command_line::{DISK, INITRD, QEMU, forwarded_port, qemu_arguments};
use crate::error::{self, BoardError};
use crate::image::Image;
use crate::machine::{START_TIMEOUT_SECONDS, late};
use crate::namespace::Namespace;
use crate::options::{Network, Options};
use crate::{disk, program};

/// A virtual board with a real kernel and an agent.
pub type LinuxBoard = VirtualBoard<Linux>;

/// What a Linux board has beyond a QEMU.
#[derive(Debug)]
pub struct Linux {
    image: Image,
    options: Options,
    /// The port of 127.0.0.1 that leads to the agent; 0 on a tap.
    pub(crate) host_port: u16,
    pub(crate) namespace: Option<Namespace>,
}

impl VirtualBoard<Linux> {
    /// Makes the board's directory, disk and network where they are missing, and switches it on.
    ///
    /// Returns when QEMU runs, some seconds before the board's agent does.
    ///
    /// # Errors
    ///
    /// [`BoardError`] if a program is missing (see [`crate::prerequisites`]), a file or the network
    /// cannot be made, or QEMU ends.
    pub async fn start(image: &Image, options: Options) -> Result<Self, BoardError> {
        let (kept_image, kept_options) = (image.clone(), options.clone());
        let prepared = tokio::task::spawn_blocking(move || prepare(&kept_image, &kept_options));
        let namespace = prepared.await.map_err(io::Error::from);
        let namespace = error::file(&options.directory, "prepare", namespace)??;
        let (directory, network) = (options.directory.clone(), options.network);
        let kind = Linux {
            image: image.clone(),
            options,
            host_port: 0,
            namespace,
        };
        let mut board = Self::launch(kind, directory).await?;
        if network == Network::User {
            board.kind.host_port = board.forwarded_port().await?;
        }
        Ok(board)
    }

    /// Returns the port of 127.0.0.1 that QEMU forwards to the board's agent.
    async fn forwarded_port(&self) -> Result<u16, BoardError> {
        let question = serde_json::json!({ "command-line": "info usernet" });
        let answer = self.execute("human-monitor-command", question).await?;
        let port = answer.as_str().and_then(forwarded_port);
        port.ok_or_else(|| {
            late(
                "the agent's port",
                START_TIMEOUT_SECONDS,
                &self.machine.words,
            )
        })
    }
}

impl Kind for Linux {
    fn command(&self) -> Result<Vec<String>, BoardError> {
        let mut command = Vec::new();
        if let Some(namespace) = &self.namespace {
            command.extend(namespace.prefix().map(str::to_owned));
        }
        // By path: `ip netns exec` looks on PATH only, and an absent QEMU is told before `ip`
        // starts.
        command.push(program::path(QEMU)?);
        command.extend(qemu_arguments(
            self.image.kernel(),
            &self.options,
            self.host_port,
        ));
        Ok(command)
    }
}

/// Makes what the board needs before QEMU starts. Blocks.
fn prepare(image: &Image, options: &Options) -> Result<Option<Namespace>, BoardError> {
    let directory = &options.directory;
    error::directory(directory)?;
    let initrd = directory.join(INITRD);
    error::file(&initrd, "write", fs::write(&initrd, image.initrd()))?;
    disk::ensure(&directory.join(DISK), options.disk_mib)?;
    match options.network {
        Network::User => Ok(None),
        Network::Tap => Ok(Some(Namespace::create()?)),
    }
}
