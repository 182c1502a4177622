//! The power fails at every operation of what the agent keeps durable.

use lastword_tests::storage::{self, SHORT_EFFORT, StorageEffort, StorageReport};

#[track_caller]
fn check(report: &StorageReport) {
    println!("{report}");
    assert!(report.holds(), "{}", report.complaints.join("\n"));
}

#[test]
fn a_cut_at_any_operation_leaves_what_was_acknowledged_or_was_being_written() {
    check(&storage::run(1, SHORT_EFFORT, |name, tally| {
        assert!(tally.states > 1000, "{name}: {tally} {:?}", tally.violation);
    }));
}

#[test]
fn a_sync_or_rename_that_is_left_out_is_found_out_wherever_it_is() {
    let report = storage::run_mutants(1, SHORT_EFFORT, |name, fate| {
        println!("{name}: {fate:?}");
    });
    check(&report.expect("the source is there"));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let effort = StorageEffort {
        mixtures: 3,
        later_cuts: 1,
    };
    let run = |seed| storage::run_first(seed, effort).to_string();
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}
