//! The refusals of the store.

use lastword_protocol::refusal::{Code, Refusal};
use std::io;

/// Returns the refusal of a disk's error.
#[must_use]
pub fn failed(error: &io::Error) -> Box<Refusal> {
    refused(Code::Internal, &format!("the store failed: {error}"))
}

/// Returns the refusal of an object that has another length.
#[must_use]
pub fn other_length(size: u64) -> Box<Refusal> {
    refused(Code::BadValue, &format!("the object has {size} bytes"))
}

/// Returns a refusal.
pub(super) fn refused(code: Code, detail: &str) -> Box<Refusal> {
    Box::new(Refusal::new(code, detail))
}
