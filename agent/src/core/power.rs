//! The power desk: who may stage an operation, and what is told to whom. Pure; the edge carries
//! out what it decides.

use lastword_protocol::identity::Cause;
use lastword_protocol::message::{AlreadyDone, Cancelled, Initiated, Pending, PowerStatus, Reply};
use lastword_protocol::power::{
    Backend, Effect, Event, Evidence, LastOperation, Operation, Order, Outcome, PowerRequest,
    Staged, Standdown,
};
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::{BootId, Instant, Millis, OperationId};

/// The detail of a refusal where nothing can reset this board; fixed by the protocol.
pub const INVALID_COMMAND: &str = "invalid command";
/// The detail of a refusal where a graceful operation cannot start; fixed by the protocol.
pub const FAIL: &str = "fail";

/// An acknowledgement may take this long to drain at least, however fast the line.
const DRAIN_LEAST: Millis = Millis(250);
/// How many times the time on the wire an acknowledgement may take to drain.
const DRAIN_WIRE_TIMES: u64 = 4;

/// Decides over the power of one board.
#[derive(Debug)]
pub struct Desk {
    board: Board,
    last: Option<LastOperation>,
    current: Option<Current>,
}

/// What a desk knows of its board.
#[derive(Clone, Copy, Debug)]
pub struct Board {
    /// This boot.
    pub boot: BootId,
    /// Why it came about.
    pub cause: Cause,
    /// What carries operations out.
    pub backend: Backend,
    /// The longest that writing or draining an acknowledgement may take.
    pub drain_cap: Millis,
}

#[derive(Debug)]
enum Current {
    /// The backend is being prepared and the staging recorded; nothing was answered yet.
    Preparing(Order),
    /// Accepted.
    Staged(Staged, Option<Evidence>),
}

impl Current {
    const fn order(&self) -> &Order {
        match self {
            Self::Preparing(order) => order,
            Self::Staged(staged, _) => staged.order(),
        }
    }
}

/// What a desk says to a request.
#[derive(Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a verdict lives for one statement"
)]
pub enum Verdict {
    /// Answer this; nothing else happens.
    Reply(Reply),
    /// Prepare this, write the staging down, and say how it went with [`Desk::prepared`].
    Prepare(Order),
    /// This very operation is being prepared: answer what [`Desk::prepared`] will.
    Wait,
}

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Its id, if the client chose none.
    pub assigned: OperationId,
    /// How long what waits on its link, and the acknowledgement, take on the wire.
    pub wire_time: Millis,
}

impl Desk {
    /// A desk with nothing staged.
    #[must_use]
    pub const fn new(board: Board, last: Option<LastOperation>) -> Self {
        Self {
            board,
            last,
            current: None,
        }
    }

    /// What the desk knows of its board.
    #[must_use]
    pub const fn board(&self) -> &Board {
        &self.board
    }

    /// The last operation, and what is on record of it.
    #[must_use]
    pub const fn last(&self) -> Option<LastOperation> {
        self.last
    }

