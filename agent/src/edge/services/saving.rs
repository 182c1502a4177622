//! When `state.json` is written, and who waits for that.

use super::task::Task;
use lastword_protocol::message::Reply;
use tokio::sync::oneshot;

/// An answer that is given when what it tells of is written down: an agent that dies behind it must not
/// leave one that knows nothing of it.
#[derive(Debug)]
pub(super) struct Held {
    /// Which write has it.
    write: u64,
    replies: Vec<Reply>,
    told: oneshot::Sender<Vec<Reply>>,
}

impl Task {
    /// Writes down which processes there are. It takes effect soon.
    pub(super) fn save(&mut self) {
        self.memory.change();
        self.write();
    }

    /// What all services are is put together only when it can be written: hundreds that start at once
    /// would have it done hundreds of times.
    fn write(&mut self) {
        if self.memory.wants_to_write() {
            let registry = self.memory.registry(&self.supervisor, &self.hands);
            self.memory.write(registry);
        }
    }

    /// What was being written is.
    pub(super) fn written(&mut self) {
        let done = self.memory.begun();
        for held in self.held.extract_if(.., |held| held.write <= done) {
            // Whoever asked may be gone.
            let _ = held.told.send(held.replies);
        }
        self.write();
    }

    /// Answers when everything that has changed so far is written.
    pub(super) fn answer_when_written(
        &mut self,
        told: oneshot::Sender<Vec<Reply>>,
        replies: Vec<Reply>,
    ) {
        match self.memory.last_write() {
            Some(write) => self.held.push(Held {
                write,
                replies,
                told,
            }),
            // Whoever asked may be gone.
            None => drop(told.send(replies)),
        }
    }

    pub(super) async fn finish_saving(&mut self) {
        while self.memory.is_saving() {
            self.memory.saved().await;
            self.written();
        }
    }
}
