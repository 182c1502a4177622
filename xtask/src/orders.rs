//! The agent's concurrent edge in every order of its events.

use lastword_tests::explore::scenarios::{FEW, MANY};
use std::time::Instant;

/// Runs every scenario, and says in how many orders. An order that breaks a rule is a
/// panic with all that happened in it.
#[expect(
    clippy::disallowed_methods,
    reason = "how long it took is for a person to read"
)]
pub(crate) fn run() {
    let mut sum = 0;
    let started = Instant::now();
    for scenario in FEW.iter().chain(&MANY) {
        let came = scenario.in_every_order();
        sum += came.orders;
        println!(
            "{}: {} orders, {} ends",
            scenario.name,
            came.orders,
            came.ends.len()
        );
    }
    let took = started.elapsed().as_secs();
    println!("orders: {sum}, no rule broken, {took} s");
}
