//! When `state.json` is written.

use super::task::Task;

impl Task {
    /// Writes down which processes there are. It takes effect soon.
    pub(super) fn save(&mut self) {
        self.memory.change();
        self.write();
    }

    /// What all services are is put together only when it can be written: hundreds that start at once
    /// would have it done hundreds of times.
    pub(super) fn write(&mut self) {
        // What is written down is all that is known of what nobody could look at.
        if self.pending_adoption.is_none() && self.memory.wants_to_write() {
            let registry = self.memory.registry(&self.supervisor, &self.hands);
            self.memory.write(registry);
        }
    }

    /// Waits until everything that has changed so far is written.
    pub(super) async fn finish_saving(&mut self) {
        while self.pending_adoption.is_none() && self.memory.hurry().await {
            self.write();
        }
    }
}
