//! All services together: who may start, who has to wait, who asked and is to be answered.

mod deadlines;
mod job;
mod reload;
mod unit;

pub use deadlines::StopDeadlines;
pub use job::{Answer, Ask, Finished, JobId, Target, Trouble};
pub use unit::Unit;

use super::Name;
use super::catalog::Broken;
use super::machine::{self, Event, Moment, Shown, Transition};
use super::service_file::ServiceFile;
use job::Job;
use lastword_protocol::Instant;
use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use unit::Queued;

/// Every service of the board.
#[derive(Debug)]
pub struct Supervisor {
    units: BTreeMap<Name, Unit>,
    broken: Vec<Broken>,
    jobs: Vec<Job>,
    /// Nothing starts any more: the agent ends, or the board goes down.
    closed: bool,
    /// What ran when that was decided.
    ran: Vec<Name>,
    /// Files were read before.
    has_read: bool,
    /// What is to be done, in this order.
    effects: Vec<Effect>,
    /// The changes of state that nobody has taken yet.
    transitions: Vec<(Name, Transition)>,
    seed: u32,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// For a service, under these rules.
    Service(Name, Arc<ServiceFile>, machine::Effect),
    /// Answer whoever asked.
    Answer(JobId, Answer),
    /// The service was removed, and nothing is left of it: forget what belongs to it.
    Forget(Name),
}

/// How the agent ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything stops.
    All,
    /// Everything stops but what says `adopt`.
    KeepAdoptable,
}

impl Supervisor {
    /// Nobody yet. `seed` makes the waits of many boards differ.
    #[must_use]
    pub const fn new(seed: u32) -> Self {
        Self {
            units: BTreeMap::new(),
            broken: Vec::new(),
            jobs: Vec::new(),
            closed: false,
            ran: Vec::new(),
            has_read: false,
            effects: Vec::new(),
            transitions: Vec::new(),
            seed,
        }
    }

    /// Every service by its name.
    #[must_use]
    pub fn units(&self) -> impl ExactSizeIterator<Item = (&Name, &Unit)> {
        self.units.iter()
    }

    /// One service.
    #[must_use]
    pub fn unit(&self, name: &Name) -> Option<&Unit> {
        self.units.get(name)
    }

    /// Takes the changes of state since the last time, in their order.
    pub fn take_transitions(&mut self) -> Vec<(Name, Transition)> {
        mem::take(&mut self.transitions)
    }

