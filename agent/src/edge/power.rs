//! The task that carries out what the power desk decides: one `select!` over requests, the
//! acknowledgement's link, finished work and the clock.

mod commit_point;
mod handle;
mod shared_desk;
mod ticket;
mod work;

pub use commit_point::CommitPoint;
pub use handle::{PowerAnswer, PowerHandle};
pub use shared_desk::SharedDesk;
pub use ticket::Ticket;

use super::backend::{PowerBackend, Trigger};
use super::clock::Clock;
use super::events::EventBus;
use super::failpoint::pass;
use super::services::Services;
use super::threads::Threads;
use crate::core::record::{PowerRecord, RefusedOperation};
use crate::core::recovery::Recovered;
use crate::core::storage::Storage;
use handle::{PowerMessage, ReplySender};
use lastword_protocol::OperationId;
use lastword_protocol::message::Reply;
use lastword_protocol::message::event::PowerStep;
use lastword_protocol::power::{
    self, Backend, Effect, Event, LastOperation, Operation, Order, Outcome, PowerRequest,
    Standdown, Verdict,
};
use lastword_protocol::refusal::{Code, Refusal};
use std::sync::Arc;
use ticket::Holder;
use tokio::sync::{mpsc, watch};
use work::{Done, Queue, Recorder, Task};

/// Why an agent that ends refuses.
pub(super) const ENDING: &str = "the agent is ending";

/// The cause with which an agent without a backend refuses.
const NO_BACKEND: &str = "the agent has no power backend";

/// How many requests may wait for the desk.
const ASKS: usize = 16;

/// The task. Build it with [`PowerTask::new`], then [`PowerTask::run`] it.
pub struct PowerTask {
    desk: SharedDesk,
    clock: Clock,
    news: watch::Sender<()>,
    asks: mpsc::Receiver<PowerMessage>,
    queue: Queue,
    preparing: Option<(Order, PowerRequest, ReplySender)>,
    /// Who asked again for what is being prepared: one a session at most.
    also_asked: Vec<ReplySender>,
    staged: Option<InHand>,
    services: Services,
    events: EventBus,
    /// The agent is ending: nothing new, and nothing that is not released.
    stopping: bool,
}

/// What a power task acts with.
pub struct Means {
    /// Carries operations out.
    pub backend: Arc<dyn PowerBackend>,
    /// Where the record is.
    pub storage: Box<dyn Storage>,
    /// What both of them are called on.
    pub threads: Arc<dyn Threads>,
    /// What must not start any more once an operation is released, and stops before a graceful one.
    pub services: Services,
    /// The commit point of an activation, for which a graceful operation waits.
    pub commit_point: CommitPoint,
    /// Takes what becomes of operations.
    pub events: EventBus,
}

/// What belongs to the operation that is staged.
struct InHand {
    id: OperationId,
    operation: Operation,
    holder: Holder,
    trigger: Option<Box<dyn Trigger>>,
}

impl PowerTask {
    /// A power task, and how to reach it. Recovery must have its verdict first.
    #[must_use]
    pub fn new(
        recovered: &Recovered,
        desk: SharedDesk,
        means: Means,
        clock: Clock,
    ) -> (Self, PowerHandle) {
        let (sender, asks) = mpsc::channel(ASKS);
        let (news, told) = watch::channel(());
        let recorder = Recorder::new(recovered.record().cause, means.storage);
        let (services, events) = (means.services, means.events);
        let queue = Queue::new(
            means.backend,
            recorder,
            means.threads,
            (services.clone(), means.commit_point),
        );
        let task = Self {
            desk,
            clock,
            news,
            asks,
            queue,
            preparing: None,
            also_asked: Vec::new(),
            staged: None,
            services,
            events,
            stopping: false,
        };
        let handle = PowerHandle {
            asks: sender,
            news: told,
        };
        (task, handle)
    }

