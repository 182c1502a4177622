//! One service's life: what it does next after each event, and why.
//!
//! ```text
//! Stopped/Failed -> Spawning -> Starting -> Running -> Stopping -> Stopped
//!                      ^                       |           |
//!                      +------- Backoff <------+-----------+--> Failed
//! ```
//!
//! A service is stopped only when its process group is empty, whether it was asked to stop or its
//! main process has ended by itself.

mod event;
mod history;
mod retry;
mod starting;
mod state;
mod stopping;

pub use event::{Effect, Event, Exit, Moment, Shown};
pub use history::{Last, Transition};

use super::service_file::ServiceFile;
use history::History;
use lastword_protocol::{Instant, Millis};
use retry::Retry;
use starting::SpawnFailures;
use state::{KILL_AGAIN, Phase, State, Then};

/// One service.
#[derive(Clone, Debug)]
pub struct Machine {
    state: State,
    retry: Retry,
    history: History,
    /// How many processes were ever started, so that a successor can be told from its predecessor.
    runs: u64,
    /// How often it was started again because it had ended unasked.
    restarts: u32,
    spawn_failures: SpawnFailures,
}

impl Machine {
    /// A stopped service that was restarted so often in earlier lives of the agent. `seed` makes the
    /// waits of many services differ.
    #[must_use]
    pub fn new(seed: u32, restarts: u32) -> Self {
        Self {
            state: State::Stopped,
            retry: Retry::new(seed),
            history: History::default(),
            runs: 0,
            restarts,
            spawn_failures: SpawnFailures::default(),
        }
    }

    /// Notes how often it was restarted in earlier lives of the agent.
    pub const fn restore_restarts(&mut self, restarts: u32) {
        self.restarts = restarts;
    }

    /// What it is doing.
    #[must_use]
    pub const fn shown(&self) -> Shown {
        self.state.shown()
    }

