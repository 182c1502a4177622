//! Who waits for an answer, and an answer that has to wait itself.

use super::frames::{Asked, Unanswered};
use lastword_protocol::message::Reply;

/// Who waits for an answer.
#[derive(Debug)]
pub(super) enum Waiting {
    Line,
    Frame(Asked),
}

impl Waiting {
    /// The link is gone. `late`: the answer, if it has come and could not be said.
    pub(super) fn abandon(self, late: &[Reply]) -> Option<Unanswered> {
        let Self::Frame(asked) = self else {
            return None;
        };
        let unanswered = Unanswered::new(asked);
        let Some(reply) = late.first() else {
            return Some(unanswered);
        };
        unanswered.keep(reply, false);
        None
    }
}
