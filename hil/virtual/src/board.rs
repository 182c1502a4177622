//! A virtual board of any kind: switched on and off, given orders, spoken to over its UART,
//! watched.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use serde_json::Value;
use tokio::net::UnixStream;

use crate::error::BoardError;
use crate::machine::{Machine, SERIAL_SOCKET};
use crate::qmp::{Events, QmpError, QmpEvent};
use lastword_client::dial::LineSocket;
use lastword_client::endpoint::Baud;

/// What a kind of board has beyond a QEMU.
pub trait Kind: fmt::Debug + Send + Sync {
    /// Returns the command that switches the board on: program and arguments, to be run in the
    /// board's directory.
    ///
    /// # Errors
    ///
    /// [`BoardError`] if the program is missing.
    fn command(&self) -> Result<Vec<String>, BoardError>;
}

/// A board in a QEMU machine. Dropping it cuts its power, and removes what its kind has made.
#[derive(Debug)]
pub struct VirtualBoard<K> {
    directory: PathBuf,
    pub(crate) machine: Machine,
    // After the machine: fields are dropped in order, and QEMU may be in the kind's network.
    pub(crate) kind: K,
}

impl<K: Kind> VirtualBoard<K> {
    /// Switches a board of this kind on, in a directory that has what its QEMU needs.
    pub(crate) async fn launch(kind: K, directory: PathBuf) -> Result<Self, BoardError> {
        let machine = Machine::launch(&kind.command()?, &directory).await?;
        Ok(Self {
            directory,
            machine,
            kind,
        })
    }

    /// Switches the board on again after [`Self::power_cut`] or its own shutdown, with the same
    /// disk, network and addresses, where it has any; does nothing to a board that is on.
    ///
    /// A console file begins anew, and so do the events; earlier readers of them have ended.
    ///
    /// # Errors
    ///
    /// [`BoardError`] if QEMU ends.
    pub async fn power_on(&mut self) -> Result<(), BoardError> {
        if self.machine.try_status().is_some() {
            self.machine = Machine::launch(&self.kind.command()?, &self.directory).await?;
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
    pub async fn next_event(&mut self) -> Result<QmpEvent, BoardError> {
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

    /// Returns the path of the socket that is the board's UART. It serves one client at a time.
    #[must_use]
    pub fn serial_path(&self) -> PathBuf {
        self.directory.join(SERIAL_SOCKET)
    }

    /// Returns the board's UART as a line that can be dialled.
    #[must_use]
    pub fn serial_line(&self) -> LineSocket {
        LineSocket {
            path: self.serial_path(),
            baud: Baud::DEFAULT,
        }
    }

    /// Connects to the board's UART. What the board sent while nobody was connected is lost; what
    /// nobody reads stays in the board, once the socket's buffer is full.
    ///
    /// # Errors
    ///
    /// An I/O error if the board is off.
    pub async fn connect_serial(&self) -> io::Result<UnixStream> {
        UnixStream::connect(self.serial_path()).await
    }

    /// Returns the directory with the board's files.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }
}
