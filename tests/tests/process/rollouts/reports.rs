//! Reports of people who use updaters of other projects, re-enacted.

use super::bench::{RolloutBench, activate, status, wait_for};
use serde_json::json;
use std::fs;

/// rauc/rauc#1554: an installation that had failed was skipped the second time, because the slot's checksum was right, and
/// reported as done.
#[test]
fn a_version_that_failed_is_not_taken_as_installed_the_second_time() {
    let hook = r#"after-switch "/bin/sh" "-c" "echo run >>PLACE/runs; [ ! -e PLACE/fails ]""#;
    let bench = RolloutBench::configured(hook);
    let agent = bench.place.start();
    let version = bench.build("1.0", "exit 0", "");
    bench.push(&version);
    bench.write("fails", "", 0o644);
    for attempt in 1..=2 {
        activate(&agent, &version);
        let ended = wait_for(&agent, "reverted");
        assert_eq!(ended["code"], json!(1), "attempt {attempt}: {ended}");
        assert_eq!(bench.current(), None, "attempt {attempt}");
        bench.refused(
            &["gen", "activate", &version.generation],
            "gen unquarantine",
        );
        bench.done(&["gen", "unquarantine", &version.generation]);
    }
    fs::remove_file(bench.path("fails")).expect("a file");
    activate(&agent, &version);
    wait_for(&agent, "converged");
    let runs = fs::read_to_string(bench.path("runs")).expect("its runs");
    assert_eq!(runs.lines().count(), 3);
}

/// rauc/rauc#926: two machines that have to change at the same time cannot be given their bundle before, because an
/// installation makes it the active one.
#[test]
fn a_version_that_was_sent_is_not_active_until_it_is_ordered() {
    let bench = RolloutBench::new();
    let mut agent = bench.place.start();
    let first = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &first);
    let second = bench.build("1.1", "exit 0", "");
    bench.push(&second);
    // Not by a restart, either.
    agent.terminate();
    let agent = bench.place.start();
    assert_eq!(bench.current(), Some(first.generation));
    assert_eq!(status(&agent)["state"], "converged");
    // The change itself needs nothing but the word.
    fs::remove_file(bench.path(&second.file)).expect("the file");
    activate(&agent, &second);
    wait_for(&agent, "converged");
    assert_eq!(bench.current(), Some(second.generation));
}

/// mendersoftware/mender#827: an update that was good was rolled back because its success could not be reported.
#[test]
fn a_good_version_whose_end_cannot_be_recorded_stays() {
    let bench = RolloutBench::new();
    let mut agent = bench.place.start();
    bench.ship(&agent, &bench.build("1.0", "exit 0", ""));
    let good = bench.build("1.1", "exit 0", "");
    bench.push(&good);
    activate(&agent, &good);
    wait_for(&agent, "soaking");
    bench.block_journal();
    for _ in 0..2 {
        agent.wait_for("not recorded");
        assert_eq!(status(&agent)["state"], "soaking");
        assert_eq!(bench.current().as_ref(), Some(&good.generation));
    }
    bench.unblock_journal();
    wait_for(&agent, "converged");
    agent.kill();
    let agent = bench.place.start();
    wait_for(&agent, "converged");
    assert_eq!(bench.current(), Some(good.generation));
}
