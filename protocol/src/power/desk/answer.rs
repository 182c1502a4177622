//! What a power desk answers, and the reply that says so.

use crate::message::Initiated;
use crate::power::{Operation, Standdown};
use crate::refusal::{Code, Part, Refusal};
use crate::units::OperationId;

/// The detail of a refusal where nothing can reset this board; fixed by the protocol.
pub const INVALID_COMMAND: &str = "invalid command";
/// The detail of a refusal where a graceful operation cannot start; fixed by the protocol.
pub const FAIL: &str = "fail";

/// What a desk answers. Small, unlike the reply that [`Desk::reply`](super::Desk::reply) makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Accepted, now or when it was first asked for.
    Initiated {
        /// What was asked.
        operation: Operation,
        /// Its id.
        id: OperationId,
    },
    /// The boot that it was meant for is over.
    AlreadyDone,
    /// Called off.
    Cancelled {
        /// What it would have done.
        operation: Operation,
        /// Its id.
        id: OperationId,
    },
    /// No: this one is staged.
    Busy {
        /// What it will do.
        operation: Operation,
        /// Its id.
        id: OperationId,
    },
    /// No: it was accepted, and stood down.
    StoodDown {
        /// What was asked.
        operation: Operation,
        /// Its id.
        id: OperationId,
        /// Why.
        why: Standdown,
    },
    /// No: this board cannot do that, or not now. In the words that older clients know.
    Cannot(Operation),
    /// No: this id is not a client's to choose.
    NotYourId,
    /// No: there is nothing to call off.
    NothingStaged,
    /// No: this is staged, and not what was named.
    StagedIs(OperationId),
    /// No: it is being prepared, or released.
    NotNow,
}

impl Answer {
    /// The answer to a request whose operation was accepted and stands down, because its
    /// acknowledgement has no link to go out on.
    #[must_use]
    pub const fn unheard(initiated: &Initiated) -> Self {
        Self::StoodDown {
            operation: initiated.operation,
            id: initiated.id,
            why: Standdown::AckFailed,
        }
    }

    /// Whether it is no.
    #[must_use]
    pub const fn is_no(&self) -> bool {
        !matches!(
            self,
            Self::Initiated { .. } | Self::AlreadyDone | Self::Cancelled { .. }
        )
    }

    /// Why the answer is no; an internal error if it is yes.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match *self {
            Self::Initiated { .. } | Self::AlreadyDone | Self::Cancelled { .. } => {
                Refusal::new(Code::Internal, "")
            }
            Self::Busy { operation, id } => Refusal::of_parts(Code::Busy, &named(operation, id)),
            Self::StoodDown { operation, id, why } => {
                let [operation, op, id] = named(operation, id);
                let parts = [operation, op, id, Part::Text(": "), Part::Text(why.word())];
                Refusal::of_parts(Code::Aborted, &parts)
            }
            Self::Cannot(operation) if operation.is_graceful() => {
                Refusal::new(Code::Internal, FAIL)
            }
            Self::Cannot(_) => Refusal::new(Code::NotHere, INVALID_COMMAND),
            Self::NotYourId => Refusal::new(Code::BadValue, "op is not in 1..=4294967295"),
            Self::NothingStaged => Refusal::new(Code::Unknown, "no power operation is staged"),
            Self::StagedIs(id) => {
                let parts = [Part::Text("staged is op="), Part::Number(id.0)];
                Refusal::of_parts(Code::Unknown, &parts)
            }
            Self::NotNow => Refusal::new(Code::Busy, "it can be cancelled no more, or not yet"),
        }
    }
}

/// `reboot op=7`
const fn named(operation: Operation, id: OperationId) -> [Part<'static>; 3] {
    [
        Part::Text(operation.word()),
        Part::Text(" op="),
        Part::Number(id.0),
    ]
}
