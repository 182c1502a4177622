//! The machine that climbs: events and the time in, one action out. No I/O, no clock.

use super::proof::{Check, Checks, Proof, Rung, Verdict, is_ours};
use lastword_protocol::identity::{BoardKind, BootSource, Identity};
use lastword_protocol::message::{AlreadyDone, Initiated, PowerStatus, Request};
use lastword_protocol::power::{Outcome, PowerRequest};
use lastword_protocol::{BootId, Instant, Millis, OperationId};

/// What is asked, and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The request. Its id and its boot are filled in where they are missing.
    pub request: PowerRequest,
    /// The id, where the request has none.
    pub id: OperationId,
    /// How long after the request, and the delay it asks for, the climb ends.
    pub timeout: Millis,
    /// The link is a line, on which a boot loader may listen and stop at any byte: a board that
    /// does not answer any more is left in peace until it announces itself.
    pub is_line: bool,
}

/// What happened; each answers the [`Action`] before it.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The power request was accepted.
    Accepted(Initiated),
    /// The board says that the boot named is over.
    AlreadyDone(AlreadyDone),
    /// A board greeted back, or announced itself; at any time.
    Seen(Box<Identity>),
    /// For how long the board is up.
    Measured(Millis),
    /// What the board says of its power operations.
    Explained(PowerStatus),
    /// No answer, or the link broke; at any time.
    Unanswered,
    /// The board answers, but not to us: the line belongs to another client.
    Barred,
    /// The wait is over.
    Waited,
}

/// What to do next, one thing at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send [`Ladder::request`].
    Ask,
    /// Wait, and listen meanwhile.
    Wait(Instant),
    /// Greet once, for a short time; connect before if there is no link.
    Probe,
    /// Ask for the uptime.
    AskUptime,
    /// Ask for the state of power operations.
    AskStatus,
    /// Over: [`Ladder::proof`].
    Finish,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The request is under way.
    Asking,
    /// Probing until another boot answers.
    Climbing,
    /// Another boot answers: for how long is it up?
    Measuring,
    /// The reply was lost, and the boot is the same: did the request arrive?
    Recovering,
    /// The boot is the same for good: why?
    Explaining,
    Over,
}

/// One climb.
#[derive(Clone, Debug)]
pub struct Ladder {
    request: PowerRequest,
    id: OperationId,
    before: Identity,
    /// The boot that is to end.
    fence: BootId,
    started: Instant,
    deadline: Instant,
    state: State,
    is_line: bool,
    /// When the delay that the request asks for is over.
    due: Instant,
    accepted: bool,
    resends_left: u8,
    /// Probes in a row without an answer, and when the first was over.
    misses: u8,
    quiet_since: Instant,
    proof: Proof,
}

impl Ladder {
    /// A climb that begins now, from the boot of `before`, with [`Action::Ask`].
    #[must_use]
    pub fn new(now: Instant, plan: Plan, before: Identity) -> Self {
        let Plan {
            mut request,
            id,
            timeout,
            is_line,
        } = plan;
        let id = *request.id.get_or_insert(id);
        let fence = *request.boot.get_or_insert(before.boot);
        let proof = Proof {
            operation: request.operation,
            rungs: Vec::new(),
            verdict: Verdict::Unreachable,
            initiated: None,
            before: fence,
            after: None,
            uptime: None,
            checks: Checks::default(),
            explanation: None,
        };
        Self {
            id,
            before,
            fence,
            started: now,
            deadline: now.after(timeout).after(request.delay),
            request,
            state: State::Asking,
            is_line,
            due: now,
            accepted: false,
            resends_left: RESENDS,
            misses: 0,
            quiet_since: now,
            proof,
        }
    }

    /// The request to send. It carries an id and the boot it is meant for, so that however often
    /// it arrives, it acts once.
    #[must_use]
    pub fn request(&self) -> Request {
        Request::Power(self.request.clone())
    }

    /// The rungs reached so far.
    #[must_use]
    pub fn rungs(&self) -> &[(Rung, Millis)] {
        &self.proof.rungs
    }

