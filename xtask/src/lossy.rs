//! Requests by the thousand over lines that lose, damage, repeat and delay them, in simulated time.

pub(crate) mod mcu;

use anyhow::{Result, ensure};
use lastword_tests::campaign::{self, MISHAPS, verdict};
use std::hash::{BuildHasher, RandomState};

/// How many requests, if nobody says.
pub(crate) const REQUESTS: u64 = 100_000;

/// Asks so many requests over lines that misbehave as `seed` says, or as chance does.
pub(crate) fn run(requests: u64, seed: Option<u64>) -> Result<()> {
    let seed = seed.unwrap_or_else(by_chance);
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

/// Puts and fetches so many objects over such a line, while power requests go over another.
pub(crate) fn objects(objects: u64, seed: Option<u64>) -> Result<()> {
    let seed = seed.unwrap_or_else(by_chance);
    println!("lossy objects: {objects}, seed {seed}");
    println!("in both directions, {MISHAPS}");
    let (tally, power) = campaign::run_objects(objects, seed);
    println!("power: {power}");
    for complaint in tally.complaints.iter().chain(&power.complaints) {
        println!("wrong: {complaint}");
    }
    println!("lossy objects: {tally}");
    println!("{}", verdict(&power));
    ensure!(
        tally.holds() && power.holds(),
        "reproduce it with `cargo xtask lossy --objects {objects} --seed {seed}`"
    );
    Ok(())
}

/// A seed that a person can type.
pub(crate) fn by_chance() -> u64 {
    RandomState::new().hash_one(()) % 1_000_000
}
