//! How services are, for whoever asks.

use super::hands::Hands;
use super::stamps::FileStamps;
use crate::core::service::Name;
use crate::core::service::answer::{Pages, cut_reason, exit, push_transition, refused};
use crate::core::service::supervisor::{Supervisor, Unit};
use crate::edge::clock::uptime;
use crate::edge::logs::Logs;
use crate::edge::process::Group;
use crate::edge::tasks;
use lastword_protocol::Millis;
use lastword_protocol::message::Reply;
use lastword_protocol::message::service::{Brief, Item, ServiceExit, ServiceRequest, ServiceState};
use lastword_protocol::refusal::Code;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{Semaphore, oneshot};

/// The reason that is shown of a service which runs, and whose log is not open.
const LACKS_LOG: &str = "its log is not open, and what it writes waits; if descriptors have run out, raise the \
                         limit on open files";

/// The most views at once: each takes a thread or two, and starting them by the dozen keeps the board's own lines
/// waiting.
const VIEWS_MAX: usize = 2;

static VIEWS: Semaphore = Semaphore::const_new(VIEWS_MAX);

/// One service as it was when somebody asked.
struct Seen {
    name: Name,
    state: ServiceState,
    pid: Option<u32>,
    port: u16,
    uptime: Option<Millis>,
    restarts: u32,
    last_exit: Option<ServiceExit>,
    group: Option<Arc<Group>>,
    log_failing: bool,
    /// Its process was started by another file than its file is now.
    is_outdated: bool,
    reason: String,
}

/// Answers a question for one service or for all. Their memory takes a while to find out, so that is
/// done by the way.
pub(super) fn answer(
    supervisor: &Supervisor,
    (hands, logs, stamps): (&HashMap<Name, Hands>, &Logs, FileStamps),
    request: &ServiceRequest,
    answer: oneshot::Sender<Vec<Reply>>,
) {
    let see = |(name, unit): (&Name, &Unit)| seen(name, unit, hands.get(name), logs);
    let (seen, transitions) = match request {
        ServiceRequest::Status(wanted) => {
            let name = Name::try_from(wanted.as_str()).ok();
            let unit = name.and_then(|name| Some((name.clone(), supervisor.unit(&name)?)));
            let Some((name, unit)) = unit else {
                let detail = format!("no service {wanted}; `svc list` shows them");
                return drop(answer.send(refused(Code::Unknown, &detail)));
            };
            let transitions = unit.machine().transitions().cloned().collect();
            (vec![see((&name, unit))], transitions)
        }
        _ => (supervisor.units().map(see).collect(), Vec::new()),
    };
    tasks::spawn("services view", async move {
        // It is never closed.
        let _place = VIEWS.acquire().await;
        let changed = stamps.changed().await;
        let mut pages = Pages::default();
        let groups = seen.iter().map(|seen| seen.group.clone()).collect();
        let memory = Group::memory_bytes(groups).await;
        for (seen, memory_bytes) in seen.iter().zip(memory) {
            let file_changed = seen.is_outdated || changed.contains(&seen.name);
            seen.push(memory_bytes, file_changed, &mut pages);
        }
        for transition in &transitions {
            push_transition(&mut pages, transition);
        }
        // Whoever asked may be gone.
        let _ = answer.send(pages.done());
    });
}

fn seen(name: &Name, unit: &Unit, hands: Option<&Hands>, logs: &Logs) -> Seen {
    let process = hands.and_then(|hands| hands.process.as_ref());
    let lacks_log = process.is_some() && !logs.readers().is_open(name.as_str());
    let reason = unit.machine().reason();
    let reason = reason.or(lacks_log.then_some(LACKS_LOG));
    Seen {
        name: name.clone(),
        state: unit.shown(),
        pid: process.and_then(|process| u32::try_from(process.pid).ok()),
        port: unit.service_file().port.unwrap_or_default(),
        uptime: process.map(|process| age(process.start_time)),
        restarts: unit.machine().restarts(),
        last_exit: unit.machine().last().map(|last| exit(last.exit)),
        group: hands.and_then(|hands| hands.group.clone()),
        log_failing: lacks_log || logs.readers().is_failing(name.as_str()),
        is_outdated: unit.is_outdated(),
        reason: cut_reason(reason.unwrap_or_default()),
    }
}

impl Seen {
    fn push(&self, memory_bytes: u64, file_changed: bool, pages: &mut Pages) {
        pages.push(&Item::Service(Brief {
            name: self.name.as_str(),
            state: self.state,
            pid: self.pid,
            port: self.port,
            uptime: self.uptime,
            restarts: self.restarts,
            last_exit: self.last_exit,
            memory_kib: u32::try_from(memory_bytes / 1_024).unwrap_or(u32::MAX),
            log_failing: self.log_failing,
            file_changed,
            reason: &self.reason,
        }));
    }
}

/// Says what has become of a service, and why. That it was started is said with its process.
pub(super) fn log_transition(name: &Name, unit: &Unit) {
    let last = unit.machine().transitions().next_back();
    let why = last.map_or("", |last| &last.reason);
    match unit.shown() {
        ServiceState::Starting | ServiceState::Running | ServiceState::Adopted => {}
        ServiceState::Restarting | ServiceState::Failed => {
            tracing::warn!(target: "services", %name, state = unit.shown().word(), "{why}");
        }
        // Hundreds may wait for room for days.
        ServiceState::Backoff if unit.machine().is_postponed_again() => {
            tracing::debug!(target: "services", %name, state = unit.shown().word(), "{why}");
        }
        ServiceState::Backoff | ServiceState::Stopping | ServiceState::Stopped => {
            tracing::info!(target: "services", %name, state = unit.shown().word(), "{why}");
        }
    }
}

/// How long ago a process was started that has started so many ticks after the board has.
pub(super) fn age(start_time: u64) -> Millis {
    let ticks = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK);
    let ticks = ticks
        .ok()
        .flatten()
        .and_then(|ticks| u64::try_from(ticks).ok());
    let started = start_time.saturating_mul(1_000) / ticks.unwrap_or(100).max(1);
    Millis(uptime().0.saturating_sub(started))
}
