//! The removal of what nothing needs.

use super::{GenerationStore, RolloutGenerations, StoredGeneration, StoredManifest};
use lastword_protocol::message::generation::GenerationRole;
use lastword_protocol::{Generation, ObjectHash};
use std::collections::BTreeSet;
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
        // One that is on its way, or was only asked about, takes no whole one's place.
        let (incomplete, whole): (Vec<_>, Vec<_>) =
            others.partition(|it| it.role == GenerationRole::Incomplete);
        let beyond = |kept: Vec<StoredGeneration>| kept.into_iter().skip(keep.into());
        let removed: Vec<_> = beyond(whole).chain(beyond(incomplete)).collect();
        self.keep_shared(&removed)?;
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

    /// Keeps the contents of these generations' trees that one without a tree shares with them, and with no other tree: it
    /// was told that they are on the board, and never got them.
    fn keep_shared(&self, removed: &[StoredGeneration]) -> io::Result<()> {
        let all = self.manifests.all();
        let is_removed = |it: Generation| removed.iter().any(|gone| gone.generation == it);
        let (gone, stay): (Vec<_>, Vec<_>) =
            (self.known_trees(&all)).partition(|tree| is_removed(tree.generation));
        let in_trees: BTreeSet<Generation> = stay.iter().map(|tree| tree.generation).collect();
        let waiting = all
            .iter()
            .filter(|(generation, _)| !is_removed(**generation) && !in_trees.contains(generation));
        let mut needed: BTreeSet<_> = waiting.flat_map(|(_, stored)| hashes(stored)).collect();
        let elsewhere = stay.iter().flat_map(|tree| &tree.manifest.files);
        for file in elsewhere {
            needed.remove(&file.sha256);
        }
        for tree in gone {
            for file in &tree.manifest.files {
                if needed.remove(&file.sha256) {
                    let path = self.trees.path(tree.generation).join(&file.path);
                    self.contents.link(file.sha256, &path)?;
                }
            }
        }
        self.contents.sync_names()
    }

    /// Removes the contents that no generation without a tree has.
    pub(super) fn drop_contents(&self) -> io::Result<()> {
        let trees = self.trees.list()?;
        let all = self.manifests.all();
        let waiting = all
            .iter()
            .filter(|(generation, _)| !trees.contains(generation));
        let needed = waiting.flat_map(|(_, stored)| hashes(stored)).collect();
        self.contents.retain(&needed)
    }
}

fn hashes(stored: &StoredManifest) -> impl Iterator<Item = ObjectHash> {
    stored.manifest.files.iter().map(|file| file.sha256)
}
