//! One service among others: what it waits for.

use super::End;
use crate::core::service::Name;
use crate::core::service::machine::{Machine, Shown};
use crate::core::service::service_file::{Digest, OnAgentExit, ServiceFile};
use lastword_protocol::{Instant, Millis};
use std::sync::Arc;

/// One service.
#[derive(Debug)]
pub struct Unit {
    pub(super) rules: Arc<ServiceFile>,
    /// What is true of it from its next start on.
    pub(super) next: Option<Arc<ServiceFile>>,
    pub(super) machine: Machine,
    /// What its process was started by; `None` if nobody has written that down.
    pub(super) started_by: Option<Digest>,
    pub(super) queued: Queued,
    /// Somebody has asked for the start that is queued, and hears of its failure.
    pub(super) start_is_asked: bool,
    /// It had a process when the last agent died, which has ended since.
    pub(super) ended_unseen: bool,
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
    pub(super) fn new(rules: Arc<ServiceFile>, machine: Machine) -> Self {
        Self {
            rules,
            next: None,
            machine,
            started_by: None,
            queued: Queued::Nothing,
            start_is_asked: false,
            ended_unseen: false,
            grace: None,
            removed: false,
        }
    }

    /// What its file says, as of the last reload.
    #[must_use]
    pub fn service_file(&self) -> &ServiceFile {
        self.next.as_deref().unwrap_or(&self.rules)
    }

    /// What its process was started by, or will be if it has none.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        if self.machine.has_process() || self.service_file().is_orphan() {
            return self.started_by;
        }
        Some(self.service_file().digest())
    }

    /// Whether its process was started by a file that said something else than its file says now, and
    /// nobody has seen to that.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        !self.service_file().is_orphan() && self.is_outdated_by(self.service_file())
    }

    pub(super) fn is_outdated_by(&self, service_file: &ServiceFile) -> bool {
        let differs = |digest: Digest| digest != service_file.digest();
        let rests = self.machine.is_up() && self.queued == Queued::Nothing;
        rests && self.started_by.is_some_and(differs)
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
    #[must_use]
    pub fn is_settled_down(&self) -> bool {
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

    /// Returns whether it is on its way down, and that service, which it starts after, has to wait for that.
    pub(super) fn stops_before(&self, name: &Name) -> bool {
        let leaves = match self.queued {
            Queued::Stop | Queued::Restart => self.machine.has_process(),
            Queued::Nothing | Queued::Start => self.machine.shown() == Shown::Stopping,
        };
        leaves && self.service_file().after.contains(name)
    }

    /// Returns when nothing of it is left at the latest, if its stop begins at `begins`.
    pub(super) fn gone_by(&self, begins: Instant) -> Instant {
        let grace = self.grace.unwrap_or(self.rules.stop.grace);
        Machine::killed_by(begins.after(grace))
    }

    /// Whether a service that starts after this one has to wait.
    pub(super) fn holds_back(&self) -> bool {
        matches!(self.queued, Queued::Start | Queued::Restart)
            || self.machine.shown() == Shown::Starting
    }

    /// Whether it runs on when the agent ends so.
    pub(super) fn is_kept(&self, end: End) -> bool {
        let adopted = self.service_file().on_agent_exit == OnAgentExit::Adopt;
        end == End::KeepAdoptable && adopted && self.machine.is_up()
    }
}