    /// What there is to show.
    #[must_use]
    pub fn proof(self) -> Proof {
        self.proof
    }

    /// Takes what came of the last action and says what to do next.
    pub fn step(&mut self, now: Instant, event: Event) -> Action {
        match (self.state, event) {
            (State::Over, _) => Action::Finish,
            (_, Event::Seen(identity)) => self.seen(now, *identity),
            (State::Asking, Event::Accepted(initiated)) => {
                self.proof.initiated = Some(initiated);
                self.accept(now);
                self.wait(now)
            }
            (State::Asking, Event::AlreadyDone(_)) => self.already_done(now),
            // A reply that is lost: ask for the boot id first, and never send again blindly.
            (State::Asking, Event::Unanswered | Event::Barred)
            | (State::Climbing, Event::Waited) => self.probe(),
            (State::Climbing | State::Recovering, Event::Unanswered) => self.missed(now),
            (State::Climbing | State::Recovering, Event::Barred) if self.is_late(now) => {
                self.give_up(now)
            }
            (State::Measuring, Event::Measured(uptime)) => self.measured(now, Some(uptime)),
            (State::Measuring, _) if self.is_late(now) => self.measured(now, None),
            (State::Recovering, Event::Explained(status)) => self.recovered(now, status),
            (State::Explaining, Event::Explained(status)) => {
                self.proof.explanation = Some(status);
                self.finish(Verdict::NotRebooted)
            }
            (State::Explaining, _) => self.finish(Verdict::NotRebooted),
            // Answers to what was not asked, and whatever calls for another try.
            (State::Asking | State::Climbing | State::Measuring | State::Recovering, _) => {
                self.wait(now)
            }
        }
    }

    fn seen(&mut self, now: Instant, identity: Identity) -> Action {
        if identity.boot != self.fence {
            return self.seen_new_boot(now, identity);
        }
        self.misses = 0;
        let in_vain = identity.last.is_some_and(|last| {
            is_ours(&last, self.fence, self.id) && is_over_without_reset(last.outcome)
        });
        if in_vain || self.is_late(now) {
            self.state = State::Explaining;
            Action::AskStatus
        } else if self.accepted {
            self.wait(now)
        } else {
            self.state = State::Recovering;
            Action::AskStatus
        }
    }

    fn seen_new_boot(&mut self, now: Instant, identity: Identity) -> Action {
        if self.proof.after.is_none() {
            self.proof
                .rungs
                .push((Rung::BootSeen, now.since(self.started)));
        }
        self.misses = 0;
        self.proof.checks = Checks::of(&identity, self.fence, self.id);
        self.proof.after = Some(identity);
        self.state = State::Measuring;
        Action::AskUptime
    }

    fn measured(&mut self, now: Instant, uptime: Option<Millis>) -> Action {
        let elapsed = now.since(self.started);
        let check = uptime.map_or(Check::Unknown, |uptime| Check::of(uptime < elapsed));
        self.proof.uptime = uptime;
        self.proof.checks.uptime = check;
        let of_agent_only =
            tells_of_agent_only(&self.before) || self.proof.after.iter().any(tells_of_agent_only);
        self.finish(match check {
            Check::Differs => Verdict::NotRebooted,
            Check::Unknown if of_agent_only => Verdict::UnknownBefore,
            Check::Matches | Check::Unknown => Verdict::Rebooted,
        })
    }

    /// The boot that the request names was over before it was sent, or ended just now.
    fn already_done(&mut self, now: Instant) -> Action {
        if self.before.boot == self.fence {
            return self.probe();
        }
        let identity = self.before.clone();
        self.seen_new_boot(now, identity);
        // When that boot was to end is not known here, so that no uptime would contradict it.
        self.finish(Verdict::Rebooted)
    }

