//! Everything of generations that is on the disk, and what may take its time there: each call belongs on a thread.

mod admission;
mod collection;
mod giving_out;
mod taking_in;

use super::content_store::ContentStore;
use super::manifest_store::{ManifestStore, StoredManifest};
use super::pointer::GenerationPointer;
use super::trees::{GenerationTrees, KnownTree, RealiseError};
use crate::core::generation::intake::{AdmittedGeneration, IntakePolicy, IntakeRefusal};
use crate::core::generation::recovery::WorldView;
use crate::core::generation::rollout_ledger::RolloutLedger;
use crate::core::generation::rollout_record::RolloutRecord;
use crate::edge::generation_link::{CurrentLink, TREES};
use crate::edge::objects::ObjectService;
use crate::edge::store::StateError;
use lastword_generation::Manifest;
use lastword_protocol::message::generation::GenerationRole;
use lastword_protocol::refusal::Code;
use lastword_protocol::{Generation, ObjectHash};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The generations of a board, on its disk.
pub(super) struct GenerationStore {
    directory: PathBuf,
    policy: IntakePolicy,
    trees: GenerationTrees,
    pointer: GenerationPointer,
    services: CurrentLink,
    manifests: ManifestStore,
    contents: ContentStore,
    objects: ObjectService,
    /// The directory of the local service files, whose names generations must leave alone.
    local_services: PathBuf,
    /// Held by whatever changes trees, manifests or contents: the generations that must stay.
    writing: Mutex<RolloutGenerations>,
    /// The contents that trees were found to lack, though their manifests say otherwise.
    damaged: Mutex<BTreeSet<ObjectHash>>,
}

/// A generation that is there.
#[derive(Clone, Debug)]
pub(super) struct StoredGeneration {
    pub(super) generation: Generation,
    pub(super) manifest: Arc<Manifest>,
    pub(super) role: GenerationRole,
}

/// A reason why a request about generations is refused.
#[derive(Debug)]
pub(super) struct StoreRefusal {
    pub(super) code: Code,
    pub(super) detail: String,
}

/// A reason why a generation cannot be made ready.
#[derive(Debug)]
pub(super) enum NotRealised {
    /// The signature does not count.
    Signature(String),
    /// Anything else.
    Failed(String),
}

/// A reason why a tree is not known to be whole.
#[derive(Debug)]
pub(super) enum TreeCheck {
    /// Nobody knows what should be in it.
    NoManifest,
    /// It differs.
    Damaged(String),
}

/// The generations of a rollout: nothing collects them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RolloutGenerations {
    /// The one that is being activated, or soaks.
    pub(super) pending: Option<Generation>,
    /// The one to go back to.
    pub(super) previous: Option<Generation>,
    /// The one before what was confirmed last: what is tried since may be in vain.
    pub(super) kept: Option<Generation>,
}

impl RolloutGenerations {
    /// Returns the generations that the last rollout needs, and the one by which the board has come to what it keeps.
    pub(super) fn of(last: Option<&RolloutRecord>, kept: Option<&RolloutRecord>) -> Self {
        let under_way = last.filter(|record| !record.state.is_terminal());
        Self {
            pending: under_way.map(|record| record.target),
            previous: under_way
                .or(kept)
                .or(last)
                .and_then(|record| record.previous),
            kept: kept.and_then(|record| record.previous),
        }
    }
}

impl GenerationStore {
    /// Opens the generations in a directory, which is made if it is missing.
    pub(super) fn open(
        directory: &Path,
        policy: IntakePolicy,
        objects: ObjectService,
        (local_services, verify): (PathBuf, Option<&[String]>),
    ) -> Result<Self, StateError> {
        let unusable = |source| StateError::Unusable {
            path: directory.to_owned(),
            source,
        };
        let trees = GenerationTrees::open(directory.to_owned()).map_err(unusable)?;
        Ok(Self {
            policy,
            trees,
            pointer: GenerationPointer::new(directory, verify),
            services: CurrentLink::of_services(directory.to_owned()),
            manifests: ManifestStore::open(directory)?,
            contents: ContentStore::open(directory, objects.clone()).map_err(unusable)?,
            directory: directory.to_owned(),
            objects,
            local_services,
            writing: Mutex::default(),
            damaged: Mutex::default(),
        })
    }

