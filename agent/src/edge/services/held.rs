//! Services that are held back: what may be of an earlier start of them still runs, and nobody can tell; or
//! nobody can look.

use super::pending_adoption::PendingAdoption;
use super::task::Task;
use crate::core::service::Name;
use crate::edge::explained::explain;
use crate::edge::process::Process;
use crate::edge::store::Files;
use std::io;

impl Task {
    /// Starts nothing of a service for as long as any of these runs.
    pub(super) fn hold_back(&mut self, name: Name, processes: Vec<Process>) {
        for process in &processes {
            tracing::error!(target: "services", %name, pid = process.pid,
                "it may be of an earlier start, and is not touched: the service does not start while it runs");
        }
        self.held.entry(name).or_default().extend(processes);
    }

    pub(super) fn put_off_adoption(&mut self, files: Files, error: &io::Error) {
        let pending = PendingAdoption::new(files, error, self.clock.now());
        if self.pending_adoption.is_none() {
            tracing::error!(target: "services", error = %pending.error(),
                "cannot look which services still run; none starts until that is known");
        }
        self.pending_adoption = Some(pending);
    }

    /// Adopts what could not be looked at before, if that is possible now.
    pub(super) async fn look_again(&mut self) {
        let Some(pending) = &self.pending_adoption else {
            return;
        };
        let files = pending.files().clone();
        self.adopt(files).await;
        if self.pending_adoption.is_none() {
            tracing::info!(target: "services", "it is known which services still run");
            self.publish_names();
            self.open_running_logs().await;
            self.save();
        }
    }

    /// Returns why nothing is known of services that may still run.
    pub(super) fn unlooked(&self) -> Option<io::Error> {
        let pending = self.pending_adoption.as_ref()?;
        Some(explain(
            "cannot look whether it still runs",
            pending.error(),
        ))
    }

    /// Returns why a service may not start; `None` if it may.
    pub(super) fn held_back(&mut self, name: &Name) -> Option<io::Error> {
        if let Some(error) = self.unlooked() {
            return Some(error);
        }
        let processes = self.held.get_mut(name)?;
        processes.retain(|process| !process.has_ended());
        let numbers: Vec<_> = processes.iter().map(|it| it.pid.to_string()).collect();
        if numbers.is_empty() {
            self.held.remove(name);
            return None;
        }
        let numbers = numbers.join(", ");
        Some(io::Error::other(format!(
            "process {numbers} may be of an earlier start; end it, then start the service"
        )))
    }
}
