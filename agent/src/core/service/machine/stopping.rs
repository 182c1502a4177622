//! How a service is stopped: hook, signal, grace, kill.

use super::state::{KILL_AGAIN, Phase, State, Then};
use super::{Effect, Machine, Outcome, nothing};
use crate::core::service::manifest::Manifest;
use lastword_protocol::Instant;

impl Machine {
    pub(super) fn stop(&mut self, now: Instant, rules: &Manifest) -> Outcome {
        let effects = match &mut self.state {
            State::Stopped | State::Failed => return nothing(),
            State::Backoff { .. } => {
                self.state = State::Stopped;
                vec![]
            }
            State::Spawning { stop, .. } => {
                *stop = true;
                vec![]
            }
            State::Stopping { then, .. } => {
                *then = Then::Stop;
                vec![]
            }
            State::Starting { .. } | State::Running { .. } => {
                self.begin_stop(now, rules, Then::Stop)
            }
        };
        (effects, "asked to stop".into())
    }

    /// Begins to stop what runs: the hook first, if there is one.
    pub(super) fn begin_stop(&mut self, now: Instant, rules: &Manifest, then: Then) -> Vec<Effect> {
        let (phase, effect) = match rules.stop.hook {
            Some(_) => (Phase::Hook, Effect::RunHook),
            None => (Phase::Signalled, Effect::Clear(rules.stop.signal)),
        };
        self.state = State::Stopping {
            phase,
            until: now.after(rules.stop.grace),
            then,
        };
        vec![effect]
    }

    pub(super) fn kill(&mut self, now: Instant) -> Outcome {
        match &mut self.state {
            State::Stopped | State::Failed => nothing(),
            State::Backoff { .. } => {
                self.state = State::Stopped;
                (vec![], "the agent ends".into())
            }
            State::Spawning { stop, .. } => {
                *stop = true;
                nothing()
            }
            State::Starting { .. } | State::Running { .. } | State::Stopping { .. } => {
                self.state = State::Stopping {
                    phase: Phase::Killed,
                    until: now.after(KILL_AGAIN),
                    then: Then::Stop,
                };
                (vec![Effect::Kill], "killed: no time is left".into())
            }
        }
    }
}
