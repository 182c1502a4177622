//! What the power task must not wait for itself: preparing, writing down, firing. One thing at a
//! time, in order, each on a thread that may block, each with a bound.

use super::CommitPoint;
use crate::core::record::PowerRecord;
use crate::core::storage::Storage;
use crate::edge::backend::{PowerBackend, Trigger};
use crate::edge::failpoint::pass;
use crate::edge::services::Services;
use crate::edge::threads::{self, Threads};
use lastword_protocol::identity::Cause;
use lastword_protocol::power::{Evidence, LastOperation, Order};
use nix::errno::Errno;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long preparing may take: sync(2) can hang on a dying disk.
const PREPARE_LIMIT: Duration = Duration::from_secs(2);
/// How long writing a record may take.
const RECORD_LIMIT: Duration = Duration::from_secs(2);
/// How long stopping all services may take: they are killed after 30 s.
const SERVICES_LIMIT: Duration = Duration::from_secs(35);
/// The longest time for which a graceful operation waits for the commit point of an activation.
const COMMIT_LIMIT: Duration = Duration::from_mins(1);
/// How long a platform's program, which has ended well, may take to bring the board down.
const GOING_DOWN_LIMIT: Duration = Duration::from_secs(90);

/// Something to do.
pub(super) enum Task {
    /// Make an operation ready and write its staging down.
    Prepare {
        order: Order,
        quiet_console: bool,
        record: LastOperation,
    },
    /// Write the release down.
    Release(LastOperation),
    /// Fire.
    Fire {
        trigger: Box<dyn Trigger>,
        evidence: Evidence,
        dry_run: bool,
        /// Services stop first.
        graceful: bool,
    },
    /// Write an outcome down; nothing waits for it.
    Note(LastOperation),
    /// Write down that a request was refused; nothing waits for it.
    NoteRefusal(PowerRecord),
    /// Wait for the board to go down: a program was told to see to it.
    AwaitDown,
}

/// What was done.
pub(super) enum Done {
    /// Ready, or why not.
    Prepared(Result<Box<dyn Trigger>, String>),
    /// Whether the release is on disk.
    Released(bool),
    /// Firing has returned, with the system's error code, and whether it was a dry run.
    Fired { code: u16, dry_run: bool },
    /// The board was to go down and has not.
    StillUp,
    /// An outcome is written, or is not: the log says so.
    Noted,
}

/// Writes records.
#[derive(Clone)]
pub(super) struct Recorder {
    cause: Cause,
    storage: Arc<Mutex<Box<dyn Storage>>>,
}

impl Recorder {
    pub(super) fn new(cause: Cause, storage: Box<dyn Storage>) -> Self {
        Self {
            cause,
            storage: Arc::new(Mutex::new(storage)),
        }
    }

    /// Writes a record; durable if `true`. Blocks.
    fn save(&self, last: LastOperation) -> Result<(), String> {
        self.write(&PowerRecord::new(last.boot, self.cause, Some(last)))
    }

    fn write(&self, record: &PowerRecord) -> Result<(), String> {
        let mut storage = self.storage.lock().unwrap_or_else(PoisonError::into_inner);
        let written = record.save(storage.as_mut());
        written.map_err(|error| {
            tracing::debug!(target: "power", %error, "the record cannot be written");
            cause_of(&error)
        })
    }
}

/// A task under way.
struct Running {
    work: Pin<Box<dyn Future<Output = Done> + Send>>,
    /// Nothing is lost if it is never finished.
    only_waits: bool,
}

/// Tasks in order, the first of them running.
pub(super) struct Queue {
    backend: Arc<dyn PowerBackend>,
    recorder: Recorder,
    threads: Arc<dyn Threads>,
    services: Services,
    commit_point: CommitPoint,
    waiting: VecDeque<Task>,
    running: Option<Running>,
}

impl Queue {
    pub(super) fn new(
        backend: Arc<dyn PowerBackend>,
        recorder: Recorder,
        threads: Arc<dyn Threads>,
        (services, commit_point): (Services, CommitPoint),
    ) -> Self {
        Self {
            backend,
            recorder,
            threads,
            services,
            commit_point,
            waiting: VecDeque::new(),
            running: None,
        }
    }

    pub(super) fn push(&mut self, task: Task) {
        self.waiting.push_back(task);
    }

    /// Waits for the next task to be done; for ever, if there is none. Cancel-safe: the running
    /// task is kept.
    pub(super) async fn next(&mut self) -> Done {
        if self.running.is_none() {
            match self.waiting.pop_front() {
                Some(task) => self.running = Some(self.start(task)),
                None => return std::future::pending().await,
            }
        }
        match &mut self.running {
            Some(running) => {
                let done = running.work.as_mut().await;
                self.running = None;
                done
            }
            None => std::future::pending().await,
        }
    }

    /// Whether something has still to be done, other than to wait for the board to go down.
    pub(super) fn has_work(&self) -> bool {
        !self.waiting.is_empty() || self.running.as_ref().is_some_and(|it| !it.only_waits)
    }