    /// When to step with [`Event::Tick`] at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.current {
            Some(Current::Staged(staged, _)) => staged.deadline(),
            Some(Current::Preparing(_)) | None => None,
        }
    }

    /// Hears a request to reboot or power off.
    pub fn ask(&mut self, request: &PowerRequest, origin: Origin) -> Verdict {
        if request
            .id
            .is_some_and(|id| !(1..=OperationId::CLIENT_MAX).contains(&id.0))
        {
            return Verdict::Reply(refused(Code::BadValue, "op is not in 1..=4294967295"));
        }
        let id = request.id.unwrap_or(origin.assigned);
        if request.boot.is_some_and(|boot| boot != self.board.boot) {
            return Verdict::Reply(self.already_done());
        }
        if let Some(verdict) = self.heard_before(id) {
            return verdict;
        }
        if self.board.backend == Backend::None {
            return Verdict::Reply(cannot(request.operation));
        }
        // A client that closes needs a round trip for it, and nobody knows how long that is.
        let drain = if request.await_close {
            self.board.drain_cap
        } else {
            Millis(origin.wire_time.0.saturating_mul(DRAIN_WIRE_TIMES))
                .max(DRAIN_LEAST)
                .min(self.board.drain_cap)
        };
        let order = Order {
            id,
            operation: request.operation,
            delay: request.delay,
            write: self.board.drain_cap,
            drain,
            force: request.force,
            dry_run: self.board.backend == Backend::DryRun,
        };
        self.current = Some(Current::Preparing(order));
        Verdict::Prepare(order)
    }

    /// The verdict on an id that is or was this desk's, or on any while another is staged.
    fn heard_before(&self, id: OperationId) -> Option<Verdict> {
        if let Some(current) = &self.current {
            return Some(match current {
                Current::Preparing(order) if order.id == id => Verdict::Wait,
                Current::Staged(staged, _) if staged.order().id == id => {
                    Verdict::Reply(self.initiated(staged.order().operation, id))
                }
                Current::Preparing(_) | Current::Staged(..) => {
                    let Order { id, operation, .. } = current.order();
                    let busy = Refusal::explained(Code::Busy, format_args!("{operation} op={id}"));
                    Verdict::Reply(Reply::Refused(busy))
                }
            });
        }
        let last = self.last.filter(|last| last.id == id)?;
        Some(Verdict::Reply(match last.outcome {
            Outcome::StoodDown(why) => stood_down(last.operation, id, why),
            _ if last.boot != self.board.boot => self.already_done(),
            _ => self.initiated(last.operation, id),
        }))
    }

    fn initiated(&self, operation: Operation, id: OperationId) -> Reply {
        Reply::Initiated(Initiated {
            operation,
            backend: self.board.backend,
            id,
        })
    }

    fn already_done(&self) -> Reply {
        let Board { boot, cause, .. } = self.board;
        Reply::AlreadyDone(AlreadyDone {
            boot,
            cause,
            last: self.last,
        })
    }

    /// The record that staging writes before anything is answered.
    #[must_use]
    pub fn staging_record(&self, order: &Order) -> LastOperation {
        let Order { id, operation, .. } = *order;
        LastOperation {
            id,
            operation,
            outcome: Outcome::Staged,
            boot: self.board.boot,
        }
    }

    /// Hears how the preparation went, and answers the request.
    pub fn prepared(&mut self, now: Instant, ready: bool) -> Option<Reply> {
        let Some(Current::Preparing(order)) = self.current.take() else {
            return None;
        };
        if !ready {
            return Some(cannot(order.operation));
        }
        self.last = Some(self.staging_record(&order));
        self.current = Some(Current::Staged(Staged::new(order, now), None));
        Some(self.initiated(order.operation, order.id))
    }

    /// Moves the staged operation on. The record to write is in [`Desk::last`].
    pub fn step(&mut self, now: Instant, event: Event) -> Option<Effect> {
        let Some(Current::Staged(staged, evidence)) = &mut self.current else {
            return None;
        };
        let effect = staged.step(now, event)?;
        let outcome = match effect {
            Effect::AwaitDrain(_) | Effect::AwaitDelay(_) => return Some(effect),
            Effect::Release(found) | Effect::Fire(_, found) => {
                *evidence = Some(found);
                Outcome::Released(found)
            }
            Effect::Stand(why) => Outcome::StoodDown(why),
            Effect::Failed(code) => match *evidence {
                Some(evidence) if staged.order().dry_run => Outcome::DryRun(evidence),
                _ => Outcome::FireFailed(code),
            },
        };
        if let Some(last) = &mut self.last {
            last.outcome = outcome;
        }
        if matches!(effect, Effect::Stand(_) | Effect::Failed(_)) {
            self.current = None;
        }
        Some(effect)
    }

    /// Hears a request to call an operation off. With the answer comes what is to be carried out.
    pub fn cancel(&mut self, now: Instant, id: Option<OperationId>) -> (Reply, Option<Effect>) {
        let Some(current) = &self.current else {
            return (refused(Code::Unknown, "no power operation is staged"), None);
        };
        let order = *current.order();
        if id.is_some_and(|id| id != order.id) {
            let refusal =
                Refusal::explained(Code::Unknown, format_args!("staged is op={}", order.id));
            return (Reply::Refused(refusal), None);
        }
        match self.step(now, Event::Cancel(Standdown::Cancelled)) {
            Some(effect) => {
                let Order { id, operation, .. } = order;
                (Reply::Cancelled(Cancelled { id, operation }), Some(effect))
            }
            None => (
                refused(Code::Busy, "it can be cancelled no more, or not yet"),
                None,
            ),
        }
    }

    /// What is staged and what was last.
    #[must_use]
    pub fn status(&self, now: Instant) -> PowerStatus {
        let pending = match &self.current {
            Some(Current::Staged(staged, _)) => staged.phase().map(|phase| Pending {
                id: staged.order().id,
                operation: staged.order().operation,
                phase,
                left: staged.deadline().map(|deadline| deadline.since(now)),
            }),
            Some(Current::Preparing(_)) | None => None,
        };
        let Board { backend, boot, .. } = self.board;
        PowerStatus {
            backend,
            boot,
            pending,
            last: self.last,
        }
    }
}

/// The answer to a request whose operation was accepted and stands down, because its
/// acknowledgement has no link to go out on.
pub(super) fn unheard(initiated: &Initiated) -> Reply {
    stood_down(initiated.operation, initiated.id, Standdown::AckFailed)
}

fn stood_down(operation: Operation, id: OperationId, why: Standdown) -> Reply {
    let detail = format_args!("{operation} op={id}: {why}");
    Reply::Refused(Refusal::explained(Code::Aborted, detail))
}

/// The two refusals whose words older clients know.
fn cannot(operation: Operation) -> Reply {
    if operation.is_graceful() {
        refused(Code::Internal, FAIL)
    } else {
        refused(Code::NotHere, INVALID_COMMAND)
    }
}

fn refused(code: Code, detail: &str) -> Reply {
    Reply::Refused(Refusal::new(code, detail))
}

#[cfg(test)]
mod tests;
