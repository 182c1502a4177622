//! A board, a line that misbehaves, and the clients on it, in a time that is only a number.

use super::host::{Host, Told};
use super::tally::{Asked, Tally};
use crate::bench::Bench;
use crate::dice::Dice;
use crate::lossy::{Mishaps, Path, Struck};
use lastword_agent::core::session::Traits;
use lastword_protocol::caller::{Effect, Patience};
use lastword_protocol::hello;
use lastword_protocol::message::Request;
use lastword_protocol::power::{Operation, PowerRequest};
use lastword_protocol::{ClientId, Instant, Millis, OperationId, Text};
use lastword_shell::{Table, commands};

/// What befalls a request under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The connection breaks; the client makes another.
    Reconnect,
    /// The client's process dies, and another begins.
    ClientDies,
    /// The other client takes the line.
    TakenOver,
    /// The board's agent dies, and another begins in the same boot.
    AgentRestarts,
    /// The board resets.
    Reset,
}

pub(super) struct World {
    traits: Traits,
    patience: Patience,
    now: Instant,
    dice: Dice,
    bench: Bench,
    up: Path,
    down: Path,
    hosts: Vec<Host>,
    /// Whose request it befalls, and when.
    trouble: Option<(Instant, usize, Trouble)>,
    /// Numbers requests; also their operation ids.
    number: u64,
    clients: u64,
    tally: Tally,
}

impl World {
    pub(super) fn new(traits: Traits, mishaps: Mishaps, clients: usize, seed: u64) -> Self {
        let patience = Patience {
            attempts: ATTEMPTS,
            ..Patience::default()
        };
        let mut world = Self {
            traits,
            patience,
            now: Instant(0),
            dice: Dice::new(seed),
            bench: Bench::with_table(traits, DANGEROUS),
            up: Path::new(mishaps, LATENCY, seed ^ 0xA5A5),
            down: Path::new(mishaps, LATENCY, seed ^ 0x5A5A),
            hosts: Vec::new(),
            trouble: None,
            number: 0,
            clients: 0,
            tally: Tally::default(),
        };
        for _ in 0..clients {
            let host = world.process();
            world.hosts.push(host);
        }
        world
    }

    pub(super) const fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    pub(super) const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Waits until nothing is under way any more, and closes the account.
    pub(super) fn close(mut self) -> Tally {
        let until = self.now.after(QUIET);
        while self.next().is_some_and(|next| next < until) {
            self.step();
        }
        self.tally.repeats += self.hosts.iter().map(|host| host.repeats).sum::<u64>();
        let mut struck: Struck = self.up.struck();
        struck.add(self.down.struck());
        self.tally.struck = struck;
        let ledger = self.bench.ledger();
        self.tally.close(&ledger);
        drop(ledger);
        self.tally
    }

    /// Asks once, whatever comes of it. `trouble` befalls the request, perhaps.
    pub(super) fn exchange(&mut self, who: usize, trouble: Option<Trouble>) {
        self.open(who);
        self.number += 1;
        let request = self.request();
        let begun = self.bench.ledger().runs().len();
        let desk = self.desk_time();
        self.bench.set_desk_takes(desk);
        // While the request is on its way as often as while it is tried again.
        let within = [SOON_MS, TROUBLE_MS][usize::from(self.dice.below(2) == 0)];
        let moment = self.now.after(Millis(self.dice.below(within)));
        self.trouble = trouble.map(|it| (moment, who, it));
        let packet = self.hosts[who].caller.call(self.now, &request);
        let packet = packet.expect("a session, nothing under way, and room");
        self.up.send(self.now, &packet);
        let asked = Asked {
            number: self.number,
            request,
            begun,
        };
        let id = self.hosts[who].id;
        let told = self.wait_for(who);
        self.trouble = None;
        if self.hosts[who].id != id {
            self.tally.abandoned(asked);
            return;
        }
        match told {
            Effect::Answered(reply) => {
                let ledger = self.bench.ledger();
                self.tally.answered(asked, &reply, &ledger);
            }
            Effect::Restarted(_) => self.tally.told(asked, "restarted"),
            unanswered @ (Effect::GaveUp | Effect::Busy(_)) => {
                let is_silent = unanswered == Effect::GaveUp;
                let why = if is_silent { "silent" } else { "taken over" };
                self.tally.told(asked, why);
                self.hosts[who].must_greet = true;
            }
            other => panic!("nothing that can come of a request: {other:?}"),
        }
    }

    /// Sees to it that the client has a session and owns the line.
    fn open(&mut self, who: usize) {
        let mut take_over = false;
        // What it was told of between its requests, it has noted: its session may be over.
        self.hosts[who].told.clear();
        while !self.hosts[who].caller.has_session() || self.hosts[who].must_greet {
            let packet = self.hosts[who].greet(self.now, take_over);
            self.up.send(self.now, &packet);
            match self.wait_for(who) {
                Effect::Welcomed(_) => self.hosts[who].must_greet = false,
                Effect::Busy(_) => {
                    self.tally.busy += 1;
                    take_over = true;
                }
                // It booted while it was greeted; or it takes longer than anybody waits.
                Effect::Restarted(_) | Effect::GaveUp => {}
                other => panic!("nothing that can come of a greeting: {other:?}"),
            }
        }
    }