    /// Whether its process is there, and is to stay.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.state.is_up()
    }

    /// Whether nothing of it is there, nor will be unless somebody asks.
    #[must_use]
    pub const fn is_down(&self) -> bool {
        self.state.is_down()
    }

    /// Whether something of it may be there.
    #[must_use]
    pub const fn has_process(&self) -> bool {
        self.state.has_process()
    }

    /// When to call [`Machine::step`] with [`Event::Tick`] at the latest.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        self.state.deadline()
    }

    /// How many processes were ever started.
    #[must_use]
    pub const fn runs(&self) -> u64 {
        self.runs
    }

    /// How often it was started again because it had ended unasked.
    #[must_use]
    pub const fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Returns how many orders for a process came to nothing, and why the latest did.
    #[must_use]
    pub fn spawn_failures(&self) -> (u64, &str) {
        (self.spawn_failures.count, &self.spawn_failures.latest)
    }

    /// Whether it waits for room not for the first time in a row.
    #[must_use]
    pub fn is_postponed_again(&self) -> bool {
        matches!(self.state, State::Backoff { .. }) && self.retry.is_postponed_again()
    }

    /// Returns why it does not run though it should: what it waits for while it starts, what its last start
    /// or run ended with in backoff or failure.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match &self.state {
            State::Starting { obstacle, .. } => obstacle.as_deref(),
            State::Backoff { .. } | State::Failed => {
                let last = self.history.transitions().next_back();
                last.map(|last| last.reason.as_str())
            }
            _ => None,
        }
    }

    /// How it came to what it is, the latest last.
    #[must_use]
    pub fn transitions(&self) -> impl DoubleEndedIterator<Item = &Transition> {
        self.history.transitions()
    }

    /// How it ended last.
    #[must_use]
    pub const fn last(&self) -> Option<Last> {
        self.history.last
    }

    /// Takes an event. Late and repeated ones are harmless.
    pub fn step(&mut self, at: Moment, rules: &ServiceFile, event: Event) -> Vec<Effect> {
        let before = self.shown();
        let (effects, reason) = match event {
            Event::Start => self.start(true),
            Event::Autostart => self.start(false),
            Event::Stop => self.stop(at.now, rules, None),
            Event::StopWithin(grace) => self.stop(at.now, rules, Some(grace)),
            Event::Kill => self.kill(at.now),
            Event::Adopted(age) => self.adopted(at.now, rules, age),
            Event::Spawned => self.spawned(at.now, rules),
            Event::SpawnFailed(why) => self.spawn_failed(at.now, rules, &why),
            Event::Exhausted(why) => self.exhausted(at.now, &why),
            Event::Obstructed(obstacle) => self.obstructed(obstacle),
            Event::Ready => self.ready(at.now),
            Event::Exited(exit) => self.exited(at, rules, exit),
            Event::HookEnded(trouble) => self.hook_ended(rules, trouble),
            Event::Empty => self.empty(at.now, rules),
            Event::Tick => self.tick(at.now, rules),
        };
        self.history.note(at.unix_ms, before, self.shown(), reason);
        effects
    }

    fn exited(&mut self, at: Moment, rules: &ServiceFile, exit: Exit) -> Outcome {
        let last = Last {
            exit,
            at_unix_ms: at.unix_ms,
        };
        let (ran, obstacle) = match &mut self.state {
            State::Starting {
                since, obstacle, ..
            } => (at.now.since(*since), obstacle.take()),
            State::Running { since, before } => {
                let before = before.unwrap_or_default();
                let ran = Millis(at.now.since(*since).0.saturating_add(before.0));
                (ran, None)
            }
            // It has ended because it was told to.
            State::Stopping { .. } => {
                self.history.last = Some(last);
                return nothing();
            }
            _ => return nothing(),
        };
        self.history.last = Some(last);
        // Strays of it would be in its successor's way.
        self.state = State::Stopping {
            phase: Phase::Signalled,
            until: at.now.after(rules.stop.grace),
            then: Then::Judge {
                failed: exit.is_failure(),
                ran,
            },
        };
        (
            vec![Effect::Clear(rules.stop.signal)],
            format!("ended by itself: {exit}{}", behind(obstacle.as_deref())),
        )
    }

    fn hook_ended(&mut self, rules: &ServiceFile, trouble: Option<String>) -> Outcome {
        let State::Stopping { phase, .. } = &mut self.state else {
            return nothing();
        };
        if *phase != Phase::Hook {
            return nothing();
        }
        *phase = Phase::Signalled;
        let reason = trouble.map_or(String::new(), |trouble| format!("stop hook: {trouble}"));
        (vec![Effect::Clear(rules.stop.signal)], reason)
    }

    fn empty(&mut self, now: Instant, rules: &ServiceFile) -> Outcome {
        let State::Stopping { then, phase, .. } = self.state else {
            return nothing();
        };
        match then {
            Then::Stop => {
                self.state = State::Stopped;
                let how = match phase {
                    Phase::Killed => "killed: the grace was over",
                    Phase::Hook | Phase::Signalled => "nothing is left of it",
                };
                (vec![], how.into())
            }
            Then::Judge { failed, ran } => self.judge(now, rules, failed, ran),
        }
    }

    /// Decides what follows an unasked end, after a run of the length `ran`.
    fn judge(&mut self, now: Instant, rules: &ServiceFile, failed: bool, ran: Millis) -> Outcome {
        if !rules.restart.policy.wants_more(failed) {
            self.state = State::Stopped;
            return (vec![], "its policy is not to restart it".into());
        }
        match self.retry.next(now, &rules.restart, ran) {
            None => {
                self.state = State::Failed;
                let exits = rules.restart.max_retries_per_minute;
                (vec![], format!("ended by itself {exits} times within 60 s"))
            }
            Some(Millis(0)) => (self.again(true), "restarted at once".into()),
            Some(wait) => {
                self.back_off(now, wait, true);
                (vec![], format!("the next start is in {wait}"))
            }
        }
    }

    fn back_off(&mut self, now: Instant, wait: Millis, is_restart: bool) {
        self.state = State::Backoff {
            until: now.after(wait),
            is_restart,
        };
    }

    /// Starts it again. `is_restart`: because it had ended unasked, not because no process came of the
    /// last start.
    fn again(&mut self, is_restart: bool) -> Vec<Effect> {
        self.restarts = self.restarts.saturating_add(u32::from(is_restart));
        self.spawn(false)
    }

    fn tick(&mut self, now: Instant, rules: &ServiceFile) -> Outcome {
        if self.state.deadline().is_none_or(|deadline| now < deadline) {
            return nothing();
        }
        match &mut self.state {
            State::Backoff { is_restart, .. } => {
                let is_restart = *is_restart;
                (self.again(is_restart), "the wait is over".into())
            }
            State::Starting {
                since, obstacle, ..
            } => {
                let ran = now.since(*since);
                let obstacle = obstacle.take();
                let then = Then::Judge { failed: true, ran };
                let timeout = rules.ready.timeout;
                let effects = self.begin_stop(now, rules, rules.stop.grace, then);
                let obstacle = behind(obstacle.as_deref());
                (effects, format!("not ready within {timeout}{obstacle}"))
            }
            State::Stopping { phase, until, .. } => {
                *phase = Phase::Killed;
                *until = now.after(KILL_AGAIN);
                (vec![Effect::Kill], String::new())
            }
            State::Stopped | State::Failed | State::Spawning { .. } | State::Running { .. } => {
                nothing()
            }
        }
    }
}

/// What to do, and why the state has changed if it has.
type Outcome = (Vec<Effect>, String);

/// What is appended to a reason: what was in the way of readiness, if anything was.
fn behind(obstacle: Option<&str>) -> String {
    obstacle.map_or(String::new(), |obstacle| format!("; {obstacle}"))
}

const fn nothing() -> Outcome {
    (Vec::new(), String::new())
}

#[cfg(test)]
mod tests;
