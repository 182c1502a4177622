//! What a power desk answers, and the reply that says so.

use crate::message::Initiated;
use crate::power::{Operation, Standdown};
use crate::refusal::{Code, Number, Pieces, Refusal};
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
    /// No: it is to wait until the client closes, and nobody closes a line.
    NothingCloses,
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
        self.pieces().refusal()
    }

    /// The same in pieces.
    pub(super) fn pieces(&self) -> Pieces<'static> {
        let (code, lead, number, tail) = match *self {
            Self::Initiated { .. } | Self::AlreadyDone | Self::Cancelled { .. } => {
                (Code::Internal, "", Number::None, "")
            }
            Self::Busy { operation, id } => {
                (Code::Busy, operation.word(), Number::Operation(id), "")
            }
            Self::StoodDown { operation, id, why } => {
                let id = Number::Operation(id);
                (Code::Aborted, operation.word(), id, why.word())
            }
            Self::Cannot(operation) if operation.is_graceful() => {
                (Code::Internal, FAIL, Number::None, "")
            }
            Self::Cannot(_) => (Code::NotHere, INVALID_COMMAND, Number::None, ""),
            Self::NotYourId => {
                let detail = "op is not in 1..=4294967295";
                (Code::BadValue, detail, Number::None, "")
            }
            Self::NothingCloses => {
                let detail = "await_close needs a connection; this is a line";
                (Code::BadValue, detail, Number::None, "")
            }
            Self::NothingStaged => {
                let detail = "no power operation is staged";
                (Code::Unknown, detail, Number::None, "")
            }
            Self::StagedIs(id) => (Code::Unknown, "staged is", Number::Operation(id), ""),
            Self::NotNow => {
                let detail = "it can be cancelled no more, or not yet";
                (Code::Busy, detail, Number::None, "")
            }
        };
        Pieces {
            code,
            lead,
            number,
            tail,
        }
    }
}
