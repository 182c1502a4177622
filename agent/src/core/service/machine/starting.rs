//! How a service is started, and what follows a start that came to nothing.

use super::state::{State, Then};
use super::{Effect, Machine, Outcome, nothing};
use crate::core::service::service_file::{Policy, Probe, ServiceFile};
use lastword_protocol::{Instant, Millis};

/// The orders for a process that came to nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct SpawnFailures {
    pub(super) count: u64,
    /// Why the latest did, and what follows.
    pub(super) latest: String,
}

impl Machine {
    /// `asked`: somebody is there to read why it fails. It is final then, unless its policy was at work already:
    /// an attempt by hand never ends a series of attempts.
    pub(super) fn start(&mut self, asked: bool) -> Outcome {
        let reason = if asked {
            "asked to start"
        } else {
            "automatic start"
        };
        match &mut self.state {
            State::Stopped | State::Failed => {
                self.retry.forget();
                (self.spawn(asked), reason.into())
            }
            State::Backoff { .. } => {
                self.retry.forget();
                (self.spawn(false), reason.into())
            }
            State::Spawning { stop, .. } => {
                *stop = None;
                nothing()
            }
            State::Starting { .. } | State::Running { .. } | State::Stopping { .. } => nothing(),
        }
    }

    /// Takes over a process that is there already, also while a start waits for that to be known.
    pub(super) fn adopted(&mut self, now: Instant, rules: &ServiceFile, age: Millis) -> Outcome {
        const REASON: &str = "adopted from an earlier agent";
        match self.state {
            State::Stopped
            | State::Failed
            | State::Backoff { .. }
            | State::Spawning { stop: None, .. } => {}
            State::Spawning {
                stop: Some(grace), ..
            } => {
                let effects = self.begin_stop(now, rules, grace, Then::Stop);
                return (effects, REASON.into());
            }
            State::Starting { .. } | State::Running { .. } | State::Stopping { .. } => {
                return nothing();
            }
        }
        self.state = State::Running {
            since: now,
            before: Some(age),
        };
        (vec![], REASON.into())
    }

    /// Orders a process. `is_final`: a failure is not tried again.
    pub(super) fn spawn(&mut self, is_final: bool) -> Vec<Effect> {
        self.state = State::Spawning {
            is_final,
            stop: None,
        };
        vec![Effect::Spawn]
    }

    pub(super) fn spawned(&mut self, now: Instant, rules: &ServiceFile) -> Outcome {
        let State::Spawning { stop, .. } = self.state else {
            return nothing();
        };
        self.runs += 1;
        if let Some(grace) = stop {
            return (
                self.begin_stop(now, rules, grace, Then::Stop),
                "asked to stop".into(),
            );
        }
        if rules.ready.probe == Probe::None {
            self.state = State::Running {
                since: now,
                before: None,
            };
            return (vec![], "started".into());
        }
        self.state = State::Starting {
            until: now.after(rules.ready.timeout),
            since: now,
            obstacle: None,
        };
        (vec![Effect::Probe], "started".into())
    }

    pub(super) fn spawn_failed(&mut self, now: Instant, rules: &ServiceFile, why: &str) -> Outcome {
        let State::Spawning { is_final, stop } = self.state else {
            return nothing();
        };
        if stop.is_some() {
            self.state = State::Stopped;
            return (vec![], why.to_owned());
        }
        let (effects, follows) = if is_final {
            self.state = State::Failed;
            (vec![], String::new())
        } else {
            self.retry_spawn(now, rules)
        };
        self.note_failure(format!("{why}{follows}"), effects)
    }

    /// Decides what follows a start that nobody has asked for and that failed: its policy, as for an end.
    fn retry_spawn(&mut self, now: Instant, rules: &ServiceFile) -> (Vec<Effect>, String) {
        if rules.restart.policy == Policy::Never {
            self.state = State::Failed;
            return (vec![], "; its policy is not to try again".to_owned());
        }
        match self.retry.next(now, &rules.restart, Millis(0)) {
            None => {
                self.state = State::Failed;
                let times = rules.restart.max_retries_per_minute;
                (vec![], format!("; given up: {times} failures within 60 s"))
            }
            Some(Millis(0)) => (self.again(false), "; tried again at once".to_owned()),
            Some(wait) => {
                self.back_off(now, wait, false);
                (vec![], format!("; the next start is in {wait}"))
            }
        }
    }

    /// Waits for room, whatever the policy: nothing is wrong with the service.
    pub(super) fn exhausted(&mut self, now: Instant, why: &str) -> Outcome {
        let State::Spawning { stop, .. } = self.state else {
            return nothing();
        };
        if stop.is_some() {
            self.state = State::Stopped;
            return (vec![], why.to_owned());
        }
        let wait = self.retry.postpone();
        self.back_off(now, wait, false);
        self.note_failure(format!("{why}; the next start is in {wait}"), vec![])
    }

    fn note_failure(&mut self, reason: String, effects: Vec<Effect>) -> Outcome {
        self.spawn_failures.count += 1;
        self.spawn_failures.latest.clone_from(&reason);
        (effects, reason)
    }

    /// Notes what is in the way of readiness.
    pub(super) fn obstructed(&mut self, found: String) -> Outcome {
        if let State::Starting { obstacle, .. } = &mut self.state {
            *obstacle = Some(found);
        }
        nothing()
    }

    pub(super) fn ready(&mut self, now: Instant) -> Outcome {
        let State::Starting { since, .. } = self.state else {
            return nothing();
        };
        self.state = State::Running {
            since,
            before: None,
        };
        let took = now.since(since);
        (vec![], format!("ready after {took}"))
    }
}
