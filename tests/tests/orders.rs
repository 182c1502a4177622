//! The agent's concurrent edge in every order of its events: two peers ask, take, cancel and die
//! at once, and at most one reset comes of it, never unheard.

use lastword_tests::explore::scenarios::FEW;
use lastword_tests::explore::{Ends, Scenario};

#[track_caller]
fn check(scenario: &Scenario) {
    let Ends { orders, ends } = scenario.in_every_order();
    println!("{}: {orders} orders, {} ends", scenario.name, ends.len());
    let fires = ends.iter().any(|end| end.contains("1 fires"));
    let can = scenario.disk_refuses.is_none();
    assert_eq!(fires, can, "{}: {ends:#?}", scenario.name);
}

#[test]
fn in_every_order_at_most_one_reset_and_none_unheard_unrecorded_or_cancelled() {
    for scenario in &FEW {
        check(scenario);
    }
}

#[test]
fn the_orders_that_are_spared_end_as_others_do() {
    for scenario in [&FEW[0], &FEW[6]] {
        let spared = scenario.in_every_order();
        let unspared = scenario.in_every_order_unspared();
        println!("{} of {} orders", spared.orders, unspared.orders);
        assert_eq!(spared.ends, unspared.ends, "{}", scenario.name);
    }
}
