//! What the supervisor decides, done: processes, groups, logs, files.

mod adoption;
mod asking;
mod claims;
mod clearing;
mod files;
mod hands;
mod held;
mod launch;
mod memory;
mod opening;
mod pending_adoption;
mod reading;
mod reloading;
mod reporting;
mod saving;
mod stamps;
mod task;
mod view;

pub use files::{FILE_BYTES_MAX, FILE_LIMIT, STACK_BYTES, ServiceFiles};
pub use memory::About;
pub use task::Task;

use super::clock::Clock;
use super::events::EventBus;
use super::logs::{Follower, Readers};
use super::process::{AgentMarks, Cgroups};
use super::store::StateDirectory;
use crate::core::log::Cursor;
use crate::core::log::range::LogRange;
use crate::core::recovery::Recovered;
use crate::core::service::Name;
use crate::core::service::answer::{end_of_log, refused};
use crate::core::service::supervisor::{End, StopDeadlines, Supervisor};
use hands::Heard;
use lastword_protocol::message::Reply;
use lastword_protocol::message::service::{Logs, ServiceName, ServiceRequest};
use lastword_protocol::refusal::Code;
use lastword_protocol::{Instant, Millis};
use launch::Starter;
use memory::Memory;
use reading::LogPages;
use reloading::Reloads;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;

/// How many questions may wait for the supervisor.
const ASKS: usize = 64;
/// How many answers about all services are made at once; whoever asks for more waits.
const VIEWS_MAX: usize = 4;

/// How sessions reach the supervisor.
#[derive(Clone, Debug)]
pub struct Services {
    asks: Option<mpsc::Sender<Asked>>,
    frozen: Arc<watch::Sender<bool>>,
    logs: Option<Readers>,
    names: watch::Receiver<Arc<[Name]>>,
    deadlines: watch::Receiver<StopDeadlines>,
    /// A place for each answer that is being made.
    views: Arc<Semaphore>,
}

/// A question, and where its answer goes.
#[derive(Debug)]
enum Asked {
    Request {
        request: ServiceRequest,
        answer: oneshot::Sender<Vec<Reply>>,
    },
    End {
        how: End,
        /// Only the board may end: the supervisor goes on.
        stays: bool,
        done: oneshot::Sender<()>,
    },
}

/// The supervisor of a board, which reports to `events`: what an earlier agent has left is adopted, the files are read, and what
/// is to start with the agent is on its way. Recovery must have its verdict first.
///
/// # Errors
///
/// If the logs cannot be written at all.
pub async fn start(
    _: &Recovered,
    state: &StateDirectory,
    about: About,
    clock: Clock,
    events: EventBus,
) -> io::Result<(Task, Services)> {
    let (asks, asked) = mpsc::channel(ASKS);
    let (frozen, _) = watch::channel(false);
    let mut task = build(state, about, clock, asked, frozen.subscribe())?;
    task.events = events;
    task.adopt(state.files()).await;
    task.reload().await;
    let services = Services {
        asks: Some(asks),
        frozen: Arc::new(frozen),
        logs: Some(task.logs.readers()),
        names: task.names.subscribe(),
        deadlines: task.deadlines.subscribe(),
        views: Arc::new(Semaphore::new(VIEWS_MAX)),
    };
    Ok((task, services))
}

/// What tearing down has found and done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornDown {
    /// How many services ran, and were stopped.
    pub stopped: usize,
    /// Which processes are left, a text each.
    pub left: Vec<String>,
}

