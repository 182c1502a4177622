//! An adoption that is tried again later.

use crate::edge::explained::{errno, explain, is_exhausted};
use crate::edge::store::Files;
use lastword_protocol::{Instant, Millis};
use nix::errno::Errno;
use std::io;

/// The time between two tries.
const ADOPTION_RETRY: Millis = Millis(1_000);

/// An adoption that was put off, because nobody could look which processes there are. Until it is done, nothing
/// starts, and what is written down of services stays as it is.
#[derive(Debug)]
pub(super) struct PendingAdoption {
    files: Files,
    error: io::Error,
    due: Instant,
}

impl PendingAdoption {
    /// Puts an adoption off that failed with `error`.
    pub(super) fn new(files: Files, error: &io::Error, now: Instant) -> Self {
        let error = if errno(error) == Some(Errno::EMFILE) {
            explain("raise the limit on open files", error)
        } else if is_exhausted(error) {
            explain("it is tried again", error)
        } else {
            explain(error, &Errno::EAGAIN.into())
        };
        Self {
            files,
            error,
            due: now.after(ADOPTION_RETRY),
        }
    }

    /// The state directory that it reads.
    pub(super) const fn files(&self) -> &Files {
        &self.files
    }

    /// The reason why nobody could look.
    pub(super) const fn error(&self) -> &io::Error {
        &self.error
    }

    /// The time of the next try.
    pub(super) const fn due(&self) -> Instant {
        self.due
    }
}
