//! An agent, its peers and its board, in which one thing happens at a time.

use super::{Scenario, Turns};
use crate::agent::{Agent, Parts};
use crate::board::Options;
use crate::disk::Disk;
use crate::explore::actor::{Actor, Bench, Now, digest};
use crate::reset::ResetLine;
use crate::socket::Socket;
use lastword_agent::edge::session::serve;
use lastword_protocol::power::Outcome;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Action {
    /// A task of the agent goes on.
    Poll(usize),
    /// A peer asks.
    Ask(usize),
    /// A peer's stack takes what waits.
    Take(usize),
    /// A peer resets its connection.
    Die(usize),
    /// What may block gets done.
    Work,
    /// The next deadline comes.
    Late,
    /// The agent is told to end.
    Stop,
}

pub(super) struct World<'r> {
    pub(super) runtime: &'r Runtime,
    pub(super) scenario: Scenario,
    pub(super) agent: Agent,
    pub(super) disk: Disk,
    pub(super) reset: ResetLine,
    pub(super) bench: Bench,
    pub(super) now: Now,
    /// The power task, and then the sessions in the order of the peers.
    pub(super) actors: Vec<Actor>,
    pub(super) sockets: Vec<Socket>,
    /// What has happened.
    pub(super) log: Vec<Action>,
    /// A digest of what the desk shows. Only the power task and the time change it.
    pub(super) status: u64,
    /// The latest known outcome of each operation.
    pub(super) outcomes: BTreeMap<u64, Outcome>,
}

impl<'r> World<'r> {
    pub(super) fn new(runtime: &'r Runtime, scenario: Scenario) -> Self {
        let options = Options {
            fire_fails: scenario.fire_fails,
            ..Options::default()
        };
        let disk = Disk::default();
        let reset = ResetLine::new(|| (), scenario.fire_fails);
        let bench = Bench::default();
        let threads = Arc::new(bench.clone());
        let parts = Parts {
            options,
            disk: &disk,
            objects: &Disk::default(),
            reset: &reset,
            counts: &Arc::default(),
            threads,
        };
        let (mut agent, task) = Agent::assemble(1, parts);
        if let Some(word) = scenario.disk_refuses {
            disk.refuse(word);
        }
        let now = Now::default();
        let mut actors = vec![Actor::new(&now, task)];
        let mut sockets = Vec::new();
        for peer in scenario.peers {
            let socket = Socket::default();
            socket.close_window(peer.holds);
            let (mut link, room, nonce) = (socket.agent_end(), agent.room.clone(), agent.nonce());
            actors.push(Actor::new(&now, async move {
                drop(serve(&mut link, room, nonce, false).await);
            }));
            sockets.push(socket);
        }
        let mut world = Self {
            runtime,
            scenario,
            agent,
            disk,
            reset,
            bench,
            now,
            actors,
            sockets,
            log: Vec::new(),
            status: 0,
            outcomes: BTreeMap::new(),
        };
        world.settle();
        world.log.clear();
        world
    }

    /// The board has gone down: nothing happens on it any more.
    pub(super) fn is_down(&self) -> bool {
        self.scenario.fire_fails.is_none() && !self.reset.fires().is_empty()
    }

    /// There is somebody to whom a deadline could matter.
    fn goes_on(&self) -> bool {
        !self.is_down() && !self.actors[0].is_over()
    }

    pub(super) fn happened(&self, action: Action) -> usize {
        self.log.iter().filter(|it| **it == action).count()
    }

    /// What can happen next.
    pub(super) fn possible(&self) -> Vec<Action> {
        let mut possible = self.runnable();
        for (index, peer) in self.scenario.peers.iter().enumerate() {
            let is_dead = self.happened(Action::Die(index)) > 0;
            let mut may = |action, allowed: bool| {
                if allowed && !is_dead && self.happened(action) == 0 {
                    possible.push(action);
                }
            };
            let has_asked = self.happened(Action::Ask(index)) > 0;
            may(Action::Ask(index), true);
            may(Action::Take(index), peer.holds && has_asked);
            may(Action::Die(index), peer.dies && has_asked);
        }
        if self.deadline().is_some() && self.happened(Action::Late) < self.scenario.delays {
            possible.push(Action::Late);
        }
        if self.scenario.stops && self.happened(Action::Stop) == 0 {
            possible.push(Action::Stop);
        }
        possible
    }

    /// What the agent can do without anything else happening.
    fn runnable(&self) -> Vec<Action> {
        let turns = self.turns();
        let now = turns.iter().filter(|(turn, _)| *turn == 0);
        let mut runnable: Vec<Action> = now.map(|(_, index)| Action::Poll(*index)).collect();
        if self.bench.waiting() > 0 {
            runnable.push(Action::Work);
        }
        runnable
    }

    /// The tasks that could go on, each with its turn: in turn 0 are those that may go first.
    fn turns(&self) -> Vec<(usize, usize)> {
        let woken = |index: &usize| self.actors[*index].is_woken();
        let woken: Vec<usize> = (0..self.actors.len()).filter(woken).collect();
        let at = |index: usize| match self.scenario.turns {
            Turns::FirstWoken => self.actors[index].woken_at(),
            Turns::Any => 0,
        };
        let times: BTreeSet<u64> = woken.iter().map(|index| at(*index)).collect();
        let turn = |index: usize| times.range(..at(index)).count();
        woken
            .into_iter()
            .map(|index| (turn(index), index))
            .collect()
    }

