//! The power desk: who may stage an operation, and what is told to whom. Pure; the board carries
//! out what it decides.

mod answer;

pub use answer::{Answer, FAIL, INVALID_COMMAND};

use super::machine::{Effect, Event, Order, Staged};
use super::order::{Backend, Evidence, LastOperation, Operation, Outcome, PowerRequest, Standdown};
use crate::identity::Cause;
use crate::message::{AlreadyDone, Cancelled, Initiated, Pending, PowerStatus};
use crate::units::{BootId, Instant, Millis, OperationId};

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
pub enum Verdict {
    /// Answer this; nothing else happens.
    Answer(Answer),
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
            return Verdict::Answer(Answer::NotYourId);
        }
        let id = request.id.unwrap_or(origin.assigned);
        if request.boot.is_some_and(|boot| boot != self.board.boot) {
            return Verdict::Answer(self.already_done());
        }
        if let Some(verdict) = self.heard_before(id) {
            return verdict;
        }
        if self.board.backend == Backend::None {
            return Verdict::Answer(Answer::Cannot(request.operation));
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
                    Verdict::Answer(self.initiated(staged.order().operation, id))
                }
                Current::Preparing(_) | Current::Staged(..) => {
                    let Order { id, operation, .. } = *current.order();
                    Verdict::Answer(Answer::Busy { operation, id })
                }
            });
        }
        let last = self.last.filter(|last| last.id == id)?;
        Some(Verdict::Answer(match last.outcome {
            Outcome::StoodDown(why) => Answer::StoodDown {
                operation: last.operation,
                id,
                why,
            },
            _ if last.boot != self.board.boot => self.already_done(),
            _ => self.initiated(last.operation, id),
        }))
    }

    fn initiated(&self, operation: Operation, id: OperationId) -> Answer {
        Answer::Initiated(Initiated {
            operation,
            backend: self.board.backend,
            id,
        })
    }

    fn already_done(&self) -> Answer {
        let Board { boot, cause, .. } = self.board;
        Answer::AlreadyDone(AlreadyDone {
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
    pub fn prepared(&mut self, now: Instant, ready: bool) -> Option<Answer> {
        let Some(Current::Preparing(order)) = self.current.take() else {
            return None;
        };
        if !ready {
            return Some(Answer::Cannot(order.operation));
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
    pub fn cancel(&mut self, now: Instant, id: Option<OperationId>) -> (Answer, Option<Effect>) {
        let Some(current) = &self.current else {
            return (Answer::NothingStaged, None);
        };
        let Order {
            id: staged,
            operation,
            ..
        } = *current.order();
        if id.is_some_and(|id| id != staged) {
            return (Answer::StagedIs(staged), None);
        }
        match self.step(now, Event::Cancel(Standdown::Cancelled)) {
            Some(effect) => {
                let cancelled = Cancelled {
                    id: staged,
                    operation,
                };
                (Answer::Cancelled(cancelled), Some(effect))
            }
            None => (Answer::NotNow, None),
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

#[cfg(test)]
mod tests;
