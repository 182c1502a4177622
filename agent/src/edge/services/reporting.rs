//! Reports what has become of services, for whoever has subscribed to that.

use super::task::Task;

impl Task {
    /// Reports every change of state since the last time.
    pub(super) fn report_transitions(&mut self) {
        for (name, transition) in self.supervisor.take_transitions() {
            self.events.report_service(&name, &transition);
        }
    }
}