    /// What time it is, as far as it matters: deadlines are met exactly or not at all, and the
    /// few milliseconds in between are none of them.
    fn time(&self) -> usize {
        self.happened(Action::Late)
    }

    /// How long it is to the next deadline of what is staged.
    fn deadline(&self) -> Option<Duration> {
        let left = self.agent.power_status().pending?.left?;
        Some(Duration::from_millis(left.0))
    }

    pub(super) fn perform(&mut self, action: Action) {
        self.log.push(action);
        self.now.set(digest(&action));
        match action {
            Action::Poll(index) => {
                let sight = self.sight(index);
                self.actors[index].poll(sight);
            }
            Action::Ask(index) => self.sockets[index].say(self.scenario.peers[index].line),
            Action::Take(index) => {
                self.sockets[index].close_window(false);
                self.pass(LOOK);
            }
            Action::Die(index) => self.sockets[index].reset(),
            Action::Work => self.work(),
            Action::Late => self.pass(self.deadline().unwrap_or_default()),
            Action::Stop => self.agent.stop(),
        }
        if matches!(action, Action::Poll(0) | Action::Take(_) | Action::Late) {
            self.note_outcome();
        }
    }

    /// A digest of all that a task can look at, apart from what is sent to it.
    fn sight(&self, index: usize) -> u64 {
        let socket = index
            .checked_sub(1)
            .map(|index| self.sockets[index].digest());
        digest(&(socket, self.status, self.time()))
    }

    /// A digest of all that can make a difference from here on.
    ///
    /// The memory of a task cannot be looked at, but it follows from what it has found at each poll:
    /// see [`Actor::state`]. Sessions that speak frames share what they know of their clients, which
    /// is not in here: the peers speak plain.
    pub(super) fn state(&self) -> u64 {
        let actors: Vec<_> = self.actors.iter().map(Actor::state).collect();
        let sockets: Vec<_> = self.sockets.iter().map(Socket::digest).collect();
        let mut done: Vec<_> = self
            .log
            .iter()
            .filter(|it| !matches!(it, Action::Poll(_) | Action::Work))
            .map(digest)
            .collect();
        done.sort_unstable();
        let rest = format!(
            "{:?} {:?} {:?} {}",
            self.outcomes,
            self.reset,
            self.disk.text("power.json"),
            self.bench.waiting()
        );
        digest(&(actors, sockets, done, rest, self.status, self.turns()))
    }

    /// How it ended, for whom it matters.
    pub(super) fn end(&self) -> String {
        let heard: Vec<String> = self.sockets.iter().map(Socket::heard).collect();
        format!(
            "{:?} {} fires, heard {heard:?}",
            self.outcomes,
            self.reset.fires().len()
        )
    }

    fn pass(&self, time: Duration) {
        self.runtime.block_on(tokio::time::advance(time));
    }

    /// Does the next piece of work. If that fired, it had to be allowed to.
    fn work(&mut self) {
        let fired = self.reset.fires().len();
        // What it does was settled when the power task asked for it.
        self.now.set(digest(&self.actors[0].history()));
        self.bench.work();
        if let Some(fire) = self.reset.fires().get(fired) {
            self.check_fire(fire.evidence);
        }
    }

    /// Lets the agent do what it can do on its own.
    fn settle(&mut self) {
        while let Some(action) = self.runnable().first().copied() {
            if self.is_down() {
                return;
            }
            self.perform(action);
        }
    }

    /// Lets everything come to its end, and looks at what is left.
    pub(super) fn finish(&mut self) {
        self.settle();
        while let Some(left) = self.deadline().filter(|_| self.goes_on()) {
            self.pass(left);
            self.settle();
        }
        let is_released =
            |outcome: &&Outcome| matches!(outcome, Outcome::Released(_) | Outcome::FireFailed(_));
        let released = self.outcomes.values().filter(is_released).count();
        let fires = self.reset.fires().len();
        assert_eq!(fires, released, "fires and releases differ: {self:?}");
        if !self.is_down() {
            let pending = self.agent.power_status().pending;
            let in_hand = self.reset.in_hand();
            assert!(pending.is_none() && in_hand == 0, "left behind: {self:?}");
            self.check_record();
            self.check_answers();
        }
        self.check_cancelled();
        let given_up = self.sockets.iter().any(|it| it.heard().contains("offline"));
        assert!(!given_up || self.scenario.stops, "given up on: {self:?}");
    }
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let heard: Vec<String> = self.sockets.iter().map(Socket::heard).collect();
        f.debug_struct("World")
            .field("happened", &self.log)
            .field("heard", &heard)
            .field("outcomes", &self.outcomes)
            .field("fires", &self.reset)
            .field("status", &self.agent.power_status())
            .field("power.json", &self.disk.text("power.json"))
            .field("work", &self.bench.waiting())
            .finish_non_exhaustive()
    }
}

/// By then a session has asked the link again whether the acknowledgement has left.
const LOOK: Duration = Duration::from_millis(2);