    /// The files that cannot be used, as of the last reload.
    #[must_use]
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// When to call [`Supervisor::tick`] at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let deadlines = self.units.values().map(|unit| unit.machine.deadline());
        deadlines.flatten().min()
    }

    /// Whether nothing runs, except what is to be kept.
    #[must_use]
    pub fn is_quiet(&self, end: End) -> bool {
        self.units
            .values()
            .all(|unit| unit.machine.is_down() || unit.is_kept(end))
    }

    /// Takes what somebody asks for. It is answered by an effect, now or later.
    pub fn ask(&mut self, at: Moment, id: JobId, ask: &Ask) -> Vec<Effect> {
        let names = match self.resolve(ask) {
            Ok(names) => names,
            Err(trouble) => {
                self.effects.push(Effect::Answer(id, Err(trouble)));
                return mem::take(&mut self.effects);
            }
        };
        let mut job = Job::new(id, ask.clone());
        for name in names {
            if let Some(unit) = self.units.get_mut(&name) {
                job.begin(&name, unit);
            }
        }
        self.jobs.push(job);
        self.settle(at)
    }

    /// The services that are meant, if they may be.
    fn resolve(&self, ask: &Ask) -> Result<Vec<Name>, Trouble> {
        if self.closed && ask.starts() {
            return Err(Trouble::Closed);
        }
        match ask.target() {
            Target::All => Ok(self.units.keys().cloned().collect()),
            Target::One(name) => {
                let broken = self.broken.iter().find(|it| it.name.as_ref() == Some(name));
                match (self.units.get(name), broken) {
                    (Some(_), None) => Ok(vec![name.clone()]),
                    (Some(unit), Some(_)) if !ask.starts() || unit.machine.has_process() => {
                        Ok(vec![name.clone()])
                    }
                    (_, Some(broken)) => Err(Trouble::Broken(broken.flaws.clone())),
                    (None, None) => Err(Trouble::Unknown(name.clone())),
                }
            }
        }
    }

    /// Something has happened to a service.
    pub fn tell(&mut self, at: Moment, name: &Name, event: Event) -> Vec<Effect> {
        self.step(at, name, event);
        self.settle(at)
    }

    /// Lets time pass; late and repeated ticks are harmless.
    pub fn tick(&mut self, at: Moment) -> Vec<Effect> {
        let is_due = |unit: &Unit| unit.machine.deadline().is_some_and(|due| due <= at.now);
        for name in self.names_of(is_due) {
            self.step(at, &name, Event::Tick);
        }
        self.settle(at)
    }

    /// Stops everything that does not stay, in reverse order. From now on nothing starts.
    pub fn end(&mut self, at: Moment, end: End) -> Vec<Effect> {
        if !self.closed {
            self.ran = self.names_of(|unit| !unit.is_settled_down());
        }
        self.closed = true;
        for unit in self.units.values_mut() {
            unit.start_is_asked = false;
            unit.queued = if unit.machine.is_down() || unit.is_kept(end) {
                Queued::Nothing
            } else {
                Queued::Stop
            };
        }
        self.settle(at)
    }

    /// Neither the agent nor the board has ended: what ran before is started again.
    pub fn reopen(&mut self, at: Moment) -> Vec<Effect> {
        self.closed = false;
        for name in mem::take(&mut self.ran) {
            if let Some(unit) = self.units.get_mut(&name) {
                unit.queued = Queued::Start;
            }
        }
        self.settle(at)
    }

    /// Kills what has not stopped: no time is left.
    pub fn kill(&mut self, at: Moment, end: End) -> Vec<Effect> {
        self.closed = true;
        let is_left = |unit: &Unit| !unit.machine.is_down() && !unit.is_kept(end);
        for name in self.names_of(is_left) {
            if let Some(unit) = self.units.get_mut(&name) {
                unit.queued = Queued::Nothing;
            }
            self.step(at, &name, Event::Kill);
        }
        self.settle(at)
    }

    fn names_of(&self, is_meant: impl Fn(&Unit) -> bool) -> Vec<Name> {
        let meant = self.units.iter().filter(|(_, unit)| is_meant(unit));
        meant.map(|(name, _)| name.clone()).collect()
    }

    fn step(&mut self, at: Moment, name: &Name, event: Event) {
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        let before = unit.shown();
        let effects = unit.machine.step(at, &unit.rules, event);
        let last = unit.machine.transitions().next_back();
        let changed = last.filter(|_| unit.shown() != before);
        let changed = changed.map(|it| (name.clone(), it.clone()));
        self.transitions.extend(changed);
        for effect in effects {
            if effect == machine::Effect::Spawn
                && let Some(next) = unit.next.take()
            {
                unit.rules = next;
            }
            if effect == machine::Effect::Spawn {
                unit.started_by = Some(unit.rules.digest());
            }
            let rules = unit.rules.clone();
            let effect = Effect::Service(name.clone(), rules, effect);
            self.effects.push(effect);
        }
    }

    /// Lets everybody go on who waited for what has just happened, and answers who asked.
    fn settle(&mut self, at: Moment) -> Vec<Effect> {
        while self.advance(at) {}
        if self.closed {
            let wants_more =
                |unit: &Unit| matches!(unit.shown(), Shown::Restarting | Shown::Backoff);
            for name in self.names_of(wants_more) {
                self.step(at, &name, Event::Stop);
            }
        }
        self.bury();
        let jobs = mem::take(&mut self.jobs);
        for mut job in jobs {
            job.look(&self.units);
            match job.answer() {
                Some(answer) => self.effects.push(Effect::Answer(job.id, answer)),
                None => self.jobs.push(job),
            }
        }
        mem::take(&mut self.effects)
    }

    /// One round of what may go on. Returns whether anything did.
    fn advance(&mut self, at: Moment) -> bool {
        let queued = self.names_of(|unit| unit.queued != Queued::Nothing);
        let mut went_on = false;
        for name in &queued {
            if let Some((event, next)) = self.may_go_on(name) {
                self.go_on(at, name, event, next);
                went_on = true;
            }
        }
        let rests = |unit: &Unit| matches!(unit.machine.shown(), Shown::Running | Shown::Adopted);
        let moves = |unit: &Unit| unit.machine.has_process() && !rests(unit);
        match queued.first() {
            // Old and new files together can make a circle. Any order is better than none.
            Some(name) if !went_on && !self.units.values().any(moves) => {
                let event = match self.units.get(name).map(|unit| unit.queued) {
                    Some(Queued::Start) => Event::Start,
                    _ => Event::Stop,
                };
                self.go_on(at, name, event, Queued::Nothing);
                true
            }
            _ => went_on,
        }
    }

    fn go_on(&mut self, at: Moment, name: &Name, event: Event, next: Queued) {
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        unit.queued = next;
        let event = match (event, unit.grace.take()) {
            (Event::Stop, Some(grace)) => Event::StopWithin(grace),
            (Event::Start, _) if !mem::take(&mut unit.start_is_asked) => Event::Autostart,
            (event, _) => event,
        };
        self.step(at, name, event);
    }

    /// What a queued service may do now, and what it is then queued for.
    fn may_go_on(&self, name: &Name) -> Option<(Event, Queued)> {
        let unit = self.units.get(name)?;
        let stop = || {
            let mut others = self.units.values();
            !others.any(|other| other.stops_before(name))
        };
        let start = || {
            let first = unit.service_file().after.iter();
            let mut first = first.filter_map(|name| self.units.get(name));
            !first.any(Unit::holds_back)
        };
        match unit.queued {
            // What is not up anyway has nobody to wait for.
            Queued::Stop if !unit.machine.is_up() || stop() => Some((Event::Stop, Queued::Nothing)),
            Queued::Restart if !unit.machine.is_up() || stop() => {
                Some((Event::Stop, Queued::Start))
            }
            Queued::Start if self.closed => Some((Event::Stop, Queued::Nothing)),
            // What is being stopped has to be down first.
            Queued::Start if unit.machine.shown() == Shown::Stopping => None,
            Queued::Start if start() => Some((Event::Start, Queued::Nothing)),
            _ => None,
        }
    }

    /// Forgets what was removed and is down.
    fn bury(&mut self) {
        for name in self.names_of(|unit| unit.removed && unit.is_settled_down()) {
            self.units.remove(&name);
            self.effects.push(Effect::Forget(name));
        }
    }

    fn next_seed(&mut self) -> u32 {
        // Knuth's multiplicative hash.
        self.seed = self.seed.wrapping_add(0x9E37_79B9);
        self.seed
    }
}

#[cfg(test)]
mod tests;
