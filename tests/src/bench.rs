//! A board on the bench: the agent's session core without tasks, links or a clock, and a ledger of
//! everything that ran on it.

mod ledger;

pub use ledger::{Ledger, Ran, Run};

use crate::faults::Symbol;
use lastword_agent::core::clients::{Clients, Life, MTU_BYTES};
use lastword_agent::core::config::Limits;
use lastword_agent::core::session::{End, House, RequestId, Session, Traits};
use lastword_agent::core::world::{Look, World};
use lastword_protocol::frame::session_nonce;
use lastword_protocol::identity::{
    BoardKind, BootSource, CURRENT, Capabilities, Cause, Identity, OLDEST,
};
use lastword_protocol::message::{Pending, Reply, SCHEMA_HASH};
use lastword_protocol::power::Backend;
use lastword_protocol::{BootId, ClientId, Instant, Millis, Text};
use lastword_shell::{Medium, Table, commands};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::{mem, slice};

/// A serial line whose tty marks breaks and damaged bytes.
pub const SERIAL: Traits = Traits {
    medium: Medium::Serial { baud: 115_200 },
    marked: true,
    telnet: false,
};
/// A TCP connection.
pub const TCP: Traits = Traits {
    medium: Medium::Stream,
    marked: false,
    telnet: true,
};

/// A board with one link, stepped by hand.
pub struct Bench {
    traits: Traits,
    house: House,
    board: Board,
    session: Session,
    /// How many links and lives there were.
    links: u64,
    lives: u64,
    /// What the session does not want yet.
    unread: VecDeque<u8>,
    /// How long the power desk takes for an answer.
    desk_takes: Millis,
    /// The power desk's answers, in the order in which they are given.
    due: VecDeque<Due>,
    said: Vec<u8>,
}

/// An answer on its way.
struct Due {
    at: Instant,
    id: RequestId,
    reply: Reply,
}

impl Bench {
    /// A board in its first boot, with a link that nobody has used.
    #[must_use]
    pub fn new(traits: Traits) -> Self {
        Self::with_table(traits, commands::ALL)
    }

    /// As [`Bench::new`], with commands of its own.
    #[must_use]
    pub fn with_table(traits: Traits, table: Table) -> Self {
        let board = Board {
            boot: 1,
            ledger: RefCell::default(),
        };
        let house = House {
            name: NAME.to_owned(),
            table,
            clients: Clients::new(board.boot_id(), Life(Millis(0))),
            limits: Limits::default(),
        };
        let session = begin(traits, &house, 0, Instant(0));
        Self {
            traits,
            house,
            board,
            session,
            links: 1,
            lives: 1,
            unread: VecDeque::new(),
            desk_takes: Millis(0),
            due: VecDeque::new(),
            said: Vec::new(),
        }
    }

