//! The reasons for which there is no reply: what to say, and how to end.

use crate::Exit;
use lastword_client::client::{CallError, GreetError, TransferError, Unwelcome};
use lastword_client::endpoint::Endpoint;
use lastword_protocol::refusal::Code;
use std::error::Error;

/// A step that has no reply: what to say, and how to end.
pub(crate) type Trouble = (Code, String, Exit);

/// Returns what is said of a board that could not be greeted.
pub(crate) fn not_reached(endpoint: &Endpoint, error: GreetError) -> Trouble {
    match error {
        GreetError::Link(error) => {
            let detail = format!("cannot reach {endpoint}: {}", reason(&error));
            (Code::Offline, detail, Exit::Unreachable)
        }
        GreetError::Silent => {
            let detail = format!("no answer from {endpoint}");
            (Code::Timeout, detail, Exit::Unreachable)
        }
        GreetError::Unwelcome(unwelcome) => not_welcome(&unwelcome),
        GreetError::TooLong(error) => (Code::Internal, error.to_string(), Exit::No),
    }
}

/// Returns what is said of an object that did not arrive.
pub(crate) fn not_arrived(error: &TransferError) -> Trouble {
    let detail = reason(error);
    match error {
        TransferError::Call(error) => lost(error),
        TransferError::Refused(refusal) => (refusal.code, refusal.detail.to_string(), Exit::No),
        TransferError::Stalled => (Code::Timeout, detail, Exit::Unreachable),
        TransferError::Local(_) | TransferError::Unexpected => (Code::Internal, detail, Exit::No),
        TransferError::NoStore => (Code::NotHere, detail, Exit::No),
    }
}

/// Returns what is said of a board that opens no session.
pub(crate) fn not_welcome(unwelcome: &Unwelcome) -> Trouble {
    match unwelcome {
        Unwelcome::Busy(_) => {
            let detail = format!("{unwelcome}; --take-over takes it");
            (Code::Busy, detail, Exit::No)
        }
        Unwelcome::Refused(refusal) => (refusal.code, refusal.detail.to_string(), Exit::No),
        Unwelcome::Version(_) => (Code::NotHere, unwelcome.to_string(), Exit::No),
    }
}

/// Returns what is said of a request without a reply.
pub(crate) fn lost(error: &CallError) -> Trouble {
    let detail = reason(error);
    match error {
        CallError::Cannot(_) => (Code::Internal, detail, Exit::No),
        CallError::Link(_) => (Code::Offline, detail, Exit::Unreachable),
        CallError::Silent => (Code::Timeout, detail, Exit::Unreachable),
        CallError::StillWorking(_) => {
            let detail = format!("{detail}; raise --timeout to wait for it");
            (Code::Timeout, detail, Exit::Unreachable)
        }
        CallError::Restarted(_) => (Code::Aborted, detail, Exit::Unreachable),
        CallError::Unwelcome(unwelcome) => not_welcome(unwelcome),
        CallError::StreamLost => (Code::Unknown, detail, Exit::No),
        CallError::Unreadable(_) => (Code::NotHere, detail, Exit::No),
    }
}

/// Returns the innermost cause: `the link failed` adds nothing to what the system says.
pub(crate) fn reason(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => reason(cause),
        None => error.to_string(),
    }
}
