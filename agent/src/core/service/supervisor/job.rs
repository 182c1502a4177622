//! What somebody asked for, until it can be answered.

use super::unit::{Queued, Rest, Unit};
use crate::core::service::catalog::Flaw;
use crate::core::service::{BadName, Name};
use lastword_protocol::Millis;
use lastword_protocol::message::service::{MOST_GRACE, ServiceName, ServiceRequest};
use std::collections::BTreeMap;
use std::fmt;
use std::mem;

/// Names what was asked, for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Start it. Answered when its process is there.
    Start(Target),
    /// Stop it. Answered when nothing of it is left.
    Stop(Target),
    /// Stop it, then start it. Answered when its new process is there.
    Restart(Target),
    /// Stop it with this grace, not its file's.
    StopWithin(Target, Millis),
    /// Stop it with this grace, not its file's, then start it.
    RestartWithin(Target, Millis),
}

/// Who is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This service.
    One(Name),
    /// All of them.
    All,
}

/// What is asked of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Start,
    Stop,
    Restart,
}

/// What became of it.
pub type Answer = Result<Finished, Trouble>;

/// Everything asked for is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// These were started, stopped or restarted.
    pub done: Vec<Name>,
    /// These were as wanted already.
    pub already: Vec<Name>,
}

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no such service.
    Unknown(Name),
    /// This can be no service's name.
    NoName(String),
    /// Its file cannot be used.
    Broken(Vec<Flaw>),
    /// A grace so long is not given.
    LongGrace,
    /// Nothing starts any more: the agent ends, or the board goes down.
    Closed,
    /// Some did not do what was asked.
    Failed {
        /// The others did.
        finished: Finished,
        /// These did not, each with the reason.
        failed: Vec<(Name, String)>,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "no service {name}; `svc list` shows them"),
            Self::NoName(text) => BadName(text.clone()).fmt(f),
            Self::Broken(flaws) => {
                for (index, flaw) in flaws.iter().enumerate() {
                    let between = if index == 0 { "" } else { "; " };
                    write!(f, "{between}{flaw}")?;
                }
                Ok(())
            }
            Self::LongGrace => f.write_str("a grace is at most 1h"),
            Self::Closed => f.write_str("nothing starts any more: the agent ends"),
            Self::Failed { failed, .. } => {
                for (index, (name, why)) in failed.iter().enumerate() {
                    let between = if index == 0 { "" } else { "; " };
                    write!(f, "{between}{name}: {why}")?;
                }
                Ok(())
            }
        }
    }
}

impl Ask {
    /// What a request asks for; `None` if it neither starts nor stops a service.
    ///
    /// # Errors
    ///
    /// Why it cannot be done, whatever services there are.
    #[must_use]
    pub fn of(request: &ServiceRequest) -> Option<Result<Self, Trouble>> {
        let within = |name: &Option<ServiceName>, grace: &Millis| {
            let target = Target::of(name.as_ref())?;
            let is_short = *grace <= MOST_GRACE;
            is_short
                .then_some((target, *grace))
                .ok_or(Trouble::LongGrace)
        };
        Some(match request {
            ServiceRequest::Start(name) => Target::of(name.as_ref()).map(Self::Start),
            ServiceRequest::Stop(name) => Target::of(name.as_ref()).map(Self::Stop),
            ServiceRequest::Restart(name) => Target::of(name.as_ref()).map(Self::Restart),
            ServiceRequest::StopWithin(name, grace) => {
                within(name, grace).map(|(target, grace)| Self::StopWithin(target, grace))
            }
            ServiceRequest::RestartWithin(name, grace) => {
                within(name, grace).map(|(target, grace)| Self::RestartWithin(target, grace))
            }
            ServiceRequest::List
            | ServiceRequest::Status(_)
            | ServiceRequest::Reload
            | ServiceRequest::Logs(_) => return None,
        })
    }

    /// Who is meant.
    #[must_use]
    pub const fn target(&self) -> &Target {
        match self {
            Self::Start(target)
            | Self::Stop(target)
            | Self::Restart(target)
            | Self::StopWithin(target, _)
            | Self::RestartWithin(target, _) => target,
        }
    }

    /// Whether anything would start.
    #[must_use]
    pub const fn starts(&self) -> bool {
        !matches!(self, Self::Stop(_) | Self::StopWithin(..))
    }

    pub(super) const fn verb(&self) -> Verb {
        match self {
            Self::Start(_) => Verb::Start,
            Self::Stop(_) | Self::StopWithin(..) => Verb::Stop,
            Self::Restart(_) | Self::RestartWithin(..) => Verb::Restart,
        }
    }

