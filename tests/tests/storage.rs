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
fn a_tree_is_there_whole_and_the_link_leads_to_it_whenever_the_power_fails() {
    check(&storage::run_trees());
}

#[test]
fn a_sync_or_rename_of_a_tree_or_of_the_link_that_is_left_out_is_found_out() {
    let report = storage::run_tree_mutants(|name, fate| {
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
