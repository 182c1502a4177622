//! The way of sessions to the generations of the board.

use crate::core::service::answer::refused;
use lastword_protocol::Generation;
use lastword_protocol::message::Reply;
use lastword_protocol::message::generation::GenerationRequest;
use lastword_protocol::refusal::Code;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// The most requests that may wait.
pub(super) const REQUESTS_MAX: usize = 64;

/// The sessions' end of the way to the generations. Clones are the same.
#[derive(Clone, Debug)]
pub struct GenerationService {
    messages: Result<mpsc::Sender<GenerationMessage>, NotAvailable>,
    active: watch::Receiver<ActiveGenerations>,
}

/// A reason why nobody takes requests.
#[derive(Clone, Debug)]
enum NotAvailable {
    /// The configuration names no generations.
    NotConfigured,
    /// They cannot be used.
    Unusable(Arc<str>),
}

/// A request, and the way of its answer.
#[derive(Debug)]
pub(super) struct GenerationMessage {
    pub(super) request: GenerationRequest,
    pub(super) answer: oneshot::Sender<Vec<Reply>>,
}

/// The generations that a board runs, and is about to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActiveGenerations {
    /// The one that it runs.
    pub current: Option<Generation>,
    /// The one that is being activated, soaks, or waits for a reboot.
    pub pending: Option<Generation>,
}

impl GenerationService {
    /// The generations of a board that has none.
    #[must_use]
    pub fn none() -> Self {
        Self::unavailable(NotAvailable::NotConfigured)
    }

    /// The generations of a board that cannot use them, for this reason.
    #[must_use]
    pub fn unusable(why: String) -> Self {
        Self::unavailable(NotAvailable::Unusable(why.into()))
    }

    fn unavailable(why: NotAvailable) -> Self {
        Self {
            messages: Err(why),
            active: watch::channel(ActiveGenerations::default()).1,
        }
    }

    /// The way to a task that takes messages, and tells what is active.
    pub(super) const fn new(
        messages: mpsc::Sender<GenerationMessage>,
        active: watch::Receiver<ActiveGenerations>,
    ) -> Self {
        Self {
            messages: Ok(messages),
            active,
        }
    }

    /// Asks, and waits for the pages of the answer.
    pub async fn ask(&self, request: GenerationRequest) -> Vec<Reply> {
        let messages = match &self.messages {
            Ok(messages) => messages,
            Err(NotAvailable::NotConfigured) => {
                let detail =
                    "this agent takes no generations: its configuration has no block generations";
                return refused(Code::NotHere, detail);
            }
            Err(NotAvailable::Unusable(why)) => return refused(Code::Internal, why),
        };
        let (answer, answered) = oneshot::channel();
        let sent = messages.send(GenerationMessage { request, answer }).await;
        match (sent, answered.await) {
            (Ok(()), Ok(replies)) => replies,
            _ => refused(Code::Offline, "the agent is ending"),
        }
    }

    /// Returns what is active now.
    #[must_use]
    pub fn active(&self) -> ActiveGenerations {
        *self.active.borrow()
    }
}