    /// A client leaves, perhaps with a word.
    pub(super) fn leave(&mut self, who: usize) {
        if self.dice.below(2) == 0 {
            let packet = hello::goodbye::<64>(self.hosts[who].id).expect("room");
            self.up.send(self.now, &packet);
        }
        self.hosts[who].must_greet = true;
    }

    /// Waits until the client is told something, or is no more.
    fn wait_for(&mut self, who: usize) -> Told {
        for _ in 0..MOMENTS {
            if let Some(told) = self.hosts[who].told.pop_front() {
                return told;
            }
            self.step();
        }
        panic!("nothing ever came of it at {:?}", self.now);
    }

    /// The next moment at which anything happens.
    fn next(&self) -> Option<Instant> {
        let callers = self.hosts.iter().filter_map(|host| host.caller.deadline());
        let next = [
            self.up.deadline(),
            self.down.deadline(),
            self.bench.deadline(self.now),
            self.trouble.map(|(at, _, _)| at),
        ];
        let next = next.into_iter().flatten().chain(callers).min()?;
        Some(next.max(self.now.after(Millis(1))))
    }

    /// Goes on to the next moment at which anything happens.
    fn step(&mut self) {
        self.now = self.next().expect("somebody waits for something");
        if let Some((_, who, trouble)) = self.trouble.take_if(|(at, _, _)| *at <= self.now) {
            self.befall(who, trouble);
        }
        self.bench.tick(self.now);
        while let Some(arrived) = self.up.take(self.now) {
            self.bench.receive_symbols(self.now, arrived);
        }
        let said = self.bench.take_said();
        self.down.send(self.now, &said);
        while let Some(arrived) = self.down.take(self.now) {
            let bytes: Vec<u8> = arrived
                .into_iter()
                .flat_map(|it| it.received(false))
                .collect();
            for host in &mut self.hosts {
                let sent = host.hear(self.now, &bytes);
                self.up.send(self.now, &sent);
            }
        }
        for host in &mut self.hosts {
            let sent = host.tick(self.now);
            self.up.send(self.now, &sent);
        }
        if self.bench.end().is_some() {
            self.befall(0, Trouble::Reconnect);
        }
    }

    fn befall(&mut self, who: usize, trouble: Trouble) {
        self.tally.troubles += 1;
        match trouble {
            Trouble::Reconnect => {
                self.up.clear();
                self.down.clear();
                self.bench.reconnect(self.now);
                for host in &mut self.hosts {
                    host.reconnect();
                }
            }
            Trouble::ClientDies => {
                let host = self.process();
                let dead = std::mem::replace(&mut self.hosts[who], host);
                self.tally.repeats += dead.repeats;
                // Whoever waits for the dead one is told something.
                self.hosts[who].told.push_back(Effect::GaveUp);
            }
            Trouble::TakenOver => {
                let other = (who + 1) % self.hosts.len();
                let packet = self.hosts[other].greet(self.now, true);
                self.hosts[other].must_greet = true;
                self.up.send(self.now, &packet);
            }
            Trouble::AgentRestarts => self.bench.restart_agent(self.now),
            Trouble::Reset => self.bench.reset(self.now),
        }
    }

    /// A new process: a client id that nobody had before.
    fn process(&mut self) -> Host {
        self.clients += 1;
        let id = ClientId(self.dice.roll());
        Host::new(id, self.traits, self.patience)
    }

    /// A request that no other is like, or one that only looks.
    fn request(&mut self) -> Request {
        let id = Some(OperationId(self.number));
        let length = usize::try_from(self.dice.below(60)).expect("small");
        let reason: String = (0..length)
            .map(|_| char::from(b' ' + self.dice.byte() % 95))
            .collect();
        match self.dice.below(10) {
            0 => Request::Uptime,
            1 => Request::PowerStatus,
            2..6 => Request::PowerCancel(id),
            _ => Request::Power(PowerRequest {
                id,
                reason: Text::try_from(reason.as_str()).expect("it fits"),
                ..PowerRequest::plain(Operation::Reboot)
            }),
        }
    }

    /// Mostly at once, sometimes longer than a client waits.
    fn desk_time(&mut self) -> Millis {
        Millis(match self.dice.below(20) {
            0 => self.dice.below(3_000),
            1..6 => self.dice.below(300),
            _ => 0,
        })
    }
}

/// What noise may spell to the board: only what would be found out. That it types a key now and
/// then which only looks is measured elsewhere, and here would be taken for a request run twice.
const DANGEROUS: Table = Table(&[
    &commands::POWER_REBOOT,
    &commands::POWER_SHUTDOWN,
    &commands::POWER_CANCEL,
    &commands::REBOOT,
    &commands::SHUTDOWN,
]);
/// How long a write takes that nothing happens to.
const LATENCY: Millis = Millis(3);
/// How often a client tries: it outlasts the line, so that what is not answered has a reason.
const ATTEMPTS: u16 = 60;
/// Within this time trouble befalls a request.
const TROUBLE_MS: u64 = 1_500;
/// As long as a request and its answer take when nothing happens to them.
const SOON_MS: u64 = 2 * LATENCY.0 + 2;
/// Behind this nothing is under way any more.
const QUIET: Millis = Millis(20_000);
/// More than any exchange takes, unless something hangs.
const MOMENTS: usize = 100_000;
