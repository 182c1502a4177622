//! The questions of a session that the power desk and the supervisor work on.

use crate::core::session::{OrphanedRequest, RequestId};
use crate::edge::power::{ENDING, Ticket};
use crate::edge::tasks;
use lastword_protocol::message::Reply;
use lastword_protocol::refusal::{Code, Refusal};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The replies of others, and the ticket of an operation that was staged; `None`: they are gone.
pub(super) type AnswerOutcome = Option<(Vec<Reply>, Option<Ticket>)>;

/// An answer on its way.
pub(super) type PendingAnswer = Pin<Box<dyn Future<Output = AnswerOutcome> + Send>>;

/// The answer of an agent that ends.
pub(super) fn ending() -> (Vec<Reply>, Option<Ticket>) {
    let refusal = Refusal::new(Code::Offline, ENDING);
    (vec![Reply::Refused(refusal)], None)
}

/// The answers on their way. The session bounds how many.
#[derive(Default)]
pub(super) struct PendingAnswers(Vec<(RequestId, PendingAnswer)>);

impl PendingAnswers {
    /// Waits for one more.
    pub(super) fn push(&mut self, id: RequestId, asking: PendingAnswer) {
        self.0.push((id, asking));
    }

    /// The next answer; for ever pending while none is on its way. Cancel-safe.
    pub(super) async fn next(&mut self) -> (RequestId, AnswerOutcome) {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<(RequestId, AnswerOutcome)> {
        // In the order in which they were asked: the first poll sends the question.
        for index in 0..self.0.len() {
            let (id, asking) = &mut self.0[index];
            if let Poll::Ready(answer) = asking.as_mut().poll(context) {
                let id = *id;
                drop(self.0.remove(index));
                return Poll::Ready((id, answer));
            }
        }
        Poll::Pending
    }

    /// The link is gone. Answers to requests in frames are kept when they come: their clients hear
    /// them on another link, or ask again there. An operation that one stages stands down, its ticket
    /// dropped.
    pub(super) fn abandon(self, mut unanswered: Vec<OrphanedRequest>) {
        for (id, asking) in self.0 {
            let Some(index) = unanswered.iter().position(|it| it.id() == id) else {
                continue;
            };
            let unanswered = unanswered.swap_remove(index);
            tasks::spawn("kept answer", async move {
                let (replies, ticket) = asking.await.unwrap_or_else(ending);
                unanswered.keep(&replies, ticket.is_some());
            });
        }
    }
}
