//! An agent from its configuration to its end.

mod rollouts;

use super::backend::{DryRun, Linux, NoBackend, PowerBackend};
use super::clock::{Clock, uptime};
use super::events::EventBus;
use super::executors::Executors;
use super::facts::{self, AwaitedListeners, LinuxBoard, SessionCounter};
use super::failpoint::pass;
use super::listen::{self, Host, Open};
use super::objects::ObjectService;
use super::parent::Signals;
use super::power::{CommitPoint, Means, PowerHandle, PowerTask, SharedDesk};
use super::process::{limits, reap_orphans};
use super::services::{self, About, Services};
use super::session::{Room, SessionMemory, TurnQueues};
use super::store::StateDirectory;
use super::surroundings;
use super::tasks;
use super::threads::OneEach;
use super::tls_credentials::CertificateExpiry;
use crate::core::clients::{Clients, Life};
use crate::core::config::{self, Config, Listener, NamedListener};
use crate::core::record::{Found, PowerRecord};
use crate::core::recovery::{Recovered, recover};
use crate::core::session::House;
use crate::core::storage::Storage;
use anyhow::{Context, bail};
use lastword_protocol::BootId;
use lastword_protocol::power::{Board, Desk};
use rollouts::{generation_setup, generations_with_services, open_generations, run_rollouts};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Where things are that the configuration does not name.
#[derive(Clone, Debug)]
pub struct Places {
    /// The state directory.
    pub state: PathBuf,
    /// The Unix socket.
    pub socket: PathBuf,
    /// The directory of the service files.
    pub services: PathBuf,
    /// The directory of generations.
    pub generations: PathBuf,
    /// The directory of the credentials for TLS.
    pub credentials: PathBuf,
}

/// Refuses listeners that would let strangers in.
///
/// # Errors
///
/// If a listener on an address that is not loopback does not say that anyone may come.
pub fn refuse_unsafe(config: &Config) -> anyhow::Result<()> {
    if config.listen.is_empty() {
        bail!("the configuration names no listener: nobody could reach this agent");
    }
    for NamedListener { listener, .. } in &config.listen {
        if let Listener::Tcp {
            address,
            allow_unauthenticated: false,
        } = listener
            && listener.is_open_to_strangers()
        {
            bail!(
                "refusing to listen on tcp {address}: anyone who reaches it could reboot this \
                 board. Listen on 127.0.0.1 or [::1], take \
                 `tls`, or say `tcp \"{address}\" allow-unauthenticated=#true` if the network is yours alone"
            );
        }
    }
    Ok(())
}

/// Runs an agent until SIGINT or SIGTERM.
///
/// # Errors
///
/// If it cannot start.
pub async fn run(config: Config, places: Places) -> anyhow::Result<()> {
    refuse_unsafe(&config)?;
    // Before anything is started that would have to be ended.
    let mut signals = Signals::new().context("signals cannot be heard")?;
    let clock = Clock::start();
    let started = uptime();
    let boot = facts::boot_id().context("this boot has no id: is /proc mounted?")?;
    let state = StateDirectory::take(config.state.as_ref().unwrap_or(&places.state)).await?;
    let recovered = recover_from(&mut state.files(), boot);
    let executors = Executors::start().context("threads cannot be started")?;
    let open = open_all(&config, &places, &executors).await?;
    prepare(&config);
    let reaper = tasks::spawn("reaper", reap_orphans().context("signals cannot be heard")?);
    let about = about(&config, &places, boot);
    let events = EventBus::default();
    let objects = ObjectService::new(state.path(), config.limits.store_bytes);
    let setup = generation_setup(&config, &places, boot);
    let outside = (events.clone(), objects.clone());
    let (rollouts, generations, commit_point) =
        open_generations(&recovered, &state, setup, outside);
    let (supervisor, services) =
        services::start(&recovered, &state, about, clock, events.clone()).await?;
    pass("in-start");
    let supervisor = tasks::spawn("supervisor", supervisor.run());
    let desk = shared_desk(&config, &recovered);
    let acted_on = (services.clone(), commit_point, events.clone());
    let means = power_means(&config, &state, acted_on);
    let (task, power) = PowerTask::new(&recovered, desk.clone(), means, clock);
    let (stop, stopped) = watch::channel(false);
    let (sessions, waiting) = (SessionCounter::default(), AwaitedListeners::default());
    let expiry = CertificateExpiry::default();
    let world = LinuxBoard {
        name: config.name.clone().unwrap_or_else(facts::host_name),
        desk,
        sessions: sessions.clone(),
        waiting: waiting.clone(),
        expiry: expiry.clone(),
        services: services.clone(),
        generations,
        events,
        clock,
    };
    let rollouts = rollouts.map(|task| task.acting_on(services.clone(), power.clone()));
    let room = room(&config, world, (power, objects), stopped.clone());
    let host = Host::new(&recovered, room, (sessions, waiting, expiry), Life(started));
    let listeners = serve(&host, open, &executors);
    drop(host);
    let power = tasks::named("power", task.run(stopped));
    let running = RunningAgent {
        supervisor,
        rollouts: tasks::spawn("rollouts", run_rollouts(rollouts)),
        power: executors.board().spawn(power),
        listeners,
        reaper,
        stop,
    };
    tracing::info!(%boot, backend = config.power.backend.word(), "ready");
    running.until_ended(&mut signals, &services).await
}

