//! The board that sessions look at, with its power desk.

use lastword_agent::core::clients::{Clients, Life};
use lastword_agent::core::config::Limits;
use lastword_agent::core::record::{Found, PowerRecord};
use lastword_agent::core::recovery::recover;
use lastword_agent::core::session::House;
use lastword_agent::core::world::{Look, World};
use lastword_protocol::identity::{
    BoardKind, BootSource, CURRENT, Capabilities, Cause, Identity, OLDEST,
};
use lastword_protocol::message::{Pending, Reply, Status, Uptime};
use lastword_protocol::power::{self, Backend, Desk, LastOperation};
use lastword_protocol::{BootId, ClientId, Instant, Millis, Text};
use lastword_shell::commands;
use std::cell::Cell;

/// The longest that an acknowledgement may take to drain.
const DRAIN_CAP: Millis = Millis(2_000);

/// A board, over its lives.
pub(super) struct Board {
    pub(super) now: Instant,
    pub(super) desk: Desk,
    pub(super) house: House,
    backend: Backend,
    /// What is on disk.
    pub(super) record: Option<LastOperation>,
    lives: u8,
    /// How often somebody looked: no two looks see the same.
    looks: Cell<u64>,
}

impl Board {
    pub(super) fn new(backend: Backend) -> Self {
        let boot = BootId([1; 16]);
        Self {
            now: Instant(0),
            desk: desk(boot, backend, None),
            house: house(boot, 0),
            backend,
            record: None,
            lives: 0,
            looks: Cell::new(0),
        }
    }

    pub(super) fn boot_id(&self) -> BootId {
        self.desk.board().boot
    }

    pub(super) fn is_dry_run(&self) -> bool {
        self.backend == Backend::DryRun
    }

    /// The agent starts again: in the same boot, or in the next.
    pub(super) fn restart(&mut self, boots: bool) {
        let BootId(mut boot) = self.boot_id();
        boot[0] = boot[0].wrapping_add(boots.into());
        let boot = BootId(boot);
        self.lives = self.lives.wrapping_add(1);
        let before = PowerRecord::new(self.boot_id(), self.desk.board().cause, self.record);
        let recovered = recover(Found::Record(before), boot);
        self.record = recovered.record().last;
        self.desk = desk(boot, self.backend, self.record);
        self.house = house(boot, self.lives);
    }

    /// So many clients greet that whoever was there before is forgotten.
    pub(super) fn crowd(&self) {
        for id in 0..lastword_agent::core::clients::CLIENTS as u64 {
            let _forgotten = self.house.clients.open(ClientId(id));
        }
    }
}

fn desk(boot: BootId, backend: Backend, last: Option<LastOperation>) -> Desk {
    let board = power::Board {
        boot,
        cause: Cause::Unknown,
        backend,
        drain_cap: DRAIN_CAP,
    };
    Desk::new(board, last)
}

fn house(boot: BootId, lives: u8) -> House {
    House {
        name: "board1".to_owned(),
        table: commands::ALL,
        clients: Clients::new(boot, Life(Millis(lives.into()))),
        limits: Limits::default(),
    }
}

impl World for Board {
    fn identity(&self) -> Identity {
        Identity {
            oldest: OLDEST,
            current: CURRENT,
            boot: self.boot_id(),
            boot_source: BootSource::Kernel,
            cause: Cause::Unknown,
            kind: BoardKind::Simulated,
            name: Text::try_from("board1").unwrap_or_default(),
            firmware: Text::new(),
            build: Text::new(),
            backend: self.backend,
            mtu: 512,
            window: 8,
            capabilities: Capabilities(0),
            schema: 0,
            last: self.desk.last(),
            active: None,
            pending: None,
        }
    }

    fn pending(&self) -> Option<Pending> {
        self.desk.status(self.now).pending
    }

    fn look(&self, look: Look) -> Reply {
        self.looks.set(self.looks.get() + 1);
        let (boot, count) = (self.boot_id(), Millis(self.looks.get()));
        match look {
            Look::Identity => Reply::Identity(self.identity()),
            Look::Power => Reply::PowerStatus(self.desk.status(self.now)),
            Look::Uptime => Reply::Uptime(Uptime {
                uptime: count,
                boot,
            }),
            Look::Status => Reply::Status(Status {
                boot,
                uptime: count,
                agent_uptime: count,
                sessions: 1,
                memory_available_kib: 0,
                load_hundredths: 0,
                pending: self.pending(),
                waiting: Text::new(),
                failing_logs: 0,
                certificate_left: None,
            }),
        }
    }
}
