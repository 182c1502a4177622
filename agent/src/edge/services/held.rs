//! Services that are held back: what may be of an earlier start of them still runs, and nobody can tell.

use super::task::Task;
use crate::core::service::Name;
use crate::edge::process::Process;

impl Task {
    /// Starts nothing of a service for as long as any of these runs.
    pub(super) fn hold_back(&mut self, name: Name, processes: Vec<Process>) {
        for process in &processes {
            tracing::error!(target: "services", %name, pid = process.pid,
                "it may be of an earlier start, and is not touched: the service does not start while it runs");
        }
        self.held.entry(name).or_default().extend(processes);
    }

    /// Returns why a service may not start; `None` if it may.
    pub(super) fn held_back(&mut self, name: &Name) -> Option<String> {
        let processes = self.held.get_mut(name)?;
        processes.retain(|process| !process.has_ended());
        let numbers: Vec<_> = processes.iter().map(|it| it.pid.to_string()).collect();
        if numbers.is_empty() {
            self.held.remove(name);
            return None;
        }
        let numbers = numbers.join(", ");
        Some(format!(
            "process {numbers} may be of an earlier start; end it, then start the service"
        ))
    }
}