/// Serves each listener on its executor.
fn serve(host: &Host, open: Vec<(Listener, Option<Open>)>, executors: &Executors) -> JoinSet<()> {
    // The executors are threads of their own: each listener has what it keeps before any of them begins.
    let serving: Vec<_> = open
        .into_iter()
        .map(|(listener, open)| {
            let executor = executors.of(&listener);
            let serving = host.clone().serve(listener, open);
            (executor, tasks::named("listener", serving))
        })
        .collect();
    let mut listeners = JoinSet::new();
    for (executor, serving) in serving {
        listeners.spawn_on(serving, executor);
    }
    listeners
}

/// Returns what the power task acts with.
fn power_means(
    config: &Config,
    state: &StateDirectory,
    (services, commit_point, events): (Services, CommitPoint, EventBus),
) -> Means {
    Means {
        backend: backend(config),
        storage: Box::new(state.files()),
        threads: Arc::new(OneEach::default()),
        services,
        commit_point,
        events,
    }
}

fn shared_desk(config: &Config, recovered: &Recovered) -> SharedDesk {
    let record = recovered.record();
    let desk = Desk::new(board(config, recovered), record.last);
    SharedDesk::new(desk, record.refused.clone())
}

/// The tasks of an agent. None of them ends before it is told to.
struct RunningAgent {
    supervisor: JoinHandle<()>,
    /// An operation of it that is under way is found again by the next life of the agent.
    rollouts: JoinHandle<()>,
    power: JoinHandle<()>,
    listeners: JoinSet<()>,
    reaper: JoinHandle<Infallible>,
    /// Tells listeners, sessions and the power task to end.
    stop: watch::Sender<bool>,
}

impl RunningAgent {
    /// Serves until a signal ends the agent.
    ///
    /// # Errors
    ///
    /// If a task ends of its own accord: the agent would go on without what that did, so it ends at once
    /// instead, as if it was killed, and its services run on.
    async fn until_ended(
        mut self,
        signals: &mut Signals,
        services: &Services,
    ) -> anyhow::Result<()> {
        let (signal, how) = tokio::select! {
            ended = signals.ended(services) => ended,
            task = self.lost() => bail!("the {task} task has ended before the agent; see the log"),
        };
        tracing::info!(target: "shutdown", task = "agent", signal, "ending");
        self.rollouts.abort();
        services.end(how).await;
        self.supervisor.await.context("the supervisor failed")?;
        tracing::info!(target: "shutdown", task = "services", "ended");
        self.stop.send_replace(true);
        while self.listeners.join_next().await.is_some() {}
        tracing::info!(target: "shutdown", task = "listeners", "ended");
        self.power.await.context("the power task failed")?;
        tracing::info!(target: "shutdown", task = "power", "ended");
        Ok(())
    }

    /// Waits until a task has ended that nobody has told to. Cancel-safe.
    async fn lost(&mut self) -> &'static str {
        tokio::select! {
            _ = &mut self.supervisor => "supervisor",
            _ = &mut self.rollouts => "rollouts",
            _ = &mut self.power => "power",
            Some(_) = self.listeners.join_next() => "listener",
            _ = &mut self.reaper => "reaper",
        }
    }
}

/// Where the service files are.
#[must_use]
pub fn services_directory<'c>(config: &'c Config, places: &'c Places) -> &'c Path {
    let named = config.services.as_ref();
    named.map_or(&places.services, |named| &named.path)
}

