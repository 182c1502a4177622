//! Every order of events, of any length: the machine is walked through all states that it can be
//! in, beside a witness that has only seen the events.
//!
//! The pair of machine and witness has few states, so the walk comes to an end and is a proof for
//! sequences of every length, not a sample of short ones.

use super::*;
use std::collections::BTreeSet;

/// What an onlooker knows who has seen the events and effects, and not the machine.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each was seen or not, in any combination"
)]
struct Witness {
    written: bool,
    /// The latest that was heard of the drain, once the acknowledgement was written.
    drained: Option<Evidence>,
    on_record: bool,
    record_failed: bool,
    /// It is out, or force has stopped waiting for that: the link matters no more.
    out: bool,
    released: bool,
    fired: bool,
    /// It stood down, or came back from firing.
    over: bool,
}

impl Witness {
    /// Sees an event, before the machine does.
    fn hears(&mut self, event: Event) {
        match event {
            Event::AckWritten => self.written = true,
            Event::Drained(evidence) if self.written && self.drained.is_none() => {
                self.drained = Some(evidence);
            }
            Event::Recorded => self.on_record = true,
            Event::RecordFailed => self.record_failed = true,
            _ => {}
        }
    }

    /// Whether `event` has to call it off, force or not.
    fn calls_off(self, event: Event) -> bool {
        let open = !self.over && !self.released;
        match event {
            Event::Cancel(_) => open,
            Event::AckFailed => open && !self.written,
            Event::LinkLost => open && !self.out,
            _ => false,
        }
    }

    /// Sees what the machine makes of an event; the rule that it breaks, if it breaks one.
    fn objects_to(&mut self, order: &Order, effect: Effect) -> Option<&'static str> {
        if self.over {
            return Some("something happened after it was over");
        }
        match effect {
            Effect::Release(evidence) => {
                // What was written down before the release was not the release.
                self.on_record = false;
                self.record_failed = false;
                (self.out, self.released) = (true, true);
                self.unproven(order, evidence)
            }
            Effect::Fire(_, evidence) => {
                let twice = self.fired.then_some("it fired twice");
                self.fired = true;
                let unrecorded = !(self.on_record || self.record_failed && order.force);
                twice
                    .or(unrecorded.then_some("it fired without a record"))
                    .or(self.unproven(order, evidence))
            }
            Effect::Stand(_) | Effect::Failed(_) => {
                self.over = true;
                let back = matches!(effect, Effect::Failed(_));
                (back && !self.fired).then_some("it came back without having fired")
            }
            Effect::AwaitDelay(_) => {
                self.out = true;
                (!self.written).then_some("the acknowledgement was not even written")
            }
            Effect::AwaitDrain(_) => None,
        }
    }

    /// Whether this evidence is none, or is not what was heard.
    fn unproven(self, order: &Order, evidence: Evidence) -> Option<&'static str> {
        let proven = match evidence {
            Evidence::Forced => order.force,
            Evidence::Unknowable => order.dry_run && self.drained == Some(evidence),
            _ => self.drained == Some(evidence),
        };
        match (self.written, proven) {
            (false, _) => Some("the acknowledgement was not even written"),
            (true, false) => Some("there is no such evidence"),
            (true, true) => None,
        }
    }
}

/// Where a walk can be.
#[derive(Clone)]
struct Place {
    staged: Staged,
    witness: Witness,
    now: u64,
    steps: Vec<Event>,
}

impl Place {
    /// What makes two places the same for all that can follow.
    fn key(&self) -> String {
        format!("{:?} {:?} {}", self.staged.state, self.witness, self.now)
    }

    /// From anywhere, a clock, a disk and a backend that answer bring it to its end.
    fn ends(&self) -> bool {
        let mut staged = self.staged.clone();
        while let Some(deadline) = staged.deadline() {
            if staged.step(deadline, Event::Tick).is_none() {
                return false;
            }
        }
        let _ = staged.step(Instant(LAST_MS), Event::RecordFailed);
        let _ = staged.step(Instant(LAST_MS), Event::FireFailed(0));
        staged.phase().is_none()
    }

    /// Goes on by one event, `later` milliseconds from now.
    fn after(&self, later: u64, event: Event) -> Self {
        let mut next = self.clone();
        next.now = (self.now + later).min(LAST_MS);
        next.steps.push(event);
        let called_off = self.witness.calls_off(event);
        next.witness.hears(event);
        let effect = next.staged.step(Instant(next.now), event);
        let stands = matches!(effect, Some(Effect::Stand(_)));
        assert!(stands || !called_off, "{effect:?} by {:?}", next.steps);
        if let Some(effect) = effect {
            let order = *next.staged.order();
            let objection = next.witness.objects_to(&order, effect);
            assert_eq!(
                objection, None,
                "{effect:?} of {order:?} by {:?}",
                next.steps
            );
        }
        next
    }
}

const EVENTS: [Event; 12] = [
    Event::AckWritten,
    Event::AckFailed,
    Event::Drained(Evidence::UartEmpty),
    Event::Drained(Evidence::PeerAcked),
    Event::Drained(Evidence::Unknowable),
    Event::LinkLost,
    Event::Cancel(Standdown::Cancelled),
    Event::Cancel(Standdown::AgentStopped),
    Event::Tick,
    Event::Recorded,
    Event::RecordFailed,
    Event::FireFailed(5),
];

/// Time in which nothing runs out, and in which everything does.
const PAUSES: [u64; 2] = [0, STEP_MS];
const STEP_MS: u64 = 10;
/// Behind every deadline that three of those can lead to.
const LAST_MS: u64 = 10 * STEP_MS;

fn orders() -> impl Iterator<Item = Order> {
    (0..8_u8).map(|bits| Order {
        delay: Millis(if bits & 1 == 0 { 0 } else { STEP_MS }),
        write: Millis(STEP_MS),
        drain: Millis(STEP_MS),
        force: bits & 2 != 0,
        dry_run: bits & 4 != 0,
        ..ORDER
    })
}

/// Walks until nothing new is found; the places, and how many of them have fired.
fn walk(order: Order) -> (usize, usize) {
    let start = Place {
        staged: Staged::new(order, Instant(0)),
        witness: Witness::default(),
        now: 0,
        steps: Vec::new(),
    };
    let mut seen = BTreeSet::from([start.key()]);
    let mut waiting = Vec::from([start]);
    let mut fired = 0;
    while let Some(place) = waiting.pop() {
        fired += usize::from(place.witness.fired);
        assert!(place.ends(), "{order:?} hangs behind {:?}", place.steps);
        for pause in PAUSES {
            for event in EVENTS {
                let next = place.after(pause, event);
                if seen.insert(next.key()) {
                    waiting.push(next);
                }
            }
        }
    }
    (seen.len(), fired)
}

#[test]
fn no_order_of_events_fires_twice_or_without_evidence_or_after_it_was_called_off() {
    for order in orders() {
        let (places, fired) = walk(order);
        assert!(
            places > 100 && fired > 0,
            "{order:?}: {places}, {fired} fired"
        );
    }
}
