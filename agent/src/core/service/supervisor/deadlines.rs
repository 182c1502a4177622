//! The latest ends of stops that somebody waits for.

use super::job::Job;
use super::unit::Queued;
use super::{Ask, Supervisor};
use crate::core::service::Name;
use lastword_protocol::Instant;
use lastword_protocol::message::service::ServiceRequest;
use std::collections::BTreeMap;

/// The latest ends of the stops that somebody waits for, as far as they are known.
///
/// A start has none: how long it takes until a process is there, and those before it are ready, has no bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StopDeadlines(Vec<(Ask, Option<Instant>)>);

impl StopDeadlines {
    /// Returns when a request of this kind is answered at the latest; the last of several, and `None` if
    /// that of one is not known, or nobody waits for such a request.
    #[must_use]
    pub fn of(&self, request: &ServiceRequest) -> Option<Instant> {
        let wanted = Ask::of(request)?.ok()?;
        let same = self.0.iter().filter(|(ask, _)| *ask == wanted);
        let deadlines: Option<Vec<_>> = same.map(|(_, deadline)| *deadline).collect();
        deadlines?.into_iter().max()
    }
}

impl Supervisor {
    /// Returns the latest ends of the stops that somebody waits for.
    #[must_use]
    pub fn stop_deadlines(&self) -> StopDeadlines {
        let mut known = BTreeMap::new();
        let stops = self.jobs.iter().filter(|job| !job.ask.starts());
        let deadlines = stops.map(|job| (job.ask.clone(), self.job_deadline(job, &mut known)));
        StopDeadlines(deadlines.collect())
    }

    fn job_deadline(&self, job: &Job, known: &mut Deadlines) -> Option<Instant> {
        let pending = job.pending();
        let deadlines: Option<Vec<_>> = pending.map(|name| self.gone_by(name, known)).collect();
        deadlines?.into_iter().max()
    }

    /// Returns when nothing of a service is left at the latest, if it is being stopped or is to be.
    fn gone_by(&self, name: &Name, known: &mut Deadlines) -> Option<Instant> {
        if let Some(deadline) = known.get(name) {
            return *deadline;
        }
        // Whoever waits for itself in a circle waits for nobody knows what.
        known.insert(name.clone(), None);
        let unit = self.units.get(name)?;
        let deadline = match unit.queued {
            Queued::Stop | Queued::Restart => {
                let others = self.units.iter().filter(|(_, it)| it.stops_before(name));
                let others: Option<Vec<_>> = others
                    .map(|(other, _)| self.gone_by(other, known))
                    .collect();
                let begins = others?.into_iter().max()?;
                Some(unit.gone_by(begins))
            }
            Queued::Nothing | Queued::Start => unit.machine.gone_by(),
        };
        known.insert(name.clone(), deadline);
        deadline
    }
}

type Deadlines = BTreeMap<Name, Option<Instant>>;