/// Where the services of this configuration are.
pub(super) fn about(config: &Config, places: &Places, boot: BootId) -> About {
    let listeners = config.listen.iter().map(|it| &it.listener);
    let unix = listeners.clone().find_map(|listener| match listener {
        Listener::Unix { path } => Some(path.clone().unwrap_or_else(|| places.socket.clone())),
        _ => None,
    });
    About {
        services: services_directory(config, places).to_owned(),
        socket: unix.unwrap_or_default(),
        generations: generations_with_services(config, places, boot),
        boot,
    }
}

/// Room for many services, each of which takes a dozen descriptors, and a word if there are none where
/// there should be some.
fn prepare(config: &Config) {
    match limits::raise() {
        Ok(raised) => tracing::debug!(?raised, "limit on open files"),
        Err(error) => tracing::warn!(%error, "few services will fit"),
    }
    if let Some(warning) = surroundings::no_services(config) {
        tracing::warn!(target: "services", "{warning}");
    }
}

/// What every session is given.
fn room(
    config: &Config,
    world: LinuxBoard,
    (power, objects): (PowerHandle, ObjectService),
    stop: watch::Receiver<bool>,
) -> Room {
    let (clock, events, services) = (world.clock, world.events.clone(), world.services.clone());
    let generations = world.generations.clone();
    let house = House {
        name: world.name.to_string(),
        table: lastword_shell::commands::ALL,
        clients: Clients::new(world.boot(), Life(uptime())),
        limits: config.limits,
    };
    Room {
        house,
        world: Arc::new(world),
        power,
        services,
        events,
        objects,
        generations,
        clock,
        stop,
        memory: SessionMemory::default(),
        turns: TurnQueues::default(),
    }
}

/// Finds out what became of the last operation and writes it down. Nothing else has run yet.
pub(super) fn recover_from(storage: &mut dyn Storage, boot: BootId) -> Recovered {
    let found = PowerRecord::load(storage);
    if let Found::Broken(broken) = &found {
        tracing::warn!(target: "agent_recovery", "{broken}");
    }
    let recovered = recover(found, boot);
    let record = recovered.record();
    tracing::info!(target: "agent_recovery", cause = record.cause.word(), last = ?record.last,
        "recovered");
    // An agent that cannot write serves all the same: a board with a full disk has to be reached.
    if let Err(error) = record.save(storage) {
        tracing::error!(target: "agent_recovery", %error, "the power record was not written");
    }
    recovered
}

/// Opens every listener that can be opened now; the others are waited for.
///
/// # Errors
///
/// If one can never be opened, by what the configuration says of it.
async fn open_all(
    config: &Config,
    places: &Places,
    executors: &Executors,
) -> anyhow::Result<Vec<(Listener, Option<Open>)>> {
    let mut opened = Vec::new();
    for named in &config.listen {
        let credentials = config.credentials.as_ref().unwrap_or(&places.credentials);
        let listener = named.listener.clone().or_at(&places.socket, credentials);
        // What it waits with belongs to the executor that it is opened on.
        let wanted = listener.clone();
        let opening = executors
            .of(&listener)
            .spawn(async move { listen::open(&wanted).await });
        let open = match opening.await.context("a listener failed")? {
            Ok(open) => Some(open),
            Err(error) if error.is_for_ever() => {
                return Err(match named.error(error.to_string()) {
                    Some(error) => error.into(),
                    None => error.into(),
                });
            }
            Err(error) => {
                tracing::warn!(%error, "waiting until that is possible");
                None
            }
        };
        if listener.is_open_to_strangers() {
            tracing::warn!(%listener, "anyone who reaches this may do anything");
        }
        if let Some(open) = &open {
            tracing::info!(listener = open.describe(), "listening");
        }
        opened.push((listener, open));
    }
    Ok(opened)
}

fn board(config: &Config, recovered: &Recovered) -> Board {
    Board {
        boot: recovered.record().boot,
        cause: recovered.record().cause,
        backend: backend(config).kind(),
        drain_cap: config.power.drain_cap,
    }
}

fn backend(config: &Config) -> Arc<dyn PowerBackend> {
    let power = &config.power;
    match power.backend {
        config::PowerBackend::None => Arc::new(NoBackend),
        config::PowerBackend::DryRun => Arc::new(DryRun),
        config::PowerBackend::Linux => Arc::new(Linux::new(
            power.reboot_program.clone(),
            power.poweroff_program.clone(),
        )),
    }
}
