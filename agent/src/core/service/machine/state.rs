//! The states of a service.

use super::Shown;
use lastword_protocol::{Instant, Millis};

/// What a service is doing, with what belongs to that alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Stopped,
    Failed,
    Spawning {
        /// A failure is not tried again: somebody has asked for this start.
        is_final: bool,
        /// Somebody wants it stopped meanwhile, with this grace.
        stop: Option<Millis>,
    },
    Starting {
        until: Instant,
        since: Instant,
        /// What is in the way of readiness.
        obstacle: Option<String>,
    },
    Running {
        since: Instant,
        /// How long it ran before this agent did.
        before: Option<Millis>,
    },
    Backoff {
        until: Instant,
        /// It had run, and ended unasked.
        is_restart: bool,
    },
    Stopping {
        phase: Phase,
        until: Instant,
        then: Then,
    },
}

/// How far a stop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Hook,
    Signalled,
    Killed,
}

/// What follows when the group is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It stays down.
    Stop,
    /// It has ended unasked: the policy decides. The run had this length.
    Judge { failed: bool, ran: Millis },
}

impl State {
    /// What it is doing.
    pub(super) const fn shown(&self) -> Shown {
        match self {
            State::Stopped => Shown::Stopped,
            State::Failed => Shown::Failed,
            State::Spawning { .. } | State::Starting { .. } => Shown::Starting,
            State::Running { before: None, .. } => Shown::Running,
            State::Running { .. } => Shown::Adopted,
            State::Backoff { .. } => Shown::Backoff,
            State::Stopping { then, .. } => match then {
                Then::Stop => Shown::Stopping,
                Then::Judge { .. } => Shown::Restarting,
            },
        }
    }

    /// Whether its process is there, and is to stay.
    pub(super) const fn is_up(&self) -> bool {
        matches!(self, State::Starting { .. } | State::Running { .. })
    }

    /// Whether nothing of it is there, and nothing will be unless somebody asks.
    pub(super) const fn is_down(&self) -> bool {
        matches!(self, State::Stopped | State::Failed)
    }

    /// Whether something of it may be there.
    pub(super) const fn has_process(&self) -> bool {
        !matches!(self, State::Stopped | State::Failed | State::Backoff { .. })
    }

    /// When time does something to it.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        match self {
            State::Starting { until, .. }
            | State::Backoff { until, .. }
            | State::Stopping { until, .. } => Some(*until),
            State::Stopped | State::Failed | State::Spawning { .. } | State::Running { .. } => None,
        }
    }
}

/// How long after a kill to kill again what has appeared meanwhile, or is stuck in the kernel.
pub(super) const KILL_AGAIN: Millis = Millis(1_000);
