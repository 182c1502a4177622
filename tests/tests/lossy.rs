//! A short form of the campaign that `cargo xtask lossy` runs at length.

use lastword_tests::campaign::{self, verdict};
use std::collections::BTreeMap;

/// How many requests a seed asks.
const REQUESTS: u64 = 5_000;

#[test]
fn over_lossy_lines_each_request_runs_once_and_gets_its_own_answer() {
    for seed in [1, 1_000] {
        let mut troubles = BTreeMap::new();
        let sum = campaign::run(REQUESTS, seed, |scenario, tally| {
            troubles.insert(scenario.name, tally.troubles);
            let name = scenario.name;
            assert!(
                tally.holds(),
                "seed {seed}, {name}: {:#?}",
                tally.complaints
            );
        });
        assert!(sum.answered >= REQUESTS, "seed {seed}: {}", verdict(&sum));
        // A line that does nothing proves nothing.
        let struck = sum.struck;
        for count in [
            struck.lost,
            struck.again,
            struck.late,
            struck.stalled,
            struck.bytes,
        ] {
            assert!(count * 100 > struck.writes, "seed {seed}: {struck}");
        }
        for name in [
            "a client that restarts",
            "a board that resets",
            "all that dies, whole",
        ] {
            assert!(troubles[name] > 0, "seed {seed}: {troubles:?}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_campaign() {
    let account = |seed| {
        let mut account = Vec::new();
        campaign::run(1_000, seed, |scenario, tally| {
            account.push(format!("{}: {tally}", scenario.name));
        });
        account
    };
    assert_eq!(account(7), account(7));
    assert_ne!(account(7), account(8));
}
