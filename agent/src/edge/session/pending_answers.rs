//! The questions of a session that the power desk and the supervisor work on.

use super::Room;
use crate::core::log::range::LogRange;
use crate::core::session::{OrphanedRequest, RequestId};
use crate::core::transfers::OpenObject;
use crate::core::world::{Ask, SessionAccess};
use crate::edge::link::Link;
use crate::edge::objects::ObjectAnswer;
use crate::edge::power::{ENDING, Ticket};
use crate::edge::tasks;
use lastword_protocol::message::Reply;
use lastword_protocol::message::service::ServiceRequest;
use lastword_protocol::power::Origin;
use lastword_protocol::refusal::{Code, Refusal};
use std::future::{Future, poll_fn, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The replies of others, and what comes with them.
pub(super) struct AnswerOutcome {
    pub(super) replies: Vec<Reply>,
    /// Of an operation that was staged.
    pub(super) ticket: Option<Ticket>,
    /// What the replies do not hold of a log.
    pub(super) rest: Option<LogRange>,
    /// The object that they open a transfer of.
    pub(super) object: Option<OpenObject>,
}

impl AnswerOutcome {
    pub(super) fn of_power((reply, ticket): (Reply, Option<Ticket>)) -> Self {
        Self {
            replies: vec![reply],
            ticket,
            rest: None,
            object: None,
        }
    }

    pub(super) const fn of_services(replies: Vec<Reply>, rest: Option<LogRange>) -> Self {
        Self {
            replies,
            ticket: None,
            rest,
            object: None,
        }
    }

    fn of_objects((reply, object): ObjectAnswer) -> Self {
        Self {
            replies: vec![reply],
            ticket: None,
            rest: None,
            object,
        }
    }

    /// The answer of an agent that ends.
    pub(super) fn ending() -> Self {
        let refusal = Refusal::new(Code::Offline, ENDING);
        Self::of_power((Reply::Refused(refusal), None))
    }
}

/// An answer on its way; `None`: those who were asked are gone.
pub(super) type PendingAnswer = Pin<Box<dyn Future<Output = Option<AnswerOutcome>> + Send>>;

/// Asks the power desk or the supervisor.
pub(super) fn ask(asked: Ask, origin: Origin, link: &dyn Link, room: &Room) -> PendingAnswer {
    if link.access() == SessionAccess::ReadOnly && asked.changes_board() {
        return refuse_change();
    }
    let quiet_console = link.is_console();
    let (power, services) = (room.power.clone(), room.services.clone());
    match asked {
        Ask::Stage(request) => Box::pin(async move {
            let answered = power.stage(request, origin, quiet_console).await?;
            Some(AnswerOutcome::of_power(answered))
        }),
        Ask::Cancel(id) => Box::pin(async move {
            let answered = power.cancel(id).await?;
            Some(AnswerOutcome::of_power(answered))
        }),
        Ask::Service(ServiceRequest::List | ServiceRequest::Logs(_)) | Ask::ReadLog(_)
            if room.memory.is_full() =>
        {
            let detail = "too many answers wait to be taken: ask again later";
            let refusal = Reply::Refused(Refusal::new(Code::SlowDown, detail));
            Box::pin(ready(Some(AnswerOutcome::of_services(vec![refusal], None))))
        }
        Ask::Service(request) => Box::pin(async move {
            let (replies, rest) = match request {
                ServiceRequest::Logs(wanted) => services.read_log(wanted).await,
                request => (services.ask(request).await, None),
            };
            Some(AnswerOutcome::of_services(replies, rest))
        }),
        Ask::Object(asked) => {
            let objects = room.objects.clone();
            Box::pin(async move { Some(AnswerOutcome::of_objects(objects.ask(asked).await)) })
        }
        Ask::Generation(request) => {
            let generations = room.generations.clone();
            Box::pin(async move {
                let replies = generations.ask(request).await;
                Some(AnswerOutcome::of_services(replies, None))
            })
        }
        Ask::ReadLog(range) => Box::pin(async move {
            let (replies, rest) = services.read_on(range).await;
            Some(AnswerOutcome::of_services(replies, rest))
        }),
    }
}

/// Answers somebody who may only look.
fn refuse_change() -> PendingAnswer {
    let refusal = Reply::Refused(Refusal::new(Code::NotAllowed, "a viewer changes nothing"));
    Box::pin(ready(Some(AnswerOutcome::of_services(vec![refusal], None))))
}

/// The answers on their way. The session bounds how many.
#[derive(Default)]
pub(super) struct PendingAnswers(Vec<(RequestId, PendingAnswer)>);

impl PendingAnswers {
    /// Waits for one more.
    pub(super) fn push(&mut self, id: RequestId, asking: PendingAnswer) {
        self.0.push((id, asking));
    }

    /// Waits no longer for one.
    pub(super) fn forget(&mut self, id: RequestId) {
        self.0.retain(|(it, _)| *it != id);
    }

    /// The next answer; for ever pending while none is on its way. Cancel-safe.
    pub(super) async fn next(&mut self) -> (RequestId, Option<AnswerOutcome>) {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<(RequestId, Option<AnswerOutcome>)> {
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
            let mut unanswered = unanswered.swap_remove(index);
            tasks::spawn("kept answer", async move {
                let answer = asking.await.unwrap_or_else(AnswerOutcome::ending);
                if let Some(rest) = answer.rest {
                    unanswered.continues(rest);
                }
                if let Some(object) = answer.object {
                    unanswered.opens(object);
                }
                unanswered.keep(&answer.replies, answer.ticket.is_some());
            });
        }
    }
}
