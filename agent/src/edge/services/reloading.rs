//! Reloads: the files are read by the way, so that one that hangs keeps nobody waiting but who has asked
//! for it; then the supervisor is told.

use super::files::ReadFiles;
use super::hands::Hands;
use super::memory::Memory;
use super::task::Task;
use crate::core::service::Name;
use crate::core::service::answer::of_reload;
use crate::core::service::supervisor::Unit;
use crate::edge::failpoint::pass;
use crate::edge::surroundings;
use lastword_protocol::message::Reply;
use std::future::pending;
use std::mem;
use tokio::sync::oneshot;

/// Where the answer to a reload goes.
type Answer = oneshot::Sender<Vec<Reply>>;

/// Reloads that were asked for: one at a time, and one more for all that were asked for meanwhile.
#[derive(Debug, Default)]
pub(super) struct Reloads {
    reading: Option<oneshot::Receiver<ReadFiles>>,
    /// Who waits for what is being read.
    answers: Vec<Answer>,
    /// Who has asked since that began: what is read may be older than what they mean.
    later: Vec<Answer>,
}

impl Reloads {
    /// Reads the files anew, soon.
    pub(super) fn ask(&mut self, memory: &Memory, answer: Answer) {
        self.later.push(answer);
        self.go_on(memory);
    }

    fn go_on(&mut self, memory: &Memory) {
        if self.reading.is_none() && !self.later.is_empty() {
            self.answers = mem::take(&mut self.later);
            self.reading = Some(memory.start_reading());
        }
    }

    /// Waits for what is being read. Never returns if nothing is. Cancel-safe.
    pub(super) async fn read(&mut self) -> ReadFiles {
        let Some(reading) = &mut self.reading else {
            return pending().await;
        };
        let read = reading.await;
        self.reading = None;
        read.unwrap_or_else(|_| unreadable())
    }
}

/// What is made of files whose reader has panicked: nothing changes.
fn unreadable() -> ReadFiles {
    ReadFiles {
        partial: Some("the service files cannot be read; the log has why".to_owned()),
        ..ReadFiles::default()
    }
}

impl Task {
    /// Reads the files anew and makes them true.
    pub(super) async fn reload(&mut self) -> Vec<Reply> {
        let read = self.memory.start_reading().await;
        self.apply(read.unwrap_or_else(|_| unreadable())).await
    }

    /// The files were read that somebody has asked for.
    pub(super) async fn reloaded(&mut self, read: ReadFiles) {
        let replies = self.apply(read).await;
        for answer in mem::take(&mut self.reloads.answers) {
            // Whoever asked may be gone.
            drop(answer.send(replies.clone()));
        }
        self.reloads.go_on(&self.memory);
    }

    /// Makes true what was read.
    async fn apply(&mut self, read: ReadFiles) -> Vec<Reply> {
        self.memory.note_stamps(read.stamps.clone());
        let catalog = read.catalog();
        let (plan, effects) = self.supervisor.reload(self.at(), catalog);
        for name in self.supervisor.units().map(|(name, _)| name) {
            if !self.hands.contains_key(name) {
                let hands = Hands::new(Memory::fresh_nonce());
                self.hands.insert(name.clone(), hands);
            }
        }
        self.publish_names();
        self.open_logs().await;
        tracing::info!(target: "services", added = plan.added.len(), removed = plan.removed.len(),
            changed = plan.changed.len(), unchanged = plan.unchanged.len(), "reloaded");
        for flaw in self.supervisor.broken().iter().flat_map(|it| &it.flaws) {
            tracing::error!(target: "services", "{flaw}");
        }
        let outdated = |(_, unit): &(&Name, &Unit)| unit.is_outdated();
        for (name, _) in self.supervisor.units().filter(outdated) {
            tracing::warn!(target: "services", %name,
                "its file has changed since it was started; `svc reload` restarts it");
        }
        for name in plan.added.iter().chain(&plan.changed) {
            self.warn_of_environment(name);
        }
        pass("reload-decided");
        // By its nonce a process is found even if the agent dies before its number is written down.
        self.save();
        self.finish_saving().await;
        pass("reload-saved");
        let replies = of_reload(&plan, self.supervisor.broken());
        self.carry_out(effects).await;
        replies
    }

    fn warn_of_environment(&self, name: &Name) {
        let program = self
            .supervisor
            .unit(name)
            .map(|unit| &unit.service_file().program);
        if let Some(warning) = program.and_then(surroundings::exposed_environment) {
            tracing::warn!(target: "services", %name, "user: {warning}");
        }
    }
}
