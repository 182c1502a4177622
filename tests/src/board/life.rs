//! One boot of a board: the agent's real tasks, put together as the agent itself does.

use super::{Board, Counts, Options};
use lastword_agent::core::clients::{self, Clients, MTU_BYTES};
use lastword_agent::core::config::Limits;
use lastword_agent::core::power::{self, Desk};
use lastword_agent::core::record::PowerRecord;
use lastword_agent::core::recovery::{Recovered, recover};
use lastword_agent::core::session::House;
use lastword_agent::core::world::{Look, World};
use lastword_agent::edge::clock::Clock;
use lastword_agent::edge::link::Link;
use lastword_agent::edge::power::{Means, PowerTask, SharedDesk};
use lastword_agent::edge::session::{Room, serve};
use lastword_agent::edge::threads::{RuntimeThreads, Threads};
use lastword_protocol::frame::session_nonce;
use lastword_protocol::identity::{BoardKind, BootSource, CURRENT, Capabilities, Identity, OLDEST};
use lastword_protocol::message::{Pending, PowerStatus, Reply, SCHEMA_HASH, Status, Uptime};
use lastword_protocol::{BootId, ClientId, Millis, Nonce, Text};
use lastword_shell::commands;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Ends when it is dropped, as a process does that loses its power.
pub(super) struct Life {
    facts: Facts,
    room: Room,
    /// How many links there were.
    links: u64,
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Life {
    pub(super) fn begin(number: u8, board: &Board) -> Self {
        let clock = Clock::start();
        let boot = BootId([number; 16]);
        let mut storage = board.disk.clone();
        let recovered = recover(PowerRecord::load(&mut storage).expect("a disk"), boot);
        recovered.record().save(&mut storage).expect("a disk");

        let desk = desk(&recovered, board.options);
        let means = Means {
            backend: Arc::new(board.reset.clone()),
            storage: Box::new(storage),
            threads: threads(board.options),
        };
        let (task, power) = PowerTask::new(&recovered, desk.clone(), means, clock);
        let (stop, stopped) = watch::channel(false);
        let facts = Facts {
            desk,
            clock,
            counts: Arc::clone(&board.counts),
        };
        let life = board.counts.lives.fetch_add(1, Ordering::Relaxed);
        let room = Room {
            house: house(boot, life),
            world: Arc::new(facts.clone()),
            power,
            clock,
            stop: stopped.clone(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(task.run(stopped));
        Self {
            facts,
            room,
            links: 0,
            tasks,
            stop,
        }
    }

    /// Serves a link until it fails; on a line, one session after the other.
    pub(super) fn converse(&mut self, mut link: Box<dyn Link>, announce: bool) {
        let room = self.room.clone();
        let nonce = self.nonce();
        let is_line = matches!(link.traits().medium, lastword_shell::Medium::Serial { .. });
        let stop = self.room.stop.clone();
        self.tasks.spawn(async move {
            let mut announce = announce;
            while serve(&mut *link, room.clone(), nonce, announce)
                .await
                .is_ok()
                && is_line
                && !*stop.borrow()
            {
                announce = false;
            }
        });
    }

    /// The nonce of a link's text lines.
    fn nonce(&mut self) -> Nonce {
        self.links += 1;
        let boot = self.facts.desk.lock().board().boot;
        session_nonce(boot, ClientId(self.links))
    }

    /// Tells the agent to end, as SIGTERM does.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub(super) fn power_status(&self) -> PowerStatus {
        let now = self.facts.clock.now();
        self.facts.desk.lock().status(now)
    }
}

fn desk(recovered: &Recovered, options: Options) -> SharedDesk {
    let record = recovered.record();
    let board = power::Board {
        boot: record.boot,
        cause: record.cause,
        backend: lastword_protocol::power::Backend::Linux,
        drain_cap: options.drain_cap,
    };
    SharedDesk::new(Desk::new(board, record.last))
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

fn threads(options: Options) -> Arc<dyn Threads> {
    if options.at_once {
        Arc::new(AtOnce)
    } else {
        Arc::new(RuntimeThreads)
    }
}

/// Work that never blocks needs no thread.
struct AtOnce;

impl Threads for AtOnce {
    fn start(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }
}

/// What the board tells of itself.
#[derive(Clone)]
struct Facts {
    desk: SharedDesk,
    /// Its origin is the boot.
    clock: Clock,
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
            }),
        }
    }
}

/// What every simulated board is called.
const NAME: &str = "board1";
