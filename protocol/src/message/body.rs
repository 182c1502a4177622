//! The bodies of replies.

use crate::codec::fields;
use crate::identity::Cause;
use crate::power::{Backend, LastOperation, Operation, Phase};
use crate::refusal::CAUSE_BYTES;
use crate::units::{BootId, Millis, OperationId, Text};
use serde::{Deserialize, Serialize};

/// How a board is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// This boot.
    pub boot: BootId,
    /// Time since the board booted.
    pub uptime: Millis,
    /// Time since the agent started.
    pub agent_uptime: Millis,
    /// Sessions open on it.
    pub sessions: u16,
    /// Memory that can still be had, in KiB; 0 if unknown.
    pub memory_available_kib: u32,
    /// Load average over a minute, in hundredths; 0 on boards that have none.
    pub load_hundredths: u32,
    /// What is staged.
    pub pending: Option<Pending>,
    /// Listeners that cannot be opened yet, as far as they fit; empty: none.
    pub waiting: Text<WAITING_BYTES>,
    /// Services whose logs cannot be written.
    pub failing_logs: u16,
    /// The time for which its certificate is still valid; `None`: for more than 30 days, or it has none.
    pub certificate_left: Option<Millis>,
}

/// The longest list of listeners that are waited for, in bytes.
pub const WAITING_BYTES: usize = 64;

/// How long a board is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uptime {
    /// Time since it booted.
    pub uptime: Millis,
    /// This boot.
    pub boot: BootId,
}

/// A power operation is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Initiated {
    /// What was accepted.
    pub operation: Operation,
    /// What will carry it out.
    pub backend: Backend,
    /// Its id.
    pub id: OperationId,
}

/// The boot that a request was meant for is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlreadyDone {
    /// The boot that answers.
    pub boot: BootId,
    /// Why it booted.
    pub cause: Cause,
    /// The last operation it remembers.
    pub last: Option<LastOperation>,
}

/// A staged operation on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Its id.
    pub id: OperationId,
    /// What it will do.
    pub operation: Operation,
    /// How far it is.
    pub phase: Phase,
    /// Time left of the phase, where it has an end.
    pub left: Option<Millis>,
}

/// What is staged and what was last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerStatus {
    /// What carries operations out.
    pub backend: Backend,
    /// This boot.
    pub boot: BootId,
    /// What is staged.
    pub pending: Option<Pending>,
    /// The last operation that is over, or was when the board went down.
    pub last: Option<LastOperation>,
    /// The cause of the last refusal, if an operation could not be prepared; empty otherwise.
    pub refused: Text<CAUSE_BYTES>,
}

/// An operation was called off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    /// Its id.
    pub id: OperationId,
    /// What it would have done.
    pub operation: Operation,
}

/// A request that still runs: what its copy is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Working {
    /// Time since the board admitted the request.
    pub elapsed: Millis,
    /// Time that it still takes at most, where the board knows.
    pub left: Option<Millis>,
}

fields! {
    Status {
        boot, uptime, agent_uptime, sessions, memory_available_kib, load_hundredths, pending,
        waiting, failing_logs, certificate_left,
    }
    Uptime { uptime, boot }
    Initiated { operation, backend, id }
    AlreadyDone { boot, cause, last }
    Pending { id, operation, phase, left }
    PowerStatus { backend, boot, pending, last, refused }
    Cancelled { id, operation }
    Working { elapsed, left }
}
