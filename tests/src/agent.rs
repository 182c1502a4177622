//! The agent's real parts, put together as the agent itself does, on a disk and a reset line that
//! only remember.

use crate::board::Options;
use crate::disk::Disk;
use crate::object_store::SimulatedStore;
use crate::reset::ResetLine;
use lastword_agent::core::clients::{self, Clients, MTU_BYTES};
use lastword_agent::core::config::Limits;
use lastword_agent::core::events::SharedEvents;
use lastword_agent::core::record::PowerRecord;
use lastword_agent::core::recovery::{Recovered, recover};
use lastword_agent::core::session::House;
use lastword_agent::core::world::{Look, World};
use lastword_agent::edge::clock::Clock;
use lastword_agent::edge::events::EventBus;
use lastword_agent::edge::generations::service::GenerationService;
use lastword_agent::edge::objects::ObjectService;
use lastword_agent::edge::power::{CommitPoint, Means, PowerTask, SharedDesk};
use lastword_agent::edge::services::Services;
use lastword_agent::edge::session::{Room, SessionMemory, TurnQueues};
use lastword_agent::edge::threads::Threads;
use lastword_protocol::frame::session_nonce;
use lastword_protocol::identity::{BoardKind, BootSource, CURRENT, Capabilities, Identity, OLDEST};
use lastword_protocol::message::{Pending, PowerStatus, Reply, SCHEMA_HASH, Status, Uptime};
use lastword_protocol::power::{self, Desk};
use lastword_protocol::{BootId, ClientId, Millis, Nonce, Text};
use lastword_shell::commands;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use tokio::sync::watch;

/// One boot's agent, without the tasks that make it run.
pub struct Agent {
    /// What each session's task is given.
    pub room: Room,
    facts: Facts,
    /// How many links there were.
    links: u64,
    stop: watch::Sender<bool>,
}

/// What is counted over all lives of a board's agent.
#[derive(Debug, Default)]
pub struct Counts {
    lives: AtomicU64,
    statuses: AtomicU32,
}

impl Counts {
    /// How often its status was looked at.
    pub(crate) fn statuses(&self) -> u32 {
        self.statuses.load(Ordering::Relaxed)
    }

    /// Its status is looked at: no two looks see the same.
    fn status(&self) -> u32 {
        self.statuses.fetch_add(1, Ordering::Relaxed)
    }
}

/// What an agent is put together from.
pub struct Parts<'p> {
    /// What kind of board it is on.
    pub options: Options,
    /// The board's disk.
    pub disk: &'p Disk,
    /// The disk of the board's store.
    pub objects: &'p Disk,
    /// The board's reset line.
    pub reset: &'p ResetLine,
    /// What is counted about it.
    pub counts: &'p Arc<Counts>,
    /// Where it does what may block.
    pub threads: Arc<dyn Threads>,
}

impl Agent {
    /// The agent of the boot of that number, and its power task.
    pub fn assemble(
        number: u8,
        parts: Parts<'_>,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let clock = Clock::start();
        let boot = BootId([number; 16]);
        let mut storage = parts.disk.clone();
        let recovered = recover(PowerRecord::load(&mut storage), boot);
        recovered.record().save(&mut storage).expect("a disk");

        let events = EventBus::default();
        let shared = shared_desk(&recovered, parts.options);
        let means = Means {
            backend: Arc::new(parts.reset.clone()),
            storage: Box::new(storage),
            threads: parts.threads,
            services: Services::none(),
            commit_point: CommitPoint::none(),
            events: events.clone(),
        };
        let (task, power) = PowerTask::new(&recovered, shared.clone(), means, clock);
        let (stop, stopped) = watch::channel(false);
        let facts = Facts {
            desk: shared,
            clock,
            events: events.clone(),
            counts: Arc::clone(parts.counts),
        };
        let life = parts.counts.lives.fetch_add(1, Ordering::Relaxed);
        let room = Room {
            house: house(boot, life),
            world: Arc::new(facts.clone()),
            power,
            services: Services::none(),
            events,
            generations: GenerationService::none(),
            objects: ObjectService::on(Arc::new(SimulatedStore::open(parts.objects.clone()))),
            clock,
            stop: stopped.clone(),
            memory: SessionMemory::default(),
            turns: TurnQueues::default(),
        };
        let agent = Self {
            room,
            facts,
            links: 0,
            stop,
        };
        (agent, task.run(stopped))
    }

    /// The nonce of the next link's text lines.
    pub fn nonce(&mut self) -> Nonce {
        self.links += 1;
        let boot = self.facts.desk.lock().board().boot;
        session_nonce(boot, ClientId(self.links))
    }

    /// Tells it to end, as SIGTERM does.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// What is staged and what was last.
    #[must_use]
    pub fn power_status(&self) -> PowerStatus {
        let now = self.facts.clock.now();
        self.facts.desk.lock().status(now)
    }
}

fn shared_desk(recovered: &Recovered, options: Options) -> SharedDesk {
    let record = recovered.record();
    let board = power::Board {
        boot: record.boot,
        cause: record.cause,
        backend: power::Backend::Linux,
        drain_cap: options.drain_cap,
    };
    SharedDesk::new(Desk::new(board, record.last), record.refused.clone())
}

/// `life` stands for the board's uptime when its agent began: no two lives have the same.
fn house(boot: BootId, life: u64) -> House {
    House {
        name: NAME.to_owned(),
        table: commands::ALL,
        clients: Clients::new(boot, clients::Life(Millis(life))),
        limits: Limits::default(),
    }
}

/// What the board tells of itself.
#[derive(Clone)]
struct Facts {
    desk: SharedDesk,
    /// Its origin is the boot.
    clock: Clock,
    events: EventBus,
    counts: Arc<Counts>,
}

impl World for Facts {
    fn identity(&self) -> Identity {
        let desk = self.desk.lock();
        let board = desk.board();
        Identity {
            oldest: OLDEST,
            current: CURRENT,
            boot: board.boot,
            boot_source: BootSource::Kernel,
            cause: board.cause,
            kind: BoardKind::Simulated,
            name: Text::try_from(NAME).unwrap_or_default(),
            firmware: Text::new(),
            build: Text::new(),
            backend: board.backend,
            mtu: MTU_BYTES,
            window: 8,
            capabilities: Capabilities(0),
            schema: SCHEMA_HASH,
            last: desk.last(),
            active: None,
            pending: None,
        }
    }

    fn events(&self) -> Option<&SharedEvents> {
        Some(self.events.events())
    }

    fn pending(&self) -> Option<Pending> {
        self.desk.lock().status(self.clock.now()).pending
    }

    fn look(&self, look: Look) -> Reply {
        let now = self.clock.now();
        let uptime = Millis(now.0);
        let power = self.desk.lock().status(now);
        match look {
            Look::Identity => Reply::Identity(self.identity()),
            Look::Power => Reply::PowerStatus(power),
            Look::Uptime => Reply::Uptime(Uptime {
                uptime,
                boot: power.boot,
            }),
            Look::Status => Reply::Status(Status {
                boot: power.boot,
                uptime,
                agent_uptime: uptime,
                sessions: 1,
                memory_available_kib: self.counts.status(),
                load_hundredths: 0,
                pending: power.pending,
                waiting: Text::new(),
                failing_logs: 0,
                certificate_left: None,
            }),
        }
    }
}

/// What every simulated board is called.
const NAME: &str = "board1";
