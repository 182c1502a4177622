//! The staged power machine: an acknowledgement is written, drained and recorded before anything
//! fires, in whatever order the events arrive.
//!
//! ```text
//! Staged -> Draining -> [Scheduled] -> Releasing -> Fired -> over
//!    \__________\____________\____________\_______________-> over (stood down)
//! ```

use super::{Evidence, Operation, Standdown};
use crate::codec::words;
use crate::units::{Instant, Millis, OperationId};
use serde::{Deserialize, Serialize};

/// One accepted power operation on its way to firing or standing down.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Staged {
    state: State,
    order: Order,
}

/// What was accepted, with the board's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// What to do.
    pub operation: Operation,
    /// Fire as [`Evidence::Forced`] where evidence or record cannot be had.
    pub force: bool,
    /// Nothing resets, so that [`Evidence::Unknowable`] is enough.
    pub dry_run: bool,
    /// Names it.
    pub id: OperationId,
    /// How long to wait once the acknowledgement has drained.
    pub delay: Millis,
    /// How long the acknowledgement may take to be written.
    pub write: Millis,
    /// How long it may take to drain once it is written.
    pub drain: Millis,
}

/// How far an operation is, for whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Accepted; the acknowledgement is being written.
    Staged,
    /// The acknowledgement is on its way out.
    Draining,
    /// It is out; the delay runs.
    Scheduled,
    /// Nothing can call it off any more.
    Released,
}

words! {
    Phase {
        Staged = "staged",
        Draining = "draining",
        Scheduled = "scheduled",
        Released = "released",
    }
}

/// What can happen to a staged operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The link took the last byte of the acknowledgement.
    AckWritten,
    /// The link refused the acknowledgement.
    AckFailed,
    /// The acknowledgement left, as far as the evidence goes.
    Drained(Evidence),
    /// The link failed: the peer reset it, the port vanished.
    LinkLost,
    /// Somebody calls it off.
    Cancel(Standdown),
    /// Time has passed. Late and repeated ticks are harmless.
    Tick,
    /// The release is on disk, and what had to stop first has stopped.
    Recorded,
    /// The release could not be written down.
    RecordFailed,
    /// The backend returned: the board is still up. The system's error code, 0 if none.
    FireFailed(u16),
}

/// What must happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Watch the link until the acknowledgement has left or this instant has passed.
    AwaitDrain(Instant),
    /// Wait for this instant; nobody needs to stay connected.
    AwaitDelay(Instant),
    /// Write the release down durably and stop what must stop first; then say how it went.
    Release(Evidence),
    /// Fire. The evidence rides on the order, so nothing can fire without it.
    Fire(Operation, Evidence),
    /// Stand down, write down why, and undo what was prepared.
    Stand(Standdown),
    /// It fired and the board stayed up: write that down and start again what was stopped.
    Failed(u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Staged { until: Instant },
    Draining { until: Instant },
    Scheduled { until: Instant, evidence: Evidence },
    Releasing { evidence: Evidence },
    Fired,
    Over,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "an effect that is wrapped further out is moved once more, at a hundred bytes of flash"
)]
impl Staged {
    /// Accepts `order` at `now`. Its acknowledgement may be written from here on.
    #[must_use]
    pub const fn new(order: Order, now: Instant) -> Self {
        Self {
            order,
            state: State::Staged {
                until: now.after(order.write),
            },
        }
    }

    /// Begins anew at `now`: it was built before it was accepted.
    pub(super) const fn begin(&mut self, now: Instant) {
        self.state = State::Staged {
            until: now.after(self.order.write),
        };
    }

    /// What was accepted.
    #[must_use]
    pub const fn order(&self) -> &Order {
        &self.order
    }

    /// How far it is; `None` once it is over.
    #[must_use]
    pub const fn phase(&self) -> Option<Phase> {
        match self.state {
            State::Staged { .. } => Some(Phase::Staged),
            State::Draining { .. } => Some(Phase::Draining),
            State::Scheduled { .. } => Some(Phase::Scheduled),
            State::Releasing { .. } | State::Fired => Some(Phase::Released),
            State::Over => None,
        }
    }