    /// The directory of the trees.
    pub(super) fn trees(&self) -> PathBuf {
        self.directory.join(TREES)
    }

    /// Reads the pointer to the generation that the board runs.
    pub(super) fn observe(&self) -> io::Result<WorldView> {
        self.pointer.read()
    }

    /// Moves the pointer, if it is the agent's own.
    pub(super) fn switch(&self, to: Option<Generation>) -> io::Result<()> {
        if let Some(generation) = to
            && !self.trees.path(generation).is_dir()
        {
            let what = format!("there is no tree of {generation}");
            return Err(io::Error::new(io::ErrorKind::NotFound, what));
        }
        self.pointer.switch(to)
    }

    /// Has the services of this generation be those that are read from now on.
    pub(super) fn switch_services(&self, to: Option<Generation>) -> io::Result<()> {
        if self.services.read()?.is(to) {
            return Ok(());
        }
        self.services.switch(to)
    }

    /// The path of a generation's tree.
    pub(super) fn tree(&self, generation: Generation) -> PathBuf {
        self.trees.path(generation)
    }

    /// The manifest of a generation; `None` if it was never taken in.
    pub(super) fn manifest(&self, generation: Generation) -> Option<Arc<Manifest>> {
        let all = self.manifests.all();
        all.get(&generation).map(|it| it.manifest.clone())
    }

    /// The hash of a generation's signature, if it is there.
    pub(super) fn signature(&self, generation: Generation) -> Option<ObjectHash> {
        let all = self.manifests.all();
        all.get(&generation).and_then(|it| it.signature)
    }

    /// Returns the generations that were taken in.
    pub(super) fn generations(&self) -> Vec<Generation> {
        self.manifests.all().into_keys().collect()
    }

    /// Returns the generations, the newest first.
    pub(super) fn list(&self, rollout: RolloutGenerations) -> io::Result<Vec<StoredGeneration>> {
        let current = self.observe()?.current();
        let trees: BTreeSet<Generation> = self.trees.list()?.into_iter().collect();
        let mut all: Vec<_> = self.manifests.all().into_iter().collect();
        all.sort_by_key(|(_, stored)| std::cmp::Reverse(stored.stored_at_ms));
        let present = self.present();
        let stored = all.into_iter().map(|(generation, stored)| {
            let manifest = stored.manifest;
            let is_whole = || self.missing(&manifest, &present).next().is_none();
            let role = if current == Some(generation) {
                GenerationRole::Current
            } else if rollout.pending == Some(generation) {
                GenerationRole::Pending
            } else if [rollout.previous, rollout.kept].contains(&Some(generation)) {
                GenerationRole::Previous
            } else if trees.contains(&generation) || is_whole() {
                GenerationRole::Stored
            } else {
                GenerationRole::Incomplete
            };
            StoredGeneration {
                generation,
                manifest,
                role,
            }
        });
        Ok(stored.collect())
    }