    fn recovered(&mut self, now: Instant, status: PowerStatus) -> Action {
        let pending = status.pending.is_some_and(|pending| pending.id == self.id);
        let last = status
            .last
            .filter(|last| is_ours(last, self.fence, self.id));
        if pending || last.is_some() {
            self.accept(now);
            return self.wait(now);
        }
        let Some(left) = self.resends_left.checked_sub(1) else {
            self.proof.explanation = Some(status);
            return self.finish(Verdict::NotRebooted);
        };
        self.resends_left = left;
        self.state = State::Asking;
        Action::Ask
    }

    fn missed(&mut self, now: Instant) -> Action {
        if self.misses == 0 {
            self.quiet_since = now;
        }
        self.misses = self.misses.saturating_add(1);
        let quiet = self.is_quiet();
        let reported = self
            .rungs()
            .iter()
            .any(|(rung, _)| *rung == Rung::LinkQuiet);
        if quiet && !reported {
            let at = self.quiet_since.since(self.started);
            self.proof.rungs.push((Rung::LinkQuiet, at));
        }
        let may_be_off = self.accepted && self.due <= now && !self.request.operation.is_reboot();
        if quiet && may_be_off {
            self.finish(Verdict::Quiet)
        } else if self.is_late(now) {
            self.give_up(now)
        } else {
            self.wait(now)
        }
    }

    /// Nobody answers, and the time is over. A boot that was seen was seen.
    fn give_up(&mut self, now: Instant) -> Action {
        if self.proof.after.is_some() {
            self.measured(now, None)
        } else {
            self.finish(Verdict::Unreachable)
        }
    }

    fn accept(&mut self, now: Instant) {
        self.accepted = true;
        self.due = now.after(self.request.delay);
        self.proof
            .rungs
            .push((Rung::Accepted, now.since(self.started)));
    }

    fn probe(&mut self) -> Action {
        self.state = State::Climbing;
        Action::Probe
    }

    /// Waits for the next probe's time, but not past the deadline.
    fn wait(&mut self, now: Instant) -> Action {
        self.state = State::Climbing;
        let until = now.after(PROBE_INTERVAL).after(self.rest(now));
        Action::Wait(until.min(self.deadline.max(now)))
    }

    /// What is added to the interval while there is no hurry, or harm in probing.
    fn rest(&self, now: Instant) -> Millis {
        if self.may_be_booting() && self.is_quiet() {
            return LINE_REST;
        }
        self.due.since(now).min(DELAY_REST)
    }

    fn is_quiet(&self) -> bool {
        let misses = if self.may_be_booting() {
            1
        } else {
            QUIET_MISSES
        };
        self.misses >= misses
    }

    /// Whether a boot loader may hear what is sent.
    fn may_be_booting(&self) -> bool {
        self.is_line && self.request.operation.is_reboot()
    }

    fn is_late(&self, now: Instant) -> bool {
        self.deadline <= now
    }

    fn finish(&mut self, verdict: Verdict) -> Action {
        self.proof.verdict = verdict;
        self.state = State::Over;
        Action::Finish
    }
}

const fn is_over_without_reset(outcome: Outcome) -> bool {
    match outcome {
        Outcome::FireFailed(_) | Outcome::StoodDown(_) | Outcome::DryRun(_) => true,
        Outcome::Staged | Outcome::Released(_) | Outcome::Done(_) | Outcome::Interrupted => false,
    }
}

/// Whether its boot id changes when the agent restarts, and the machine below does not. A
/// simulated board is its process.
fn tells_of_agent_only(identity: &Identity) -> bool {
    identity.boot_source == BootSource::Process && identity.kind == BoardKind::Linux
}

/// Between the end of a probe and the next one.
const PROBE_INTERVAL: Millis = Millis(100);
/// What is added to it while a delay runs, at most: the operation may be called off.
const DELAY_REST: Millis = Millis(5_000);
/// What is added to it on a line whose board may be booting: announcements get lost too.
const LINE_REST: Millis = Millis(10_000);
/// How many probes in a row must miss before the link counts as quiet; on a line whose board may
/// be booting, one.
const QUIET_MISSES: u8 = 3;
/// How often a request is sent again that the board says it never got.
const RESENDS: u8 = 2;