    /// Serves until `stop` turns true. What is staged then stands down, unless it is released:
    /// that is seen through first.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        while !self.stopping || self.queue.has_work() {
            let deadline = self.desk.lock().deadline();
            // Each arm may be dropped and polled anew: channels, a holder that keeps what it has
            // heard, a queue that keeps what it runs, a clock. In this order, because sessions end
            // when the agent does: what is staged then stands down for that, not for a lost link.
            tokio::select! {
                biased;
                _ = stop.changed(), if !self.stopping => {
                    self.stopping = true;
                    self.step(Event::Cancel(Standdown::AgentStopped));
                }
                event = Self::link_event(&mut self.staged) => self.step(event),
                done = self.queue.next() => self.finish(done),
                () = self.clock.wait(deadline) => self.step(Event::Tick),
                ask = self.asks.recv(), if !self.stopping => match ask {
                    Some(ask) => self.hear(ask),
                    None => self.stopping = true,
                },
            }
        }
    }

    async fn link_event(staged: &mut Option<InHand>) -> Event {
        match staged {
            Some(in_hand) => in_hand.holder.next_event().await,
            None => std::future::pending().await,
        }
    }

    fn hear(&mut self, ask: PowerMessage) {
        pass("in-power");
        match ask {
            PowerMessage::Stage {
                request,
                origin,
                quiet_console,
                answer,
            } => {
                let mut desk = self.desk.lock();
                match (desk.ask(&request, origin), desk.order().copied()) {
                    (Verdict::Answer(said), _) => {
                        let mut reply = desk.reply(said);
                        drop(desk);
                        if let (power::Answer::Cannot(operation), Reply::Refused(refusal)) =
                            (said, &mut reply)
                        {
                            let id = request.id.unwrap_or(origin.assigned);
                            *refusal = self.refuse(id, operation, refusal.clone(), NO_BACKEND);
                        }
                        reply_to(answer, reply, None);
                    }
                    (Verdict::Wait, _) | (_, None) => self.also_asked.push(answer),
                    (Verdict::Prepare, Some(order)) => {
                        let record = desk.staging_record(&order);
                        self.queue.push(Task::Prepare {
                            order,
                            quiet_console,
                            record,
                        });
                        self.preparing = Some((order, request, answer));
                    }
                }
            }
            PowerMessage::Cancel { id, answer } => {
                let (said, effect) = self.desk.lock().cancel(self.clock.now(), id);
                let reply = self.desk.lock().reply(said);
                tracing::info!(target: "power", reply = ?said, "cancel asked for");
                if let Some(effect) = effect {
                    self.carry_out(effect);
                }
                reply_to(answer, reply, None);
            }
        }
    }

    fn finish(&mut self, done: Done) {
        match done {
            Done::Prepared(result) => self.prepared(result),
            Done::Released(true) => self.step(Event::Recorded),
            Done::Released(false) => self.step(Event::RecordFailed),
            // The platform's program has ended well: the board is on its way down.
            Done::Fired {
                code: 0,
                dry_run: false,
            } => self.queue.push(Task::AwaitDown),
            Done::Fired { code, .. } => self.step(Event::FireFailed(code)),
            Done::StillUp => self.step(Event::FireFailed(0)),
            Done::Noted => {}
        }
    }

    fn prepared(&mut self, result: Result<Box<dyn Trigger>, String>) {
        let Some((order, request, answer)) = self.preparing.take() else {
            return;
        };
        let Some(said) = self.desk.lock().prepared(self.clock.now(), result.is_ok()) else {
            return;
        };
        let mut reply = self.desk.lock().reply(said);
        if let (Err(cause), Reply::Refused(refusal)) = (&result, &mut reply) {
            *refusal = self.refuse(order.id, order.operation, refusal.clone(), cause);
        }
        let result = if self.stopping {
            // Whatever is staged now would be left behind.
            self.step(Event::Cancel(Standdown::AgentStopped));
            reply = Reply::Refused(Refusal::new(Code::Offline, ENDING));
            Err(ENDING.to_owned())
        } else {
            result
        };
        for also in self.also_asked.drain(..) {
            reply_to(also, reply.clone(), None);
        }
        let ticket = match result {
            Ok(trigger) => Some(self.take_in_hand(&order, &request, trigger)),
            Err(_) => None,
        };
        // If the session is gone its ticket is dropped here, which the holder hears.
        reply_to(answer, reply, ticket);
    }

    /// Gives a refusal its cause, and remembers that.
    fn refuse(
        &mut self,
        id: OperationId,
        operation: Operation,
        refusal: Refusal,
        cause: &str,
    ) -> Refusal {
        tracing::warn!(target: "power", %operation, %id, cause, "refused");
        let refusal = refusal.because(cause);
        let refused = RefusedOperation {
            id,
            operation,
            cause: refusal.cause.clone(),
        };
        *self.desk.refused() = Some(refused.clone());
        let desk = self.desk.lock();
        let record = PowerRecord::new(desk.board().boot, desk.board().cause, desk.last());
        drop(desk);
        let record = record.and_refused(Some(refused));
        self.queue.push(Task::NoteRefusal(record));
        refusal
    }

    fn take_in_hand(
        &mut self,
        order: &Order,
        request: &PowerRequest,
        trigger: Box<dyn Trigger>,
    ) -> Ticket {
        *self.desk.refused() = None;
        tracing::info!(target: "power", operation = %order.operation, id = %order.id,
            reason = ?request.reason.as_str(), delay = %order.delay, force = order.force, "staged");
        let (holder, ticket) = ticket::new(request.await_close);
        self.staged = Some(InHand {
            id: order.id,
            operation: order.operation,
            holder,
            trigger: Some(trigger),
        });
        self.report(PowerStep::Staged);
        ticket
    }

    /// Reports that the staged operation has moved on.
    fn report(&self, step: PowerStep) {
        if let Some(InHand { id, operation, .. }) = &self.staged {
            self.events.report_power(*id, *operation, step);
        }
    }

    fn step(&mut self, event: Event) {
        let effect = self.desk.lock().step(self.clock.now(), event);
        if let Some(effect) = effect {
            tracing::debug!(target: "power", ?event, ?effect, "step");
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        self.news.send_replace(());
        match effect {
            Effect::AwaitDrain(_) => self.report(PowerStep::Draining),
            Effect::AwaitDelay(until) => {
                let left = until.since(self.clock.now());
                tracing::info!(target: "power", %left, "acknowledged; the delay runs");
                self.report(PowerStep::Scheduled(left));
                if let Some(trigger) = self.staged.as_mut().and_then(|it| it.trigger.as_mut()) {
                    trigger.acknowledged();
                }
            }
            Effect::Release(evidence) => {
                tracing::info!(target: "power", %evidence, "acknowledged; released");
                self.report(PowerStep::Released(evidence));
                self.services.freeze();
                if let Some(in_hand) = &self.staged {
                    in_hand.holder.release();
                }
                self.record(Task::Release);
            }
            Effect::Fire(operation, evidence) => {
                let staged = self.staged.as_mut();
                let trigger = staged.and_then(|in_hand| in_hand.trigger.take());
                let dry_run = self.desk.lock().board().backend == Backend::DryRun;
                if let Some(trigger) = trigger {
                    if !dry_run {
                        self.report(PowerStep::Fired);
                    }
                    self.queue.push(Task::Fire {
                        trigger,
                        evidence,
                        dry_run,
                        graceful: operation.is_graceful(),
                    });
                }
            }
            Effect::Stand(why) => {
                tracing::warn!(target: "power", %why, "stood down; the board stays up");
                self.report(PowerStep::StoodDown(why));
                self.services.thaw();
                self.staged = None;
                self.record(Task::Note);
            }
            Effect::Failed(code) => {
                let last = self.desk.lock().last();
                if let Some(Outcome::DryRun(evidence)) = last.map(|last| last.outcome) {
                    tracing::info!(target: "power", "dry run done");
                    self.report(PowerStep::DryRun(evidence));
                } else {
                    tracing::error!(target: "power", code, "fired; the board is still up");
                    self.report(PowerStep::FireFailed(code));
                }
                self.services.thaw();
                self.staged = None;
                self.record(Task::Note);
            }
        }
    }

    /// Queues the writing of what the desk has on record now.
    fn record(&mut self, task: fn(LastOperation) -> Task) {
        if let Some(last) = self.desk.lock().last() {
            self.queue.push(task(last));
        }
    }
}

fn reply_to(answer: ReplySender, reply: Reply, ticket: Option<Ticket>) {
    // A session that is gone wants no answer; dropping its ticket tells what is staged.
    let _ = answer.send((reply, ticket));
}
