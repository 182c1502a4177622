//! One virtual board: switched on and off, given orders, watched.

use std::fs;
use std::io;
use std::process::ExitStatus;

use serde_json::Value;

use super::command_line::{DISK, INITRD, QEMU, qemu_arguments};
use super::error::{self, BoardError};
use super::image::Image;
use super::machine::Machine;
use super::namespace::Namespace;
use super::options::{Network, Options};
use super::qmp::{BoardEvent, Events, QmpError};
use super::{disk, program};

/// A Linux board in a QEMU machine. Dropping it cuts its power and removes its network.
#[derive(Debug)]
pub struct VirtualBoard {
    image: Image,
    pub(super) options: Options,
    pub(super) machine: Machine,
    /// The port of 127.0.0.1 that leads to the agent; 0 on a tap.
    pub(super) host_port: u16,
    // After the machine, because fields are dropped in order and QEMU is in the namespace.
    pub(super) namespace: Option<Namespace>,
}

impl VirtualBoard {
    /// Makes the board's directory, disk and network where they are missing, and switches it on.
    ///
    /// Returns when QEMU runs, some seconds before the board's agent does.
    ///
    /// # Errors
    ///
    /// [`BoardError`] if a program is missing (see [`super::prerequisites`]), a file or the network
    /// cannot be made, or QEMU ends.
    pub async fn start(image: &Image, options: Options) -> Result<Self, BoardError> {
        let (kept_image, kept_options) = (image.clone(), options.clone());
        let prepared = tokio::task::spawn_blocking(move || prepare(&kept_image, &kept_options));
        let namespace = prepared.await.map_err(io::Error::from);
        let namespace = error::file(&options.directory, "prepare", namespace)??;
        let machine = launch(image, &options, namespace.as_ref(), 0).await?;
        let host_port = match options.network {
            Network::User => machine.forwarded_port().await?,
            Network::Tap => 0,
        };
        Ok(Self {
            image: image.clone(),
            options,
            machine,
            host_port,
            namespace,
        })
    }

    /// Switches the board on again after [`Self::power_cut`] or its own shutdown, with the same
    /// disk, network and addresses; does nothing to a board that is on.
    ///
    /// The console file begins anew, and so do the events; earlier readers of them have ended.
    ///
    /// # Errors
    ///
    /// [`BoardError`] if QEMU ends.
    pub async fn power_on(&mut self) -> Result<(), BoardError> {
        if self.machine.try_status().is_some() {
            let namespace = self.namespace.as_ref();
            self.machine = launch(&self.image, &self.options, namespace, self.host_port).await?;
        }
        Ok(())
    }

    /// Takes the board's power away, by SIGKILL to QEMU: what it had not written is lost.
    ///
    /// # Errors
    ///
    /// [`BoardError`] if QEMU's end cannot be waited for.
    pub async fn power_cut(&mut self) -> Result<(), BoardError> {
        self.machine.kill().await.map(drop)
    }

    /// Ends QEMU and removes the board's network; the directory stays. The board's system notices
    /// nothing: to let it shut down, ask its agent.
    ///
    /// # Errors
    ///
    /// [`BoardError`] if QEMU's end cannot be waited for.
    pub async fn stop(mut self) -> Result<(), BoardError> {
        self.machine.quit().await.map(drop)
    }

    /// Waits until the board has switched itself off or QEMU has ended for any other reason.
    /// Cancelling it loses nothing.
    ///
    /// # Errors
    ///
    /// [`BoardError`] if QEMU's end cannot be waited for.
    pub async fn exited(&mut self) -> Result<ExitStatus, BoardError> {
        self.machine.exited().await
    }

    /// Waits for the next event since the board was switched on. Cancelling it loses none.
    ///
    /// # Errors
    ///
    /// [`BoardError::Ended`] after the last event of a board that is off.
    pub async fn next_event(&mut self) -> Result<BoardEvent, BoardError> {
        match self.machine.events.next().await {
            Err(QmpError::Closed) => Err(self.machine.ended().await),
            event => Ok(event?),
        }
    }

    /// Returns a second reader of events, of those from now on until the board is switched off.
    #[must_use]
    pub fn subscribe(&self) -> Events {
        self.machine.events.subscribe()
    }

    /// Sends QEMU a command of its machine protocol, such as `system_reset`, and returns the
    /// result; `arguments` is an object, or null for none.
    ///
    /// # Errors
    ///
    /// [`BoardError::Qmp`] if QEMU refuses or has ended.
    pub async fn execute(&self, command: &str, arguments: Value) -> Result<Value, BoardError> {
        Ok(self.machine.qmp.execute(command, arguments).await?)
    }
}

/// Makes what the board needs before QEMU starts. Blocks.
fn prepare(image: &Image, options: &Options) -> Result<Option<Namespace>, BoardError> {
    let directory = &options.directory;
    error::file(
        directory,
        "make the directory",
        fs::create_dir_all(directory),
    )?;
    let initrd = directory.join(INITRD);
    error::file(&initrd, "write", fs::write(&initrd, image.initrd()))?;
    disk::ensure(&directory.join(DISK), options.disk_mib)?;
    match options.network {
        Network::User => Ok(None),
        Network::Tap => Ok(Some(Namespace::create()?)),
    }
}

async fn launch(
    image: &Image,
    options: &Options,
    namespace: Option<&Namespace>,
    host_port: u16,
) -> Result<Machine, BoardError> {
    let mut command = Vec::new();
    if let Some(namespace) = namespace {
        command.extend(namespace.prefix().map(str::to_owned));
    }
    // By path: `ip netns exec` looks on PATH only, and an absent QEMU is told before `ip` starts.
    command.push(program::path(QEMU)?);
    command.extend(qemu_arguments(image.kernel(), options, host_port));
    Machine::launch(&command, &options.directory).await
}