/// Stops whatever an agent that lives no more has left running; starts nothing. Then looks whether anything is
/// left.
///
/// # Errors
///
/// If the logs cannot be written at all, or there is no `/proc`.
pub async fn tear_down(
    _: &Recovered,
    state: &StateDirectory,
    about: About,
    clock: Clock,
) -> io::Result<TornDown> {
    let (asks, asked) = mpsc::channel(ASKS);
    let (frozen, held) = watch::channel(true);
    let service_files = about.services.clone();
    let mut task = build(state, about, clock, asked, held)?;
    let mut stopped = task.adopt(state.files()).await;
    stopped.extend(task.running());
    let marks = task.starter.marks().clone();
    let held = task.hands.iter();
    let nonces = held
        .map(|(name, held)| (held.nonce, name.clone()))
        .collect();
    // How each is stopped stands in its file.
    task.reload().await;
    let services = Services {
        asks: Some(asks),
        frozen: Arc::new(frozen),
        logs: None,
        names: task.names.subscribe(),
        deadlines: task.deadlines.subscribe(),
        views: Arc::new(Semaphore::new(VIEWS_MAX)),
    };
    let task = tokio::spawn(task.run());
    services.end(End::All).await;
    task.await.map_err(io::Error::other)?;
    let left = claims::left_running(&marks, &service_files, &nonces).await?;
    Ok(TornDown {
        stopped: stopped.len(),
        left,
    })
}

/// Returns whether no process of an agent runs whose state directory is not there.
///
/// # Errors
///
/// If there is no `/proc`.
pub async fn leaves_nothing(state: &Path, about: &About) -> io::Result<bool> {
    let state = std::path::absolute(state)?;
    let marks = AgentMarks {
        cgroups: Cgroups::discover(&instance(&state)),
        fifos: super::logs::Logs::fifos_in(&state),
        state,
    };
    let none = HashMap::new();
    let left = claims::left_running(&marks, &about.services, &none).await?;
    Ok(left.is_empty())
}

fn build(
    state: &StateDirectory,
    about: About,
    clock: Clock,
    asks: mpsc::Receiver<Asked>,
    frozen: watch::Receiver<bool>,
) -> io::Result<Task> {
    let logs = super::logs::Logs::start(state.path())?;
    let cgroups = Cgroups::discover(&instance(state.path()));
    if cgroups.is_none() {
        tracing::info!(target: "services", "no cgroup of our own: services are held by group and nonce");
    }
    let (tell, heard) = mpsc::channel::<Heard>(task::HEARD);
    let memory = Memory::new(about, state.files());
    let seed = u32::try_from(Memory::fresh_nonce().0 >> 32).unwrap_or_default();
    Ok(Task {
        supervisor: Supervisor::new(seed),
        hands: HashMap::new(),
        starter: Arc::new(Starter::new(logs.clone(), cgroups, state.path())?),
        logs,
        names: watch::Sender::new(Arc::default()),
        deadlines: watch::Sender::default(),
        opening: JoinSet::new(),
        memory,
        reloads: Reloads::default(),
        clock,
        asks,
        heard,
        tell,
        jobs: HashMap::new(),
        last_job: 0,
        ending: None,
        frozen,
        parked: Vec::new(),
        events: EventBus::default(),
        held: HashMap::new(),
        pending_adoption: None,
        log_retry: None,
    })
}

