//! What service files change.

use super::unit::Queued;
use super::{Effect, Supervisor, Unit};
use crate::core::service::Name;
use crate::core::service::catalog::Catalog;
use crate::core::service::machine::{Machine, Moment, Shown};
use crate::core::service::plan::Plan;
use crate::core::service::service_file::{Digest, ServiceFile};
use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;

/// What is said of a service whose file has changed while no agent lived.
const OUTDATED: &str = "; its file has changed since it was started: `svc reload` restarts it";

impl Supervisor {
    /// Takes over a service that runs since before this agent did, or only how often it was restarted.
    /// `started_by` is what its process was started by, as far as that was written down. To be called
    /// before the first [`Supervisor::reload`]; later, of a service that has not started since.
    pub fn recall(&mut self, name: Name, restarts: u32, started_by: Option<Digest>) {
        if let Some(unit) = self.units.get_mut(&name) {
            unit.machine.restore_restarts(restarts);
            unit.started_by = started_by;
            return;
        }
        let machine = Machine::new(self.next_seed(), restarts);
        // Until its file is read, it is only looked after.
        let rules = Arc::new(ServiceFile::orphan());
        let mut unit = Unit::new(rules, machine);
        unit.started_by = started_by;
        self.units.insert(name, unit);
    }

    /// A service that was recalled had a process when the last agent died, and has none now: its policy says
    /// what follows, once its file is read.
    pub fn recall_end(&mut self, name: &Name) {
        let unit = self.units.get_mut(name);
        if let Some(unit) = unit.filter(|unit| unit.rules.is_orphan()) {
            unit.ended_unseen = true;
        }
    }

    /// Makes the catalog true, and says what that changes. Services that are new and `autostart` start.
    ///
    /// The first catalog restarts nothing: a file may have changed while no agent lived, and nobody has
    /// asked for a restart. The next one does.
    pub fn reload(&mut self, at: Moment, catalog: Catalog) -> (Plan, Vec<Effect>) {
        let known = |(name, unit): (&Name, &Unit)| (name.clone(), known(unit, &catalog, name));
        let now = self.units.iter().map(known).collect();
        let is_first = !mem::replace(&mut self.has_read, true);
        let outdated = self.outdated(&catalog);
        let to_restart = if is_first {
            BTreeSet::new()
        } else {
            outdated.clone()
        };
        let plan = Plan::new(&now, &to_restart, &catalog);
        for (name, service_file) in &catalog.services {
            self.define(at, name, service_file, to_restart.contains(name));
        }
        for name in outdated.difference(&to_restart) {
            if let Some(unit) = self.units.get_mut(name) {
                unit.machine.remark(OUTDATED);
            }
        }
        for name in &plan.removed {
            if let Some(unit) = self.units.get_mut(name) {
                unit.removed = true;
                unit.queued = Queued::Stop;
            }
        }
        self.broken = catalog.broken;
        (plan, self.settle(at))
    }

    /// Whose process was started by something else than the catalog says.
    fn outdated(&self, catalog: &Catalog) -> BTreeSet<Name> {
        let services = catalog.services.iter();
        let outdated = services.filter(|(name, service_file)| {
            let unit = self.units.get(*name);
            unit.is_some_and(|unit| unit.is_outdated_by(service_file))
        });
        outdated.map(|(name, _)| name.clone()).collect()
    }

    /// `outdated`: its process has to be started again, whatever was known of its file.
    fn define(&mut self, at: Moment, name: &Name, service_file: &Arc<ServiceFile>, outdated: bool) {
        let Some(unit) = self.units.get_mut(name) else {
            let machine = Machine::new(self.next_seed(), 0);
            let mut unit = Unit::new(service_file.clone(), machine);
            if service_file.autostart {
                unit.queued = Queued::Start;
            }
            self.units.insert(name.clone(), unit);
            return;
        };
        let was_removed = mem::replace(&mut unit.removed, false);
        if unit.service_file() == &**service_file && !outdated {
            return;
        }
        let first = unit.rules.is_orphan();
        // What is known of the process itself counts, rather than what is believed of its file.
        let differs = match unit.started_by {
            Some(digest) => digest != service_file.digest(),
            None => service_file.needs_restart(&unit.rules),
        };
        let restart = !first && unit.machine.has_process() && differs;
        if restart || was_removed {
            unit.next = Some(service_file.clone());
            unit.queued = Queued::Restart;
            return;
        }
        unit.next = None;
        unit.rules = service_file.clone();
        if outdated {
            unit.queued = Queued::Restart;
            return;
        }
        if mem::take(&mut unit.ended_unseen) {
            if unit.machine.ended_unseen(at.unix_ms, service_file) {
                unit.queued = Queued::Start;
            }
            return;
        }
        // What the last agent left stopped starts with this one, as with any; what has failed, or waits for its
        // next attempt, may do better with its new file.
        let anew = match unit.machine.shown() {
            Shown::Failed => true,
            Shown::Backoff => differs,
            _ => first,
        };
        if anew && service_file.autostart && !unit.machine.has_process() {
            unit.queued = Queued::Start;
        }
    }
}

/// What was known of a service's file before this catalog. Of one that was recalled only the digest was: it
/// is as the catalog says, unless that differs.
fn known(unit: &Unit, catalog: &Catalog, name: &Name) -> Arc<ServiceFile> {
    let known = unit.next.as_ref().unwrap_or(&unit.rules);
    let same = |service_file: &&Arc<ServiceFile>| {
        unit.started_by.is_none_or(|it| it == service_file.digest())
    };
    let recalled = catalog.services.get(name).filter(|_| known.is_orphan());
    recalled.filter(same).unwrap_or(known).clone()
}
