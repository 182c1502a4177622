//! The campaign over lossy links: each request is entered in a ledger where it runs, and every
//! answer is held against the very run that it must have come from.
//!
//! The bulk has no clock but a number: the host's real caller and the agent's real session core,
//! with [`crate::lossy::Mishaps`] between them. A part of it runs the whole of both sides, the real
//! client and the agent's real tasks on a simulated UART, in paused time.
//!
//! A client that restarts comes with another id, as the protocol demands; one that keeps its id
//! keeps its numbers, and only its connection is another.

mod host;
mod objects;
mod scenario;
mod tally;
mod whole;
mod world;

pub use objects::{ObjectTally, run as run_objects};
pub use scenario::{MISHAPS, SCENARIOS, Scenario};
pub use tally::Tally;

/// Runs every scenario for its part of `requests`, hands each account to `say`, and returns the
/// sum. Requests that were not answered come on top.
pub fn run(requests: u64, seed: u64, mut say: impl FnMut(&Scenario, &Tally)) -> Tally {
    let mut sum = Tally::default();
    for (scenario, seed) in SCENARIOS.iter().zip(seed..) {
        let part = requests * scenario.share / 100;
        let tally = scenario.run(part, seed);
        say(scenario, &tally);
        sum.add(tally);
    }
    sum
}

/// The last line of a campaign.
#[must_use]
pub fn verdict(sum: &Tally) -> String {
    let told: u64 = sum.told.values().sum();
    format!(
        "lossy: {} requests, {} ran once, {} twice, {} never, {} wrong answers, \
         {told} more unanswered-and-told, {} by clients that died ({} of these ran, once)",
        sum.answered, sum.once, sum.twice, sum.never, sum.wrong, sum.abandoned, sum.ran_untold
    )
}
