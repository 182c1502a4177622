//! The power desk: who may stage an operation, and what is told to whom. Pure; the board carries
//! out what it decides.

mod answer;

pub use answer::{Answer, FAIL, INVALID_COMMAND};

use super::machine::{Effect, Event, Order, Staged};
use super::order::{Backend, Operation, PowerRequest};
use super::outcome::{Evidence, LastOperation, Outcome, Standdown};
use crate::identity::Cause;
use crate::message::{
    AlreadyDone, Cancelled, Field, Initiated, Pending, PowerStatus, Reply, Writer, opcode,
};
use crate::units::{BootId, Instant, Millis, OperationId, Text};

/// An acknowledgement may take this long to drain at least, however fast the line.
const DRAIN_LEAST: Millis = Millis(250);
/// How many times the time on the wire an acknowledgement may take to drain.
const DRAIN_WIRE_TIMES: u64 = 4;

/// Decides over the power of one board.
#[derive(Debug)]
#[repr(C)]
pub struct Desk {
    /// Whether it is staged: the backend is prepared and the staging recorded.
    is_prepared: bool,
    /// What it was released on.
    evidence: Option<Evidence>,
    board: Board,
    last: Option<LastOperation>,
    /// What is being prepared, or staged.
    current: Option<Staged>,
}

/// What a desk knows of its board.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Board {
    /// Why it came about.
    pub cause: Cause,
    /// What carries operations out.
    pub backend: Backend,
    /// The longest that writing or draining an acknowledgement may take.
    pub drain_cap: Millis,
    /// This boot.
    pub boot: BootId,
}

/// What a desk says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Answer this; nothing else happens.
    Answer(Answer),
    /// Prepare [`Desk::order`], write the staging down, and say how it went with
    /// [`Desk::prepared`].
    Prepare,
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
    /// True if its link is a connection, which its client can close.
    pub is_connection: bool,
}