    /// When to step it with [`Event::Tick`] at the latest.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Staged { until }
            | State::Draining { until }
            | State::Scheduled { until, .. } => Some(until),
            State::Releasing { .. } | State::Fired | State::Over => None,
        }
    }

    /// Moves on by one event. `None`: nothing is to be done; the event came too late or too early.
    ///
    /// Each state decides on every event by name, so that a new state or event does not compile
    /// until someone has decided.
    pub fn step(&mut self, now: Instant, event: Event) -> Option<Effect> {
        match self.state {
            State::Staged { until } => self.staged(now, until, event),
            State::Draining { until } => self.draining(now, until, event),
            State::Scheduled { until, evidence } => self.scheduled(now, until, evidence, event),
            State::Releasing { evidence } => self.releasing(evidence, event),
            State::Fired => self.fired(event),
            State::Over => None,
        }
    }

    /// The acknowledgement is being written.
    fn staged(&mut self, now: Instant, until: Instant, event: Event) -> Option<Effect> {
        match event {
            Event::AckWritten => {
                let until = now.after(self.order.drain);
                self.state = State::Draining { until };
                Some(Effect::AwaitDrain(until))
            }
            Event::AckFailed => self.stand(Standdown::AckFailed),
            Event::Tick if until <= now => self.stand(Standdown::AckFailed),
            Event::LinkLost => self.stand(Standdown::LinkLost),
            Event::Cancel(why) => self.stand(why),
            Event::Tick
            | Event::Drained(_)
            | Event::Recorded
            | Event::RecordFailed
            | Event::FireFailed(_) => None,
        }
    }

    /// The acknowledgement is on its way out.
    fn draining(&mut self, now: Instant, until: Instant, event: Event) -> Option<Effect> {
        match event {
            Event::Drained(evidence) => self.drained(now, evidence),
            Event::Tick if until <= now => self.overdue(now),
            Event::LinkLost => self.stand(Standdown::LinkLost),
            Event::Cancel(why) => self.stand(why),
            Event::Tick
            | Event::AckWritten
            | Event::AckFailed
            | Event::Recorded
            | Event::RecordFailed
            | Event::FireFailed(_) => None,
        }
    }

    /// The acknowledgement is out; the delay runs, and whoever asked may have left.
    fn scheduled(
        &mut self,
        now: Instant,
        until: Instant,
        evidence: Evidence,
        event: Event,
    ) -> Option<Effect> {
        match event {
            Event::Tick if until <= now => self.release(evidence),
            Event::Cancel(why) => self.stand(why),
            Event::Tick
            | Event::AckWritten
            | Event::AckFailed
            | Event::Drained(_)
            | Event::LinkLost
            | Event::Recorded
            | Event::RecordFailed
            | Event::FireFailed(_) => None,
        }
    }

    /// The release is being written down: nothing calls it off any more.
    fn releasing(&mut self, evidence: Evidence, event: Event) -> Option<Effect> {
        match event {
            Event::Recorded => self.fire(evidence),
            Event::RecordFailed if self.order.force => self.fire(evidence),
            Event::RecordFailed => self.stand(Standdown::RecordFailed),
            Event::AckWritten
            | Event::AckFailed
            | Event::Drained(_)
            | Event::LinkLost
            | Event::Cancel(_)
            | Event::Tick
            | Event::FireFailed(_) => None,
        }
    }

    /// Fired: only that it came back is news.
    const fn fired(&mut self, event: Event) -> Option<Effect> {
        match event {
            Event::FireFailed(code) => {
                self.state = State::Over;
                Some(Effect::Failed(code))
            }
            Event::AckWritten
            | Event::AckFailed
            | Event::Drained(_)
            | Event::LinkLost
            | Event::Cancel(_)
            | Event::Tick
            | Event::Recorded
            | Event::RecordFailed => None,
        }
    }

    /// The acknowledgement left, or nobody can know.
    fn drained(&mut self, now: Instant, evidence: Evidence) -> Option<Effect> {
        match evidence {
            Evidence::Unknowable if !self.order.dry_run => self.overdue(now),
            _ => self.proven(now, evidence),
        }
    }

    /// There will be no evidence.
    fn overdue(&mut self, now: Instant) -> Option<Effect> {
        if self.order.force {
            self.proven(now, Evidence::Forced)
        } else {
            self.stand(Standdown::NotDrained)
        }
    }

    fn proven(&mut self, now: Instant, evidence: Evidence) -> Option<Effect> {
        if self.order.delay == Millis(0) {
            return self.release(evidence);
        }
        let until = now.after(self.order.delay);
        self.state = State::Scheduled { until, evidence };
        Some(Effect::AwaitDelay(until))
    }

    const fn release(&mut self, evidence: Evidence) -> Option<Effect> {
        self.state = State::Releasing { evidence };
        Some(Effect::Release(evidence))
    }

    const fn fire(&mut self, evidence: Evidence) -> Option<Effect> {
        self.state = State::Fired;
        Some(Effect::Fire(self.order.operation, evidence))
    }

    const fn stand(&mut self, why: Standdown) -> Option<Effect> {
        self.state = State::Over;
        Some(Effect::Stand(why))
    }
}

#[cfg(test)]
mod tests;
