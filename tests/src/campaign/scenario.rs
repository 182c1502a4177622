//! Who is on the line, and what befalls them.

use super::tally::Tally;
use super::whole::Whole;
use super::world::{Trouble, World};
use crate::bench::{SERIAL, TCP};
use crate::dice::Dice;
use crate::faults::Rates;
use crate::lossy::Mishaps;
use lastword_agent::core::session::Traits;
use std::time::Duration;

/// Who is on the line, and what befalls them.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What it is, for people.
    pub name: &'static str,
    engine: Engine,
    clients: usize,
    troubles: &'static [Trouble],
    /// Its part of all requests, in a hundred.
    pub share: u64,
}

/// What both sides are made of.
#[derive(Clone, Copy, Debug)]
enum Engine {
    /// Caller and session core, on such a link.
    Cores(Traits),
    /// The client and the agent's tasks on a UART.
    Whole,
}

/// What every line of the campaign does.
pub const MISHAPS: Mishaps = Mishaps {
    bytes: Rates::one_in(1_000),
    lost: 50_000,
    again: 100_000,
    late: 30_000,
    stalled: 30_000,
};

/// One request in so many is in trouble, where there is any.
const TROUBLE_ONE_IN: u64 = 4;
/// One round of three requests in so many is, on a UART.
const ROUND_ONE_IN: u64 = 3;
/// How many requests a client has before it is another's turn, on average.
const TURN: u64 = 10;
/// Within this time trouble befalls a request on a UART.
const TROUBLE_MICROS: u64 = 1_500_000;
/// As long as a request and its answer take there when nothing happens to them.
const SOON_MICROS: u64 = 2_000;

const EVERYTHING: &[Trouble] = &[
    Trouble::TakenOver,
    Trouble::ClientDies,
    Trouble::AgentRestarts,
    Trouble::Reset,
];

const fn scenario(
    share: u64,
    name: &'static str,
    engine: Engine,
    clients: usize,
    troubles: &'static [Trouble],
) -> Scenario {
    Scenario {
        name,
        engine,
        clients,
        troubles,
        share,
    }
}

const _: () = {
    let (mut sum, mut index) = (0, 0);
    while index < SCENARIOS.len() {
        sum += SCENARIOS[index].share;
        index += 1;
    }
    assert!(sum == 100, "the parts are a whole");
};

/// Every scenario.
pub const SCENARIOS: [Scenario; 11] = [
    scenario(
        18,
        "one client on a serial line",
        Engine::Cores(SERIAL),
        1,
        &[],
    ),
    scenario(10, "one client on a stream", Engine::Cores(TCP), 1, &[]),
    scenario(
        10,
        "a client that reconnects",
        Engine::Cores(TCP),
        1,
        &[Trouble::Reconnect],
    ),
    scenario(
        14,
        "two clients on one line",
        Engine::Cores(SERIAL),
        2,
        &[Trouble::TakenOver, Trouble::ClientDies],
    ),
    scenario(
        10,
        "a client that restarts",
        Engine::Cores(SERIAL),
        1,
        &[Trouble::ClientDies],
    ),
    scenario(
        10,
        "an agent that restarts",
        Engine::Cores(SERIAL),
        1,
        &[Trouble::AgentRestarts],
    ),
    scenario(
        10,
        "a board that resets",
        Engine::Cores(SERIAL),
        1,
        &[Trouble::Reset],
    ),
    scenario(
        10,
        "all of it at once",
        Engine::Cores(SERIAL),
        2,
        EVERYTHING,
    ),
    scenario(3, "one client, whole", Engine::Whole, 1, &[]),
    scenario(2, "two clients in turn, whole", Engine::Whole, 2, &[]),
    scenario(
        3,
        "all that dies, whole",
        Engine::Whole,
        1,
        &[Trouble::ClientDies, Trouble::AgentRestarts, Trouble::Reset],
    ),
];

impl Scenario {
    /// Asks until so many requests were answered.
    #[must_use]
    pub fn run(&self, requests: u64, seed: u64) -> Tally {
        match self.engine {
            Engine::Cores(traits) => self.run_cores(traits, requests, seed),
            Engine::Whole => tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime")
                .block_on(self.run_whole(requests, seed)),
        }
    }

    fn run_cores(&self, traits: Traits, requests: u64, seed: u64) -> Tally {
        let mut world = World::new(traits, MISHAPS, self.clients, seed);
        let mut who = 0;
        while world.tally().answered < requests {
            let trouble = self.trouble(world.dice(), TROUBLE_ONE_IN);
            if self.is_over(world.dice()) {
                world.leave(who);
                who = (who + 1) % self.clients;
            }
            world.exchange(who, trouble);
        }
        world.close()
    }

    async fn run_whole(&self, requests: u64, seed: u64) -> Tally {
        let mut whole = Whole::new(self.clients, seed).await;
        let mut who = 0;
        while whole.tally().answered < requests {
            // While the request is on its way as often as while it is tried again.
            let within = [SOON_MICROS, TROUBLE_MICROS][usize::from(whole.dice().below(2) == 0)];
            let after = Duration::from_micros(whole.dice().below(within));
            let trouble = self.trouble(whole.dice(), ROUND_ONE_IN);
            if self.is_over(whole.dice()) {
                whole.leave(who).await;
                who = (who + 1) % self.clients;
            }
            whole.round(who, trouble.map(|it| (after, it))).await;
        }
        whole.close().await
    }

    /// What befalls the next request, or round of them.
    fn trouble(&self, dice: &mut Dice, one_in: u64) -> Option<Trouble> {
        let kinds = self.troubles.len() as u64;
        if kinds == 0 || dice.below(one_in) > 0 {
            return None;
        }
        let kind = usize::try_from(dice.below(kinds)).ok()?;
        self.troubles.get(kind).copied()
    }

    /// Whether it is another client's turn.
    fn is_over(&self, dice: &mut Dice) -> bool {
        self.clients > 1 && dice.below(TURN) == 0
    }
}
