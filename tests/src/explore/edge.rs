//! The agent's concurrent edge in every order of its events: the real power task, the real tasks
//! of its sessions, the real work that may block, each going on only when it is its turn.

mod checks;
mod world;

use super::{Choices, explore, explore_states};
use std::collections::BTreeSet;
use tokio::runtime::{Builder, Runtime};
use world::World;

/// Who takes part, and what may happen.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What it is about.
    pub name: &'static str,
    /// The peers, each on a connection of its own.
    pub peers: &'static [Peer],
    /// Whose turn it is.
    pub turns: Turns,
    /// The agent may be told to end at any time.
    pub stops: bool,
    /// So often the time may run to the next deadline before anything else happens.
    pub delays: usize,
    /// Content with this word cannot be written to the disk.
    pub disk_refuses: Option<&'static str>,
    /// The backend fails with this error code, and the board stays up.
    pub fire_fails: Option<u16>,
}

/// What came of a scenario.
#[derive(Debug)]
pub struct Ends {
    /// In how many orders it was run.
    pub orders: usize,
    /// The different ways in which it ended.
    pub ends: BTreeSet<String>,
}

/// Which of the tasks that could go on does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turns {
    /// The one that was woken first, as the agent's executor has it.
    FirstWoken,
    /// Any, as some other executor might have it.
    Any,
}

/// What a peer may do. When, is for the explorer.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// What it asks.
    pub line: &'static str,
    /// Its window is closed until it opens it: the acknowledgement waits.
    pub holds: bool,
    /// It may reset its connection, at any time or never.
    pub dies: bool,
}

impl Scenario {
    /// Every order of its events that can make a difference, each checked.
    ///
    /// # Panics
    ///
    /// If the agent breaks a rule in one of them, with all that happened in it.
    #[must_use]
    pub fn in_every_order(&self) -> Ends {
        let runtime = runtime();
        let mut ends = BTreeSet::new();
        let orders = explore_states(|choices| ends.extend(self.run(&runtime, choices)));
        Ends { orders, ends }
    }

    /// As [`Scenario::in_every_order`], without sparing the orders that cannot make a difference.
    #[must_use]
    pub fn in_every_order_unspared(&self) -> Ends {
        let runtime = runtime();
        let mut ends = BTreeSet::new();
        let orders = explore(|choices| ends.extend(self.run(&runtime, choices)));
        Ends { orders, ends }
    }

    /// One run as `choices` have it, to its end, checked; how it ended. `None` if it came to a
    /// state that a run before it has been in.
    fn run(&self, runtime: &Runtime, choices: &mut Choices) -> Option<String> {
        let _runtime = runtime.enter();
        let mut world = World::new(runtime, *self);
        while !world.is_down() {
            let possible = world.possible();
            if possible.is_empty() {
                break;
            }
            if !choices.is_new(|| world.state()) {
                return None;
            }
            world.perform(possible[choices.among(possible.len())]);
        }
        world.finish();
        Some(world.end())
    }
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build();
    runtime.expect("a runtime needs nothing but memory")
}
