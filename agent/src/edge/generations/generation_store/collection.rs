//! The removal of what nothing needs.

use super::{GenerationStore, RolloutGenerations, StoredGeneration};
use lastword_protocol::message::generation::GenerationRole;
use std::io;
use std::sync::PoisonError;

impl GenerationStore {
    /// Removes generations that nothing needs but the newest `keep`; returns them.
    pub(in crate::edge::generations) fn prune(
        &self,
        keep: u16,
    ) -> io::Result<Vec<StoredGeneration>> {
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let rollout = *writing;
        let all = self.list(rollout)?;
        let is_needed = |it: &StoredGeneration| {
            matches!(
                it.role,
                GenerationRole::Current | GenerationRole::Pending | GenerationRole::Previous
            )
        };
        let others = all.into_iter().filter(|it| !is_needed(it));
        let removed: Vec<_> = others.skip(keep.into()).collect();
        for StoredGeneration { generation, .. } in &removed {
            self.trees.remove(*generation)?;
            self.manifests.remove(*generation)?;
            tracing::info!(target: "agent_activation", %generation, "removed");
        }
        // And trees of which nobody knows the manifest.
        let known = self.manifests.all();
        let current = self.observe()?.current();
        for generation in self.trees.list()? {
            let used = [current, rollout.pending, rollout.previous, rollout.kept];
            let is_used = used.contains(&Some(generation));
            if !is_used && !known.contains_key(&generation) {
                self.trees.remove(generation)?;
            }
        }
        self.drop_contents()?;
        Ok(removed)
    }

    /// Notes which generations must stay, from now on.
    pub(in crate::edge::generations) fn set_needed(&self, rollout: RolloutGenerations) {
        *self.writing.lock().unwrap_or_else(PoisonError::into_inner) = rollout;
    }

    /// Removes the contents that no generation without a tree has.
    pub(super) fn drop_contents(&self) -> io::Result<()> {
        let trees = self.trees.list()?;
        let all = self.manifests.all();
        let waiting = all
            .iter()
            .filter(|(generation, _)| !trees.contains(generation));
        let files = waiting.flat_map(|(_, stored)| &stored.manifest.files);
        self.contents
            .retain(&files.map(|file| file.sha256).collect())
    }
}
