//! Service files are read anew, and made true.

use super::hands::Hands;
use super::memory::Memory;
use super::task::Task;
use crate::core::service::Name;
use crate::core::service::answer::of_reload;
use crate::core::service::supervisor::Unit;
use crate::edge::failpoint::pass;
use crate::edge::surroundings;
use lastword_protocol::message::Reply;

impl Task {
    /// Reads the files anew and makes them true.
    pub(super) async fn reload(&mut self) -> Vec<Reply> {
        let catalog = self.memory.read_catalog().await;
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
            .map(|unit| &unit.manifest().program);
        if let Some(warning) = program.and_then(surroundings::exposed_environment) {
            tracing::warn!(target: "services", %name, "user: {warning}");
        }
    }
}
