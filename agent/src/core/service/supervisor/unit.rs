//! One service among others: what it waits for.

use super::End;
use crate::core::service::machine::{Machine, Shown};
use crate::core::service::manifest::{Manifest, OnAgentExit};
use lastword_protocol::Millis;
use std::sync::Arc;

/// One service.
#[derive(Debug)]
pub struct Unit {
    pub(super) rules: Arc<Manifest>,
    /// What is true of it from its next start on.
    pub(super) next: Option<Arc<Manifest>>,
    pub(super) machine: Machine,
    pub(super) queued: Queued,
    /// The grace that whoever wants it stopped has given, in place of its file's.
    pub(super) grace: Option<Millis>,
    /// Its file is gone.
    pub(super) removed: bool,
}

/// What a service waits for others to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queued {
    Nothing,
    /// To start, when those before it are ready.
    Start,
    /// To stop, when those after it are down.
    Stop,
    /// To stop in the same way, then to start.
    Restart,
}

/// A service that is not on its way anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    Up,
    Down,
}

impl Unit {
    pub(super) fn new(rules: Arc<Manifest>, machine: Machine) -> Self {
        Self {
            rules,
            next: None,
            machine,
            queued: Queued::Nothing,
            grace: None,
            removed: false,
        }
    }

    /// What its file says, as of the last reload.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        self.next.as_deref().unwrap_or(&self.rules)
    }

    /// What it is doing.
    #[must_use]
    pub const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The word for what it is doing.
    #[must_use]
    pub const fn shown(&self) -> Shown {
        match (self.queued, self.machine.shown()) {
            (Queued::Start, Shown::Stopped | Shown::Failed) => Shown::Starting,
            (Queued::Start, Shown::Stopping) => Shown::Restarting,
            (_, shown) => shown,
        }
    }

    /// Whether nothing of it runs, nor will.
    pub(super) fn is_settled_down(&self) -> bool {
        self.machine.is_down() && self.queued == Queued::Nothing
    }

    /// What it has come to, unless it is on its way.
    pub(super) fn rest(&self) -> Option<Rest> {
        if self.queued != Queued::Nothing {
            return None;
        }
        let up = self.machine.is_up().then_some(Rest::Up);
        up.or(self.machine.is_down().then_some(Rest::Down))
    }

    /// Why it is what it is.
    pub(super) fn reason(&self) -> &str {
        let last = self.machine.transitions().next_back();
        last.map_or("somebody else wanted it otherwise", |last| &last.reason)
    }

    /// Whether a service that starts after this one has to wait.
    pub(super) fn holds_back(&self) -> bool {
        matches!(self.queued, Queued::Start | Queued::Restart)
            || self.machine.shown() == Shown::Starting
    }

    /// Whether it runs on when the agent ends so.
    pub(super) fn is_kept(&self, end: End) -> bool {
        let adopted = self.manifest().on_agent_exit == OnAgentExit::Adopt;
        end == End::KeepAdoptable && adopted && self.machine.is_up()
    }
}
