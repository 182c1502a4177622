//! What happens to a virtual board, as QEMU reports it.

use std::time::Duration;

use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;

use super::QmpError;

/// Something that happened to the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QmpEvent {
    /// What it was.
    pub kind: BoardEventKind,
    /// QEMU's word for why, such as `guest-reset` or `host-qmp-system-reset`; most events have
    /// none.
    pub reason: Option<String>,
    /// When this process received it.
    pub at: Instant,
    /// When QEMU saw it, on the host's wall clock since the Unix epoch, in microseconds.
    pub qemu_time: Duration,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoardEventKind {
    /// The board was reset, by itself or from outside.
    Reset,
    /// The board switched itself off, or was told to from outside; QEMU ends.
    Shutdown,
    /// Something else, by QEMU's name for it.
    Other(String),
}

/// A reader of a board's events.
#[derive(Debug)]
pub struct Events {
    receiver: broadcast::Receiver<QmpEvent>,
}

impl Events {
    /// Returns a reader of what `receiver` has.
    pub(super) fn new(receiver: broadcast::Receiver<QmpEvent>) -> Self {
        Self { receiver }
    }

    /// Waits for the next event. Cancelling it loses none.
    ///
    /// # Errors
    ///
    /// [`QmpError::Closed`] after the last event of a board that is off,
    /// [`QmpError::EventsLost`] if events were not read in time; reading goes on after it.
    pub async fn next(&mut self) -> Result<QmpEvent, QmpError> {
        self.receiver.recv().await.map_err(|error| match error {
            RecvError::Closed => QmpError::Closed,
            RecvError::Lagged(count) => QmpError::EventsLost { count },
        })
    }

    /// Returns a second reader, of the events from now on.
    #[must_use]
    pub fn subscribe(&self) -> Self {
        Self {
            receiver: self.receiver.resubscribe(),
        }
    }
}
