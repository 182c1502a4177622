//! What service files change.

use super::unit::Queued;
use super::{Effect, Supervisor, Unit};
use crate::core::service::Name;
use crate::core::service::catalog::Catalog;
use crate::core::service::machine::{Machine, Moment, Shown};
use crate::core::service::manifest::Manifest;
use crate::core::service::plan::Plan;
use std::mem;
use std::sync::Arc;

impl Supervisor {
    /// Takes over a service that runs since before this agent did, or only how often it was restarted.
    /// To be called before the first [`Supervisor::reload`].
    pub fn recall(&mut self, name: Name, restarts: u32) {
        let machine = Machine::new(self.next_seed(), restarts);
        // Until its file is read, it is only looked after.
        let rules = Arc::new(Manifest::orphan());
        self.units.insert(name, Unit::new(rules, machine));
    }

    /// Makes the catalog true, and says what that changes. Services that are new and `autostart` start.
    pub fn reload(&mut self, at: Moment, catalog: Catalog) -> (Plan, Vec<Effect>) {
        let now = self
            .units
            .iter()
            .map(|(name, unit)| {
                (
                    name.clone(),
                    unit.next.as_ref().unwrap_or(&unit.rules).clone(),
                )
            })
            .collect();
        let plan = Plan::new(&now, &catalog);
        for (name, manifest) in &catalog.services {
            self.define(name, manifest);
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

    fn define(&mut self, name: &Name, manifest: &Arc<Manifest>) {
        let Some(unit) = self.units.get_mut(name) else {
            let machine = Machine::new(self.next_seed(), 0);
            let mut unit = Unit::new(manifest.clone(), machine);
            if manifest.autostart {
                unit.queued = Queued::Start;
            }
            self.units.insert(name.clone(), unit);
            return;
        };
        let was_removed = mem::replace(&mut unit.removed, false);
        if unit.manifest() == &**manifest {
            return;
        }
        let first = unit.rules.is_orphan();
        let restart = !first && unit.machine.has_process() && manifest.needs_restart(&unit.rules);
        if restart || was_removed {
            unit.next = Some(manifest.clone());
            unit.queued = Queued::Restart;
            return;
        }
        unit.next = None;
        unit.rules = manifest.clone();
        // What the last agent left stopped starts with this one, as with any; what has failed may do
        // better with its new file.
        let anew = first || unit.machine.shown() == Shown::Failed;
        if anew && manifest.autostart && unit.machine.is_down() {
            unit.queued = Queued::Start;
        }
    }
}
