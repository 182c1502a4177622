//! Requests by the thousand over lines that lose, damage, repeat and delay them, in simulated time.

use anyhow::{Result, ensure};
use lastword_tests::campaign::{self, MISHAPS, verdict};
use std::hash::{BuildHasher, RandomState};

/// Asks so many requests over lines that misbehave as `seed` says, or as chance does.
pub(crate) fn run(requests: u64, seed: Option<u64>) -> Result<()> {
    // Seeds that a person can type.
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(()) % 1_000_000);
    println!("lossy: {requests} requests, seed {seed}");
    println!("in both directions, {MISHAPS}");
    let sum = campaign::run(requests, seed, |scenario, tally| {
        println!("{}: {tally}", scenario.name);
    });
    for complaint in &sum.complaints {
        println!("wrong: {complaint}");
    }
    println!("{}", verdict(&sum));
    ensure!(
        sum.holds(),
        "reproduce it with `cargo xtask lossy --requests {requests} --seed {seed}`"
    );
    Ok(())
}