    /// What ran on it so far.
    pub fn ledger(&self) -> std::cell::Ref<'_, Ledger> {
        self.board.ledger.borrow()
    }

    /// From now on the power desk takes so long for each answer.
    pub const fn set_desk_takes(&mut self, time: Millis) {
        self.desk_takes = time;
    }

    /// Takes bytes that arrive at `now`, as they were on the line.
    pub fn receive(&mut self, now: Instant, bytes: &[u8]) {
        self.receive_symbols(now, bytes.iter().copied().map(Symbol::Byte));
    }

    /// The line is held in the spacing state at `now`: a BREAK.
    pub fn receive_break(&mut self, now: Instant) {
        self.receive_symbols(now, [Symbol::Break]);
    }

    pub(crate) fn receive_symbols(
        &mut self,
        now: Instant,
        symbols: impl IntoIterator<Item = Symbol>,
    ) {
        let marked = self.traits.marked;
        let received = symbols.into_iter().flat_map(|it| it.received(marked));
        self.unread.extend(received);
        self.work(now);
    }

    /// Lets the time pass.
    pub fn tick(&mut self, now: Instant) {
        while self.answer(now) {}
        self.session.tick(now, &self.board);
        self.work(now);
    }

    /// Lets the time pass until `until`, with a tick whenever the board wants one before. Returns
    /// `until`.
    pub fn wait(&mut self, mut now: Instant, until: Instant) -> Instant {
        while let Some(next) = self.deadline(now).filter(|next| *next <= until) {
            // A deadline that lies behind is due now, and one that stays is due again later.
            now = next.max(now.after(Millis(1)));
            self.tick(now);
        }
        self.tick(until);
        until
    }

    /// When to call [`Bench::tick`] at the latest.
    #[must_use]
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let due = self.due.front().map(|due| due.at);
        let own = self.session.deadline(now, &self.board);
        due.into_iter().chain(own).min()
    }

    /// Takes what it has said since the last time; its link takes everything at once.
    pub fn take_said(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.said)
    }

    /// Whether the conversation is over, and why.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.session.end()
    }

    /// The link is opened anew: what was on its way is gone.
    pub fn reconnect(&mut self, now: Instant) {
        self.links += 1;
        let next = begin(self.traits, &self.house, self.links, now);
        let unanswered = mem::replace(&mut self.session, next).abandon();
        let mut due = mem::take(&mut self.due);
        for unanswered in unanswered {
            if let Some(index) = due.iter().position(|due| due.id == unanswered.id())
                && let Some(due) = due.remove(index)
            {
                unanswered.keep(&[due.reply], false);
            }
        }
        self.unread.clear();
        self.said.clear();
    }

    /// Its agent ends and starts anew, in the same boot.
    pub fn restart_agent(&mut self, now: Instant) {
        self.lives += 1;
        // Not `now`: two lives may begin in one simulated millisecond, and not in a real one.
        self.house.clients = Clients::new(self.board.boot_id(), Life(Millis(self.lives)));
        self.reconnect(now);
        self.session.announce(now, &self.board);
        self.work(now);
    }

    /// It resets: another boot.
    pub fn reset(&mut self, now: Instant) {
        self.board.boot += 1;
        self.restart_agent(now);
    }

    fn work(&mut self, now: Instant) {
        loop {
            while let Some(job) = self.session.take_job() {
                let reply = self.board.ledger.get_mut().run(Ran::Asked(job.ask));
                self.due.push_back(Due {
                    at: now.after(self.desk_takes),
                    id: job.id,
                    reply,
                });
            }
            if self.answer(now) {
                // Its answer may let more be done.
            } else if self.session.has_work() {
                self.session.work(now, &self.board);
            } else if self.session.wants_input() && !self.unread.is_empty() {
                let count = self.unread.len().min(READ_BYTES);
                let bytes: Vec<_> = self.unread.drain(..count).collect();
                self.session.receive(now, &bytes, &self.board);
            } else {
                break;
            }
            self.write(now);
        }
        self.write(now);
    }

    /// Has the session take the next answer that is due.
    fn answer(&mut self, now: Instant) -> bool {
        let Some(due) = self.due.pop_front_if(|due| due.at <= now) else {
            return false;
        };
        let reply = slice::from_ref(&due.reply);
        self.session
            .answered(now, due.id, reply, false, &self.board);
        true
    }

    fn write(&mut self, now: Instant) {
        let output = self.session.output();
        let count = output.len();
        self.said.extend_from_slice(output.front());
        self.session.wrote(now, count);
    }
}

/// The board as its sessions see it.
struct Board {
    /// The number of its boot.
    boot: u64,
    ledger: RefCell<Ledger>,
}

impl Board {
    fn boot_id(&self) -> BootId {
        BootId(u128::from(self.boot).to_be_bytes())
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
            name: Text::try_from(NAME).unwrap_or_default(),
            firmware: Text::new(),
            build: Text::new(),
            backend: Backend::DryRun,
            mtu: MTU_BYTES,
            window: 8,
            capabilities: Capabilities(0),
            schema: SCHEMA_HASH,
            last: None,
            active: None,
            pending: None,
        }
    }

    fn pending(&self) -> Option<Pending> {
        None
    }

    fn look(&self, look: Look) -> Reply {
        self.ledger.borrow_mut().run(Ran::Looked(look))
    }
}

fn begin(traits: Traits, house: &House, link: u64, now: Instant) -> Session {
    let nonce = session_nonce(BootId([0; 16]), ClientId(link));
    Session::new(traits, house, nonce, now)
}

/// What the board is called.
const NAME: &str = "board1";
/// How much the agent reads at once, in bytes.
const READ_BYTES: usize = 512;