impl Desk {
    /// A desk with nothing staged.
    #[must_use]
    pub const fn new(board: Board, last: Option<LastOperation>) -> Self {
        Self {
            board,
            last,
            current: None,
            is_prepared: false,
            evidence: None,
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

    /// The same, where it is.
    #[must_use]
    pub const fn record(&self) -> Option<&LastOperation> {
        self.last.as_ref()
    }

    /// What is being prepared, or staged.
    #[must_use]
    pub fn order(&self) -> Option<&Order> {
        self.current.as_ref().map(Staged::order)
    }

    /// When to step with [`Event::Tick`] at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.staged()?.deadline()
    }

    fn staged(&self) -> Option<&Staged> {
        self.current.as_ref().filter(|_| self.is_prepared)
    }

    /// Hears a request to reboot or power off.
    pub fn ask(&mut self, request: &PowerRequest, origin: Origin) -> Verdict {
        if request.id.is_some_and(|id| !id.is_a_clients()) {
            return Verdict::Answer(Answer::NotYourId);
        }
        let id = request.id.unwrap_or(origin.assigned);
        if request
            .boot
            .as_ref()
            .is_some_and(|boot| *boot != self.board.boot)
        {
            return Verdict::Answer(Answer::AlreadyDone);
        }
        if let Some(verdict) = self.heard_before(id) {
            return verdict;
        }
        if self.board.backend == Backend::None {
            return Verdict::Answer(Answer::Cannot(request.operation));
        }
        if request.await_close && !origin.is_connection {
            return Verdict::Answer(Answer::NothingCloses);
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
        self.is_prepared = false;
        // Until it is prepared nothing happens to it.
        self.current = Some(Staged::new(order, Instant(0)));
        Verdict::Prepare
    }

    /// The verdict on an id that is or was this desk's, or on any while another is staged.
    fn heard_before(&self, id: OperationId) -> Option<Verdict> {
        if let Some(order) = self.order() {
            let operation = order.operation;
            return Some(match (order.id == id, self.is_prepared) {
                (true, false) => Verdict::Wait,
                (true, true) => Verdict::Answer(Answer::Initiated { operation, id }),
                (false, _) => Verdict::Answer(Answer::Busy {
                    operation,
                    id: order.id,
                }),
            });
        }
        let last = self.last.as_ref().filter(|last| last.id == id)?;
        let operation = last.operation;
        Some(Verdict::Answer(match last.outcome {
            Outcome::StoodDown(why) => Answer::StoodDown { operation, id, why },
            _ if last.boot != self.board.boot => Answer::AlreadyDone,
            _ => Answer::Initiated { operation, id },
        }))
    }

    /// The reply that says this answer.
    #[must_use]
    pub fn reply<S>(&self, answer: Answer) -> Reply<S> {
        match answer {
            Answer::Initiated { operation, id } => Reply::Initiated(self.initiated(operation, id)),
            Answer::AlreadyDone => Reply::AlreadyDone(self.already_done()),
            Answer::Cancelled { operation, id } => Reply::Cancelled(Cancelled { id, operation }),
            no => Reply::Refused(no.refusal()),
        }
    }

    /// Writes the body of that reply, without making it first, and returns its opcode.
    pub fn write(&self, answer: Answer, out: &mut Writer<'_>) -> u8 {
        let board = &self.board;
        match answer {
            Answer::Initiated { operation, id } => {
                operation.write(out);
                board.backend.write(out);
                id.write(out);
                opcode::INITIATED
            }
            Answer::AlreadyDone => {
                board.boot.write(out);
                board.cause.write(out);
                self.record().write(out);
                opcode::ALREADY_DONE
            }
            Answer::Cancelled { operation, id } => {
                id.write(out);
                operation.write(out);
                opcode::POWER_CANCEL
            }
            no => no.pieces().write(out),
        }
    }

    fn initiated(&self, operation: Operation, id: OperationId) -> Initiated {
        Initiated {
            operation,
            backend: self.board.backend,
            id,
        }
    }

    fn already_done(&self) -> AlreadyDone {
        let Board { boot, cause, .. } = self.board;
        AlreadyDone {
            boot,
            cause,
            last: self.last,
        }
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
        let staged = self.current.as_mut().filter(|_| !self.is_prepared)?;
        let Order { id, operation, .. } = *staged.order();
        if !ready {
            self.current = None;
            return Some(Answer::Cannot(operation));
        }
        staged.begin(now);
        self.is_prepared = true;
        self.last = Some(LastOperation {
            id,
            operation,
            outcome: Outcome::Staged,
            boot: self.board.boot,
        });
        Some(Answer::Initiated { operation, id })
    }

    /// Moves the staged operation on. The record to write is in [`Desk::last`].
    #[inline(never)]
    pub fn step(&mut self, now: Instant, event: Event) -> Option<Effect> {
        let staged = self.current.as_mut().filter(|_| self.is_prepared)?;
        let effect = staged.step(now, event)?;
        let outcome = match effect {
            Effect::AwaitDrain(_) | Effect::AwaitDelay(_) => return Some(effect),
            Effect::Release(found) | Effect::Fire(_, found) => {
                self.evidence = Some(found);
                Outcome::Released(found)
            }
            Effect::Stand(why) => Outcome::StoodDown(why),
            Effect::Failed(code) => match self.evidence {
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
        let answer = self.cancellation(id);
        if !matches!(answer, Answer::Cancelled { .. }) {
            return (answer, None);
        }
        let effect = self.step(now, Event::Cancel(Standdown::Cancelled));
        (effect.map_or(Answer::NotNow, |_| answer), effect)
    }

    /// The answer to a request to call an operation off, as far as that depends on its id. It is
    /// [`Answer::Cancelled`] only if there is an effect of [`Event::Cancel`], or else
    /// [`Answer::NotNow`].
    #[must_use]
    pub fn cancellation(&self, id: Option<OperationId>) -> Answer {
        let Some(order) = self.order() else {
            return Answer::NothingStaged;
        };
        if id.is_some_and(|id| id != order.id) {
            return Answer::StagedIs(order.id);
        }
        Answer::Cancelled {
            operation: order.operation,
            id: order.id,
        }
    }

    /// What is staged, and how far.
    #[must_use]
    pub fn pending(&self, now: Instant) -> Option<Pending> {
        let staged = self.staged()?;
        Some(Pending {
            id: staged.order().id,
            operation: staged.order().operation,
            phase: staged.phase()?,
            left: staged.deadline().map(|deadline| deadline.since(now)),
        })
    }

    /// Writes the body of [`Desk::status`], without making it first.
    pub fn write_status(&self, now: Instant, out: &mut Writer<'_>) {
        self.board.backend.write(out);
        self.board.boot.write(out);
        self.pending(now).write(out);
        self.record().write(out);
        "".write(out);
    }

    /// Returns the staged operation and the last one. The cause of a refusal is not the desk's to know.
    #[must_use]
    pub fn status(&self, now: Instant) -> PowerStatus {
        let Board { backend, boot, .. } = self.board;
        PowerStatus {
            backend,
            boot,
            pending: self.pending(now),
            last: self.last,
            refused: Text::new(),
        }
    }
}

#[cfg(test)]
mod tests;
