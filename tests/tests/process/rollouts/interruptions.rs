//! Rollouts whose agent dies, whose disk fails or whose trees and pointer somebody else changes on the way.

use super::bench::{RolloutBench, activate, status, wait_for, wait_for_detail};
use lastword_agent::edge::failpoint;
use lastword_tests::process::Deadline;
use serde_json::json;
use std::fs;

#[test]
fn a_tree_that_was_changed_is_built_anew_before_it_is_gone_back_to() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    let first = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &first);
    let bad = bench.build("2.0", "sleep 0.5; exit 7", "");
    bench.push(&bad);
    activate(&agent, &bad);
    wait_for(&agent, "soaking");
    let program = format!("generations/trees/{}/bin/gateway", first.generation);
    fs::remove_file(bench.path(&program)).expect("the program");
    // Nothing has its content any more: it is not gone back to.
    let status = wait_for_detail(&agent, "rollback pipeline error");
    assert_eq!(
        (&status["state"], &status["code"]),
        (&json!("rolling-back"), &json!(-1))
    );
    assert_eq!(bench.current(), Some(bad.generation));
}

#[test]
fn an_end_that_cannot_be_recorded_is_told_and_recorded_later() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    let first = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &first);
    let bad = bench.build("2.0", "sleep 1; exit 7", "");
    bench.push(&bad);
    activate(&agent, &bad);
    wait_for(&agent, "soaking");
    bench.block_journal();
    wait_for(&agent, "reverted");
    assert_eq!(bench.current(), Some(first.generation.clone()));
    bench.unblock_journal();
    let mut agent = agent;
    agent.wait_for("recorded now");
    agent.kill();
    let agent = bench.place.start();
    assert_eq!(status(&agent)["state"], "reverted");
    assert_eq!(bench.current(), Some(first.generation));
}

#[test]
fn a_version_that_is_interrupted_again_and_again_is_put_back() {
    let bench = RolloutBench::new();
    let mut agent = bench.place.start();
    let first = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &first);
    let long = bench.build_soaking("1.1", "soak \"1m\"");
    bench.push(&long);
    activate(&agent, &long);
    let begun = wait_for(&agent, "soaking")["soak_left_ms"].as_u64();
    for _ in 0..10 {
        agent.kill();
        agent = bench.place.start();
        let status = status(&agent);
        assert_eq!(status["state"], "soaking", "{status}");
    }
    let left = status(&agent)["soak_left_ms"].as_u64();
    assert!(left < begun, "{left:?} of {begun:?}");
    agent.kill();
    let agent = bench.place.start();
    let status = wait_for(&agent, "reverted");
    assert_eq!(status["detail"], "soak failed: interrupted 11 times");
    assert_eq!(bench.current(), Some(first.generation));
}

#[test]
fn a_pointer_that_somebody_else_moves_is_told() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    bench.ship(&agent, &bench.build("1.0", "exit 0", ""));
    fs::remove_file(bench.path("generations/current")).expect("the link");
    let status = status(&agent);
    let detail = status["detail"].as_str().expect("a text");
    assert!(detail.starts_with("but the board runs none"), "{status}");
}

/// Kills the agent at each point of a rollout, again and again, and lets the next one go on.
fn kill_everywhere(self_test: &str, end: &str) {
    for point in failpoint::IN_ROLLOUTS {
        for count in 1..=4 {
            let bench = RolloutBench::new();
            let mut agent = bench.place.start();
            let first = bench.build("1.0", "exit 0", "");
            bench.ship(&agent, &first);
            agent.terminate();
            let second = bench.build("2.0", self_test, "");
            let mut dying = bench.place.start_to_die(&format!("{point}:{count}"));
            dying.wait_for(" ready ");
            bench.push(&second);
            let answer = bench.run(&["gen", "activate", &second.generation]);
            let told = format!("{point}:{count}");
            let deadline = Deadline::start();
            let is_dead = loop {
                if dying.has_exited() {
                    break true;
                }
                if bench.state().as_deref() == Some(end) {
                    break false;
                }
                deadline.check(end, &told);
            };
            if !is_dead {
                // There are no more of these points on the way.
                break;
            }
            let agent = bench.place.start();
            if status(&agent)["target"] == first.generation {
                // It was never recorded, so whoever ordered it has no answer.
                assert!(!answer.status.success(), "{told}");
                activate(&agent, &second);
            }
            let ended = wait_for(&agent, end);
            let expected = if end == "converged" { &second } else { &first };
            assert_eq!(ended["target"], second.generation, "{told}");
            assert_eq!(bench.current(), Some(expected.generation.clone()), "{told}");
            assert!(ended["attempts"].as_u64() <= Some(2), "{told}: {ended}");
            agent.wait_for_state("gateway", "running");
            let deadline = Deadline::start();
            while bench.place.processes().len() != 1 {
                deadline.check("one process", &told);
            }
        }
    }
}

#[test]
fn an_agent_killed_anywhere_in_an_activation_completes_it() {
    kill_everywhere("exit 0", "converged");
}

#[test]
fn an_agent_killed_anywhere_in_a_rollback_completes_that() {
    kill_everywhere("exit 7", "reverted");
}