    /// The grace in place of that of the files.
    pub(super) const fn grace(&self) -> Option<Millis> {
        match self {
            Self::StopWithin(_, grace) | Self::RestartWithin(_, grace) => Some(*grace),
            Self::Start(_) | Self::Stop(_) | Self::Restart(_) => None,
        }
    }
}

impl Target {
    fn of(name: Option<&ServiceName>) -> Result<Self, Trouble> {
        let Some(name) = name else {
            return Ok(Self::All);
        };
        Name::try_from(name.as_str())
            .map(Self::One)
            .map_err(|error| Trouble::NoName(error.0))
    }
}

/// What somebody waits for.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: JobId,
    pub(super) ask: Ask,
    pending: Vec<Pending>,
    finished: Finished,
    failed: Vec<(Name, String)>,
}

/// A service that is not finished.
#[derive(Debug)]
struct Pending {
    name: Name,
    /// How many processes had been started when it was asked.
    runs: u64,
    /// How many starts had come to nothing when it was asked.
    spawn_failures: u64,
}

impl Job {
    pub(super) const fn new(id: JobId, ask: Ask) -> Self {
        Self {
            id,
            ask,
            pending: Vec::new(),
            finished: Finished {
                done: Vec::new(),
                already: Vec::new(),
            },
            failed: Vec::new(),
        }
    }

    /// Returns the names of those that are not finished.
    pub(super) fn pending(&self) -> impl Iterator<Item = &Name> {
        self.pending.iter().map(|pending| &pending.name)
    }

    /// Queues what is asked of one service, unless it is so already.
    pub(super) fn begin(&mut self, name: &Name, unit: &mut Unit) {
        let verb = self.ask.verb();
        let is_so = match verb {
            Verb::Start => unit.machine.is_up() && unit.queued == Queued::Nothing,
            Verb::Stop => unit.is_settled_down(),
            Verb::Restart => false,
        };
        if is_so {
            self.finished.already.push(name.clone());
            return;
        }
        unit.queued = match (verb, unit.queued) {
            // It will be started anyway.
            (Verb::Start, Queued::Restart) => Queued::Restart,
            (Verb::Restart, _) if unit.machine.has_process() => Queued::Restart,
            (Verb::Start | Verb::Restart, _) => Queued::Start,
            (Verb::Stop, _) => Queued::Stop,
        };
        if (verb, unit.queued) != (Verb::Start, Queued::Restart) {
            unit.grace = self.ask.grace();
        }
        unit.start_is_asked = verb != Verb::Stop;
        self.pending.push(Pending {
            name: name.clone(),
            runs: unit.machine.runs(),
            spawn_failures: unit.machine.spawn_failures().0,
        });
    }

    /// Looks who is finished.
    pub(super) fn look(&mut self, units: &BTreeMap<Name, Unit>) {
        for pending in mem::take(&mut self.pending) {
            let Some(unit) = units.get(&pending.name) else {
                // Removed meanwhile: so it is stopped, at least.
                match self.ask.verb() {
                    Verb::Stop => self.finished.done.push(pending.name),
                    _ => self
                        .failed
                        .push((pending.name, "removed meanwhile".to_owned())),
                }
                continue;
            };
            self.look_at(pending, unit);
        }
    }

    fn look_at(&mut self, pending: Pending, unit: &Unit) {
        let started = unit.machine.runs() > pending.runs;
        let (spawn_failures, failure) = unit.machine.spawn_failures();
        match (self.ask.verb(), unit.rest()) {
            (Verb::Stop, Some(Rest::Down)) | (Verb::Start, Some(Rest::Up)) => {
                self.finished.done.push(pending.name);
            }
            // Who is up again was down in between.
            (Verb::Stop | Verb::Restart, Some(Rest::Up)) if started => {
                self.finished.done.push(pending.name);
            }
            // Of what could not even be started again nothing is left.
            (Verb::Stop, None) if spawn_failures > pending.spawn_failures => {
                self.finished.done.push(pending.name);
            }
            // Nobody who asks waits for a series of attempts.
            (Verb::Start | Verb::Restart, _) if spawn_failures > pending.spawn_failures => {
                self.failed.push((pending.name, failure.to_owned()));
            }
            (_, Some(_)) => {
                let why = unit.reason().to_owned();
                self.failed.push((pending.name, why));
            }
            (_, None) if started && self.ask.verb() != Verb::Stop => {
                self.finished.done.push(pending.name);
            }
            (_, None) => self.pending.push(pending),
        }
    }

    /// What to answer, once nobody is left to wait for.
    pub(super) fn answer(&mut self) -> Option<Answer> {
        if !self.pending.is_empty() {
            return None;
        }
        if !self.failed.is_empty() {
            return Some(Err(Trouble::Failed {
                finished: mem::take(&mut self.finished),
                failed: mem::take(&mut self.failed),
            }));
        }
        Some(Ok(mem::take(&mut self.finished)))
    }
}
