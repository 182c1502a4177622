//! The errors of a transfer.

use super::super::{CallError, LinkError};
use lastword_protocol::refusal::Refusal;
use std::io;

/// The reasons for which an object does not arrive.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The board could not be asked, or the link broke: what has arrived is kept, so ask again.
    #[error(transparent)]
    Call(Box<CallError>),
    /// The board says no.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// Nothing got on for ten seconds.
    #[error("the transfer had no progress for too long")]
    Stalled,
    /// This side's bytes could not be read or written.
    #[error("the file failed")]
    Local(#[source] io::Error),
    /// The board answers with something else.
    #[error("the board answers with something that is no answer to this")]
    Unexpected,
    /// The board has no store.
    #[error("the board has no store for objects")]
    NoStore,
}

impl From<CallError> for TransferError {
    fn from(error: CallError) -> Self {
        Self::Call(Box::new(error))
    }
}

impl From<LinkError> for TransferError {
    fn from(error: LinkError) -> Self {
        CallError::from(error).into()
    }
}