/// What tells agents apart that share a cgroup: the place of their state.
fn instance(state: &Path) -> String {
    let path = state.as_os_str().as_encoded_bytes();
    // FNV-1a.
    let hash = path.iter().fold(0x811C_9DC5_u32, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    format!("lastword-{hash:08x}")
}

impl Services {
    /// Of a board that has no services.
    #[must_use]
    pub fn none() -> Self {
        let (frozen, _) = watch::channel(false);
        let (_, names) = watch::channel(Arc::default());
        let (_, deadlines) = watch::channel(StopDeadlines::default());
        Self {
            asks: None,
            frozen: Arc::new(frozen),
            logs: None,
            names,
            deadlines,
            views: Arc::new(Semaphore::new(VIEWS_MAX)),
        }
    }

    /// The names of all services, sorted, as of the last reload or removal.
    #[must_use]
    pub fn names(&self) -> Arc<[Name]> {
        self.names.borrow().clone()
    }

    /// Returns how long a request that the supervisor works on still takes at most, as of `now`; `None`
    /// where that has no bound, as of a start.
    #[must_use]
    pub fn left(&self, now: Instant, request: &ServiceRequest) -> Option<Millis> {
        let deadline = self.deadlines.borrow().of(request)?;
        Some(deadline.since(now))
    }

    /// Asks, and waits for what becomes of it: the pages of the answer.
    pub async fn ask(&self, request: ServiceRequest) -> Vec<Reply> {
        let Some(asks) = &self.asks else {
            return refused(Code::NotHere, "this agent supervises nothing");
        };
        // Nobody closes it.
        let _place = match request {
            ServiceRequest::List | ServiceRequest::Status(_) => self.views.acquire().await.ok(),
            _ => None,
        };
        let (answer, answered) = oneshot::channel();
        let sent = asks.send(Asked::Request { request, answer }).await;
        match (sent, answered.await) {
            (Ok(()), Ok(replies)) => replies,
            _ => refused(Code::Offline, "the agent is ending"),
        }
    }

    /// Reads the first pages of a log's lines. What lies behind them is for [`Services::read_on`].
    pub(in crate::edge) async fn read_log(&self, wanted: Logs) -> LogPages {
        let replies = self.ask_for_end(wanted.name.clone()).await;
        match end_of_log(&replies) {
            // What has not come yet is for its stream.
            Some(end) if wanted.follow => (vec![], Some(LogRange::new(&wanted, end, true))),
            Some(end) => self.read_on(LogRange::new(&wanted, end, false)).await,
            None => (replies, None),
        }
    }

    /// Reads the next pages of a log's lines: of one that is followed, once there are some.
    pub(in crate::edge) async fn read_on(&self, range: LogRange) -> LogPages {
        match &self.logs {
            Some(logs) if range.is_followed() => {
                let name = range.name.clone();
                let (replies, rest) = reading::read(logs, range).await;
                // A log ends with its service, and all do with the agent.
                let is_ending = rest.is_none() && self.logs_have_ended(name).await;
                if is_ending {
                    return (refused(Code::Offline, "the agent is ending"), None);
                }
                (replies, rest)
            }
            Some(logs) => reading::read(logs, range).await,
            None => (
                refused(Code::NotHere, "this agent supervises nothing"),
                None,
            ),
        }
    }

    /// Asks where a log ends.
    async fn ask_for_end(&self, name: ServiceName) -> Vec<Reply> {
        let where_it_ends = Logs {
            name,
            from: None,
            lines: 0,
            follow: false,
        };
        self.ask(ServiceRequest::Logs(where_it_ends)).await
    }

    async fn logs_have_ended(&self, name: ServiceName) -> bool {
        let replies = self.ask_for_end(name).await;
        matches!(&replies[..], [Reply::Refused(refusal)] if refusal.code == Code::Offline)
    }

    /// Returns the number of services whose logs cannot be written.
    #[must_use]
    pub fn failing_logs(&self) -> u16 {
        let failing = self.logs.as_ref().map_or(0, Readers::failing);
        u16::try_from(failing).unwrap_or(u16::MAX)
    }

    /// Follows a service's log from a line on. The logs' end, which is the supervisor's, ends it.
    ///
    /// # Errors
    ///
    /// If there is no such log.
    pub fn follow(&self, name: &str, from: Cursor) -> io::Result<Follower> {
        let none = || io::Error::new(io::ErrorKind::NotFound, "this agent supervises nothing");
        let logs = self.logs.as_ref().ok_or_else(none)?;
        logs.follow(name, from)
    }

    /// Stops what is to be stopped and waits until it is, which takes 30 seconds at most. From now on
    /// nothing starts.
    pub async fn end(&self, how: End) {
        self.stop(how, false).await;
    }

    /// Stops everything, because the board goes down. [`Services::thaw`] takes it back.
    pub async fn stop_all(&self) {
        self.stop(End::All, true).await;
    }

    /// Returns whether nothing starts any more: an operation is released.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        *self.frozen.borrow()
    }

    /// From now on nothing starts.
    pub fn freeze(&self) {
        self.frozen.send_replace(true);
    }

    /// The board has stayed up: what was held back starts, and what was stopped for it.
    pub fn thaw(&self) {
        self.frozen.send_replace(false);
    }

    async fn stop(&self, how: End, stays: bool) {
        let Some(asks) = &self.asks else {
            return;
        };
        let (done, ended) = oneshot::channel();
        let asked = Asked::End { how, stays, done };
        if asks.send(asked).await.is_ok() {
            // If the supervisor is gone, nobody can wait for it.
            let _ = ended.await;
        }
    }
}