    /// Makes a generation ready to be switched to: checks its signature, builds its tree and compares all of it.
    pub(super) fn realise(
        &self,
        generation: Generation,
        ledger: &RolloutLedger,
        allow_older: bool,
    ) -> Result<(), NotRealised> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |why: String| NotRealised::Failed(why);
        let signed = self.manifests.signed(generation);
        let signed = signed.map_err(|error| failed(format!("its manifest: {error}")))?;
        let (bytes, signature) = signed.ok_or_else(|| failed("its manifest is gone".to_owned()))?;
        let admitted = self.admit((&bytes, &signature), ledger, allow_older);
        let AdmittedGeneration { manifest, .. } = admitted.map_err(|refusal| match refusal {
            IntakeRefusal::Signature { source, .. } => NotRealised::Signature(source.to_string()),
            other => NotRealised::Failed(other.to_string()),
        })?;
        self.check_service_names(&manifest).map_err(failed)?;
        let all = self.manifests.all();
        let known: Vec<_> = self
            .known_trees(&all)
            .filter(|tree| tree.generation != generation)
            .collect();
        let realised = self
            .trees
            .realise(generation, &manifest, &known, &self.contents);
        realised.map_err(|error: RealiseError| {
            self.note_damage(&error);
            failed(error.to_string())
        })?;
        // A tree without its manifest cannot be told from damage.
        if let Err(error) = self.drop_contents() {
            tracing::warn!(target: "agent_activation", %error, "contents were not removed");
        }
        Ok(())
    }

    /// Builds the tree of a generation anew that was taken in, whatever became of it since.
    pub(super) fn rebuild(&self, generation: Generation) -> Result<(), String> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let manifest = self.manifest(generation).ok_or("its manifest is gone")?;
        let all = self.manifests.all();
        let others = self
            .known_trees(&all)
            .filter(|tree| tree.generation != generation);
        let known: Vec<_> = others.collect();
        let rebuilt = self
            .trees
            .realise(generation, &manifest, &known, &self.contents);
        rebuilt.map_err(|error| error.to_string())
    }

    /// Returns the number of contents that a generation lacks.
    pub(super) fn count_missing(&self, manifest: &Manifest) -> usize {
        let present = self.present();
        self.missing(manifest, &present).count()
    }

    /// Compares the tree of a generation with its manifest.
    pub(super) fn check_tree(&self, generation: Generation) -> Result<(), TreeCheck> {
        let manifest = self.manifest(generation).ok_or(TreeCheck::NoManifest)?;
        let checked = self.trees.check(generation, &manifest);
        checked.map_err(|fault| TreeCheck::Damaged(fault.to_string()))
    }

    /// The contents that trees have.
    fn present(&self) -> BTreeSet<ObjectHash> {
        let all = self.manifests.all();
        let trees = self.known_trees(&all);
        let files = trees.flat_map(|tree| tree.manifest.files.iter());
        let damaged = self.damaged();
        let sound = files
            .map(|file| file.sha256)
            .filter(|it| !damaged.contains(it));
        sound.collect()
    }

    /// Takes note of a content that is not what it should be: the next offer tells that it is missing.
    fn note_damage(&self, error: &RealiseError) {
        let (RealiseError::Missing { hash, .. } | RealiseError::Digest { expected: hash, .. }) =
            error
        else {
            return;
        };
        self.damaged().insert(*hash);
        if let Err(error) = self.contents.remove(*hash) {
            tracing::warn!(target: "agent_activation", %error, content = %hash, "a damaged content was not removed");
        }
    }

    fn damaged(&self) -> MutexGuard<'_, BTreeSet<ObjectHash>> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_present(&self, hash: ObjectHash, trees: &BTreeSet<ObjectHash>) -> bool {
        trees.contains(&hash) || self.contents.has(hash)
    }

    /// Returns the missing contents of a generation, each once, with the path of a file that has it.
    fn missing<'m>(
        &self,
        manifest: &'m Manifest,
        present: &BTreeSet<ObjectHash>,
    ) -> impl Iterator<Item = (ObjectHash, u64, &'m lastword_generation::TreePath)> {
        let mut seen = BTreeSet::new();
        manifest
            .files
            .iter()
            .filter(move |file| seen.insert(file.sha256) && !self.is_present(file.sha256, present))
            .map(|file| (file.sha256, file.size, &file.path))
    }

    fn known_trees<'m>(
        &self,
        all: &'m BTreeMap<Generation, StoredManifest>,
    ) -> impl Iterator<Item = KnownTree<'m>> {
        let trees = self.trees.list().unwrap_or_default();
        let known = trees.into_iter().filter_map(|generation| {
            let manifest = &*all.get(&generation)?.manifest;
            Some(KnownTree {
                generation,
                manifest,
            })
        });
        known.collect::<Vec<_>>().into_iter()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let room = rustix::fs::statvfs(&self.directory)?;
        Ok(room.f_bavail.saturating_mul(room.f_frsize))
    }
}

pub(super) fn refused(code: Code, detail: impl Into<String>) -> StoreRefusal {
    let detail = detail.into();
    StoreRefusal { code, detail }
}

pub(super) fn disk_refusal(error: &io::Error) -> StoreRefusal {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::TooLong,
        _ => Code::Internal,
    };
    refused(code, format!("the disk of the generations: {error}"))
}
