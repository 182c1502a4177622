//! The beginning: the board's generations are opened, and an earlier life's rollout is judged.

use super::{RolloutContext, RolloutStage, RolloutTask, STACK_BYTES};
use crate::core::config::GenerationConfig;
use crate::core::generation::intake::IntakePolicy;
use crate::core::generation::recovery::JournalView;
use crate::core::generation::rollout_log::RolloutLog;
use crate::core::journal::{JournalId, JournalLimits};
use crate::core::recovery::Recovered;
use crate::edge::events::EventBus;
use crate::edge::generations::generation_store::{GenerationStore, RolloutGenerations};
use crate::edge::generations::service::{ActiveGenerations, GenerationService, REQUESTS_MAX};
use crate::edge::objects::{ObjectService, ObjectSource};
use crate::edge::power::CommitPoint;
use crate::edge::process::Nonce64;
use crate::edge::services::Services;
use crate::edge::store::{StateDirectory, StateError};
use crate::edge::threads::OneEach;
use lastword_protocol::BootId;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

/// The most requests that the disk answers at once: manifests are large.
const REQUESTS_AT_ONCE: usize = 2;

/// The places and the configuration of a board's generations.
#[derive(Clone, Debug)]
pub struct GenerationSetup {
    /// The block of the configuration.
    pub config: GenerationConfig,
    /// The directory, if the configuration names none.
    pub default_directory: PathBuf,
    /// The directory of the local service files.
    pub services: PathBuf,
    /// This boot.
    pub boot: BootId,
}

/// The generations of a board, opened.
pub struct OpenedGenerations {
    /// The task that serves them.
    pub task: RolloutTask,
    /// The way to it.
    pub service: GenerationService,
    /// The commit point of an activation.
    pub commit_point: CommitPoint,
}

impl GenerationSetup {
    /// The directory of generations.
    #[must_use]
    pub fn directory(&self) -> &Path {
        let named = self.config.directory.as_ref();
        named.unwrap_or(&self.default_directory)
    }
}

fn open_store(
    setup: &GenerationSetup,
    objects: ObjectService,
) -> Result<GenerationStore, StateError> {
    let policy = IntakePolicy {
        keys: setup.config.keys.clone(),
        kinds: setup.config.compatible.clone(),
        machine: machine(),
        allows_older_security: setup.config.allows_older_security,
    };
    let commands = setup.config.commands.as_ref();
    let verify = commands.map(|commands| &*commands.verify);
    let outside = (setup.services.clone(), verify);
    GenerationStore::open(setup.directory(), policy, objects, outside)
}

/// Opens the generations of a board, and decides what becomes of a rollout that an earlier life has left: before the services
/// of any of them start. Blocks.
///
/// # Errors
///
/// If a directory cannot be used, or the journal not be opened.
pub fn open(
    _: &Recovered,
    state: &StateDirectory,
    setup: GenerationSetup,
    (events, objects): (EventBus, ObjectService),
) -> anyhow::Result<OpenedGenerations> {
    let store = Arc::new(open_store(&setup, objects.clone())?);
    let source: Arc<dyn ObjectSource> = store.clone();
    objects.add_source(Arc::downgrade(&source));
    let mut files = state.files();
    let log = RolloutLog::open(&mut files, JournalLimits::DEFAULT, fresh_journal_id()?)?;
    let world = store.observe()?;
    let ledger = log.ledger().clone();
    let context = RolloutContext {
        store,
        log: Arc::new(Mutex::new(log)),
        files,
        ledger,
        config: setup.config,
        boot: setup.boot,
        services: Services::none(),
        events,
        power: None,
        threads: OneEach::with_stack(STACK_BYTES),
        places: Arc::new(Semaphore::new(REQUESTS_AT_ONCE)),
        unreported: Vec::new(),
    };
    let last = match context.ledger.view() {
        JournalView::Rollout(record) => Some(record),
        JournalView::Empty | JournalView::Unreadable => None,
    };
    let needed = RolloutGenerations::of(last.as_ref(), context.ledger.kept());
    context.store.set_needed(needed);
    let (sender, messages) = mpsc::channel(REQUESTS_MAX);
    let (active, told) = watch::channel(ActiveGenerations::default());
    let (committing, is_committing) = watch::channel(false);
    let mut task = RolloutTask {
        context,
        messages,
        active,
        committing,
        stage: RolloutStage::Idle,
        last: None,
        is_recorded: true,
        recovered: None,
        current: world.current(),
        operation: None,
        checks: JoinSet::new(),
        resets: JoinSet::new(),
    };
    task.take_verdict(world);
    Ok(OpenedGenerations {
        task,
        service: GenerationService::new(sender, told),
        commit_point: CommitPoint::new(is_committing),
    })
}

/// The machine, as `uname -m` says.
fn machine() -> String {
    let name = rustix::system::uname();
    name.machine().to_string_lossy().into_owned()
}

/// A name for a new journal.
fn fresh_journal_id() -> io::Result<JournalId> {
    let mut id = [0; 16];
    for half in id.chunks_exact_mut(8) {
        half.copy_from_slice(&Nonce64::fresh()?.0.to_le_bytes());
    }
    Ok(JournalId(id))
}
