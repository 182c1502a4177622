//! How a service is stopped: hook, signal, grace, kill.

use super::state::{KILL_AGAIN, Phase, State, Then};
use super::{Effect, Machine, Outcome, nothing};
use crate::core::service::service_file::ServiceFile;
use lastword_protocol::{Instant, Millis};

impl Machine {
    /// Returns when nothing of it is left at the latest, if it is being stopped. A process that the kernel
    /// does not let go is killed again and again: then it is later.
    #[must_use]
    pub const fn gone_by(&self) -> Option<Instant> {
        match self.state {
            State::Stopping { phase, until, .. } => Some(match phase {
                Phase::Hook | Phase::Signalled => Self::killed_by(until),
                Phase::Killed => until,
            }),
            _ => None,
        }
    }

    /// Returns when nothing is left at the latest of what is killed at `kill`.
    #[must_use]
    pub const fn killed_by(kill: Instant) -> Instant {
        kill.after(KILL_AGAIN)
    }

    /// `grace`: in place of what the rules say.
    pub(super) fn stop(
        &mut self,
        now: Instant,
        rules: &ServiceFile,
        grace: Option<Millis>,
    ) -> Outcome {
        let asked = grace.unwrap_or(rules.stop.grace);
        let effects = match &mut self.state {
            State::Stopped | State::Failed => return nothing(),
            State::Backoff { .. } => {
                self.state = State::Stopped;
                vec![]
            }
            State::Spawning { stop, .. } => {
                *stop = Some(asked);
                vec![]
            }
            State::Stopping { then, phase, until } => {
                *then = Then::Stop;
                if grace.is_some() && *phase != Phase::Killed {
                    *until = now.after(asked).min(*until);
                }
                vec![]
            }
            State::Starting { .. } | State::Running { .. } => {
                self.begin_stop(now, rules, asked, Then::Stop)
            }
        };
        (effects, "asked to stop".into())
    }

    /// Begins to stop what runs: the hook first, if there is one; only with a kill, without a grace.
    pub(super) fn begin_stop(
        &mut self,
        now: Instant,
        rules: &ServiceFile,
        grace: Millis,
        then: Then,
    ) -> Vec<Effect> {
        let (phase, effect, left) = match rules.stop.hook {
            _ if grace == Millis(0) => (Phase::Killed, Effect::Kill, KILL_AGAIN),
            Some(_) => (Phase::Hook, Effect::RunHook, grace),
            None => (Phase::Signalled, Effect::Clear(rules.stop.signal), grace),
        };
        self.state = State::Stopping {
            phase,
            until: now.after(left),
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
                *stop = Some(Millis(0));
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