    fn start(&self, task: Task) -> Running {
        let recorder = self.recorder.clone();
        let threads = Arc::clone(&self.threads);
        let only_waits = matches!(task, Task::AwaitDown);
        let work: Pin<Box<dyn Future<Output = Done> + Send>> = match task {
            Task::Prepare {
                order,
                quiet_console,
                record,
            } => {
                let backend = Arc::clone(&self.backend);
                let preparing =
                    move || make_ready(&*backend, &recorder, order, quiet_console, record);
                Box::pin(async move { Done::Prepared(prepared(&*threads, preparing).await) })
            }
            Task::Release(last) => Box::pin(async move {
                Done::Released(save(&*threads, move || recorder.save(last)).await)
            }),
            Task::Note(last) => Box::pin(async move {
                save(&*threads, move || recorder.save(last)).await;
                Done::Noted
            }),
            Task::NoteRefusal(record) => Box::pin(async move {
                save(&*threads, move || recorder.write(&record)).await;
                Done::Noted
            }),
            Task::Fire {
                trigger,
                evidence,
                dry_run,
                graceful,
            } => {
                let services = self.services.clone();
                let mut commit_point = self.commit_point.clone();
                Box::pin(async move {
                    // A dry run resets nothing, so nothing has to be at rest.
                    if graceful && !dry_run {
                        if timeout(COMMIT_LIMIT, commit_point.reached()).await.is_err() {
                            tracing::warn!(target: "power", "an activation is not waited for any longer");
                        }
                        // A disk that hangs may hang their logs: the board goes down all the same.
                        match timeout(SERVICES_LIMIT, services.stop_all()).await {
                            Ok(()) => tracing::info!(target: "power", "all services have stopped"),
                            Err(_) => {
                                tracing::error!(target: "power", "not all services have stopped");
                            }
                        }
                    }
                    fire(threads, trigger, evidence, dry_run).await
                })
            }
            Task::AwaitDown => Box::pin(async {
                sleep(GOING_DOWN_LIMIT).await;
                Done::StillUp
            }),
        };
        Running { work, only_waits }
    }
}

/// Makes an operation ready and writes its staging down. Blocks.
fn make_ready(
    backend: &dyn PowerBackend,
    recorder: &Recorder,
    order: Order,
    quiet_console: bool,
    record: LastOperation,
) -> Result<Box<dyn Trigger>, String> {
    pass("in-power-work");
    let trigger = backend
        .prepare(order.operation, quiet_console)
        .map_err(|error| cause_of(&error))?;
    match recorder.save(record) {
        Err(why) if !order.force => Err(why),
        Err(why) => {
            tracing::warn!(target: "power", why, "forced without a record");
            Ok(trigger)
        }
        Ok(()) => Ok(trigger),
    }
}

/// Returns the cause of an error, as the client is told it: the system's own words, if there are any.
fn cause_of(error: &io::Error) -> String {
    let is_full = error.kind() == io::ErrorKind::StorageFull;
    let full = is_full.then_some(Errno::ENOSPC as i32);
    let Some(code) = error.raw_os_error().or(full) else {
        return error.to_string();
    };
    let text = Errno::from_raw(code).desc();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase());
    // An abbreviation stays as it is.
    if !letters.clone().next().is_some_and(char::is_lowercase) {
        return text.to_owned();
    }
    first.into_iter().chain(letters).collect()
}

/// Waits for a preparation within its bound.
async fn prepared(
    threads: &dyn Threads,
    preparing: impl FnOnce() -> Result<Box<dyn Trigger>, String> + Send + 'static,
) -> Result<Box<dyn Trigger>, String> {
    match timeout(PREPARE_LIMIT, threads::run(threads, preparing)).await {
        Ok(Ok(result)) => result,
        Ok(Err(panicked)) => Err(panicked.to_string()),
        Err(_) => Err("preparing took too long; is a disk dying?".to_owned()),
    }
}

/// Writes a record within its bound; whether it is durable.
async fn save(
    threads: &dyn Threads,
    saving: impl FnOnce() -> Result<(), String> + Send + 'static,
) -> bool {
    let saving = threads::run(threads, saving);
    let why = match timeout(RECORD_LIMIT, saving).await {
        Ok(Ok(Ok(()))) => return true,
        Ok(Ok(Err(why))) => why,
        Ok(Err(panicked)) => panicked.to_string(),
        Err(_) => "writing the record took too long".to_owned(),
    };
    tracing::error!(target: "power", why, "no record");
    false
}

async fn fire(
    threads: Arc<dyn Threads>,
    trigger: Box<dyn Trigger>,
    evidence: Evidence,
    dry_run: bool,
) -> Done {
    let firing = threads::run(&*threads, move || trigger.fire(evidence));
    let code = firing.await.unwrap_or(u16::MAX);
    Done::Fired { code, dry_run }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_in_the_systems_words_or_in_ours() {
        let system = |code: Errno| cause_of(&code.into());
        assert_eq!(system(Errno::ENOSPC), "no space left on device");
        assert_eq!(system(Errno::EIO), "I/O error");
        assert_eq!(cause_of(&io::Error::other("No program X")), "No program X");
    }
}
