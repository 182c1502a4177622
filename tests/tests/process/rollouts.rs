//! Generations on a board: moved by the real command, activated, kept and put back by the real agent.

mod bench;
mod carrying;
mod interruptions;
mod refusals;
mod reports;
mod terminations;

use bench::{KEPT, RolloutBench, activate, status, told, wait_for};
use lastword_tests::process::{Deadline, lastword};
use lastword_tests::transcript::{self, TranscriptDesk};
use serde_json::{Value, json};
use std::fs;

#[test]
fn a_version_is_shipped_and_the_next_one_moves_as_a_difference() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    let first = bench.build("1.0", "exit 0", "");
    let pushed = bench.push(&first);
    assert_eq!(
        (&pushed["deltas"], &pushed["whole"]),
        (&json!(0), &json!(5))
    );
    let answer = activate(&agent, &first);
    assert_eq!(
        (&answer["target"], &answer["attempts"]),
        (&json!(first.generation), &json!(1))
    );
    wait_for(&agent, "converged");
    assert_eq!(told(&agent), KEPT);
    agent.wait_for_state("gateway", "running");
    let second = bench.build("1.1", "exit 0", "");
    let dry = bench.done(&["-q", "gen", "push", "-n", &second.file, "--json"]);
    let dry: Value = serde_json::from_str(&dry).expect("JSON");
    let pushed = bench.push(&second);
    assert_eq!(
        (&dry["sent_bytes"], &dry["deltas"]),
        (&pushed["sent_bytes"], &pushed["deltas"])
    );
    // The program differs, and everything else is there.
    assert_eq!(
        (&pushed["deltas"], &pushed["whole"]),
        (&json!(1), &json!(0))
    );
    let bytes = |key: &str| pushed[key].as_u64().expect("a number");
    assert!(bytes("sent_bytes") < bytes("whole_bytes"), "{pushed}");
    let again = bench.push(&second);
    assert_eq!((&again["deltas"], &again["whole"]), (&json!(0), &json!(0)));
    activate(&agent, &second);
    wait_for(&agent, "converged");
    assert_eq!(bench.current(), Some(second.generation.clone()));
    // It runs the new program, of the new tree.
    agent.wait_for_state("gateway", "running");
    let listed = agent.call("gen.list", &json!({}));
    let roles: Vec<_> = listed
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["role"])
        .collect();
    assert_eq!(roles, ["current", "previous"]);
    // And back, because somebody wants it.
    let _ = agent.call("gen.rollback", &json!({}));
    wait_for(&agent, "reverted");
    assert_eq!(bench.current(), Some(first.generation));
    bench.refused(&["gen", "activate", &second.generation], "gen unquarantine");
    bench.done(&["gen", "unquarantine", &second.generation[..4]]);
    bench.ship(&agent, &second);
}

#[test]
fn a_version_that_fails_its_checks_is_put_back() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    let good = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &good);
    let bad = bench.build("2.0", "exit 7", "");
    bench.push(&bad);
    activate(&agent, &bad);
    let status = wait_for(&agent, "reverted");
    assert_eq!(
        (&status["code"], &status["detail"]),
        (&json!(-4), &json!("soak failed: self"))
    );
    let steps = [
        "activation-started",
        "activation-completed 0",
        "activation-failed -4",
        "rollback-completed 0",
    ];
    assert_eq!(told(&agent)[KEPT.len()..], steps);
    assert_eq!(bench.current(), Some(good.generation));
    agent.wait_for_state("gateway", "running");
    // On a board that had none, it is put back to none.
    let empty = RolloutBench::new();
    let agent = empty.place.start();
    let bad = empty.build("2.0", "exit 7", "");
    empty.push(&bad);
    activate(&agent, &bad);
    wait_for(&agent, "reverted");
    assert_eq!(empty.current(), None);
    // Its service ends behind that.
    let deadline = Deadline::start();
    while !agent.services().is_empty() {
        deadline.check("end of its service", &agent.services());
    }
}

/// The variable that keeps every switch from happening.
const TEST_MODE: &str = "LASTWORDD_ACTIVATION_TEST_MODE";

/// A system like NixOS, of stand-in programs: a profile, a running system, and exit codes as the real ones have them.
const NIX_LIKE: &str = r#"commands {
    set "/bin/sh" "-c" "cp \"$LASTWORD_TREE/system\" PLACE/profile"
    switch "/bin/sh" "-c" "code=$(cat PLACE/code); [ $code = 100 ] || cp PLACE/profile PLACE/running; exit $code"
    verify "/bin/sh" "-c" "for tree in $LASTWORD_TREES/*; do cmp -s $tree/system PLACE/running && basename $tree; done; true"
    rollback "/bin/sh" "-c" "cp \"$LASTWORD_TREE/system\" PLACE/profile; cp PLACE/profile PLACE/running"
    deferred 100
}"#;

#[test]
fn programs_switch_in_place_of_the_agent_with_the_exit_codes_of_a_nix_like_system() {
    let bench = RolloutBench::configured(NIX_LIKE);
    let check = "check \"none\" { exec \"bin/self-test\"; interval \"100ms\"; }";
    let build = |version: &str| {
        bench.write("tree/system", &format!("system {version}\n"), 0o644);
        bench.build_without_services(version, check)
    };
    let mut agent = bench.place.start();
    bench.write("code", "0", 0o644);
    let [first, second, third] = ["1.0", "1.1", "1.2"].map(build);
    for built in [&first, &second, &third] {
        bench.push(built);
    }
    let running = || fs::read_to_string(bench.path("running")).unwrap_or_default();
    activate(&agent, &first);
    wait_for(&agent, "converged");
    assert_eq!(running(), "system 1.0\n");
    // 4: units have failed, behind the switch.
    bench.write("code", "4", 0o644);
    activate(&agent, &second);
    let status = wait_for(&agent, "reverted");
    assert_eq!(
        (&status["code"], &status["detail"]),
        (&json!(4), &json!("switch failed at phase switch"))
    );
    assert_eq!(running(), "system 1.0\n");
    // 100: the new init takes effect at the next boot.
    bench.write("code", "100", 0o644);
    activate(&agent, &third);
    wait_for(&agent, "deferred");
    assert_eq!(running(), "system 1.0\n");
    agent.kill();
    let agent = bench.place.start();
    wait_for(&agent, "deferred");
    let _ = agent.call("gen.rollback", &json!({}));
    wait_for(&agent, "reverted");
    let methods = agent.call("events", &json!({"topics": ["rollouts"]}));
    assert!(!methods.to_string().contains("symlink"), "{methods}");
    assert_eq!(bench.current(), None, "the agent has moved a link");
}

/// Orders a version in test mode, and puts it back.
#[track_caller]
fn check_test_mode(variable: &str) {
    let bench = RolloutBench::new();
    let agent = bench.place.start_with(&[(TEST_MODE, variable)]);
    let built = bench.build("1.0", "exit 7", "");
    bench.push(&built);
    activate(&agent, &built);
    let status = wait_for(&agent, "soaking");
    assert_eq!(status["test"], "yes");
    assert_eq!(told(&agent), KEPT[..2]);
    assert_eq!(bench.current(), None);
    let _ = agent.call("gen.rollback", &json!({}));
    wait_for(&agent, "reverted");
    assert_eq!(told(&agent)[2..], ["rollback-completed 0"]);
    assert_eq!(bench.current(), None);
}

#[test]
fn in_test_mode_nothing_is_switched() {
    check_test_mode("1");
}

#[test]
fn in_test_mode_an_empty_variable_counts() {
    check_test_mode("");
}

#[test]
fn in_test_mode_a_variable_that_is_set_between_two_orders_counts_for_the_second() {
    let bench = RolloutBench::new();
    let mut agent = bench.place.start();
    let first = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &first);
    let second = bench.build("1.1", "exit 0", "");
    bench.push(&second);
    agent.terminate();
    let mut agent = bench.place.start_with(&[(TEST_MODE, "")]);
    activate(&agent, &second);
    assert_eq!(wait_for(&agent, "soaking")["test"], "yes");
    assert_eq!(told(&agent), KEPT[..2]);
    assert_eq!(bench.current().as_ref(), Some(&first.generation));
    // Without the variable it stays a test, and an order behind it is none.
    agent.terminate();
    let agent = bench.place.start();
    let _ = agent.call("gen.rollback", &json!({}));
    wait_for(&agent, "reverted");
    assert_eq!(told(&agent), ["rollback-completed 0"]);
    assert_eq!(bench.current().as_ref(), Some(&first.generation));
    bench.ship(&agent, &second);
    assert_eq!(told(&agent)[1..], KEPT);
}

#[test]
fn a_component_that_needs_a_reboot_waits_for_it_and_a_reboot_can_be_had() {
    let bench = RolloutBench::new();
    let mut agent = bench.place.start();
    let component = "reboot-component \"kernel\" \"boot\"";
    let first = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &first);
    // The same kernel needs none.
    let same = bench.build("1.1", "exit 0", component);
    bench.ship(&agent, &same);
    let other = bench.build("2.0", "exit 0", component);
    bench.push(&other);
    activate(&agent, &other);
    let status = wait_for(&agent, "deferred");
    assert_eq!(status["detail"], "kernel needs a reboot");
    assert_eq!(bench.current(), Some(other.generation.clone()));
    // It is no reboot that the agent starts anew, and the services wait for one.
    let pid = agent.service("gateway").pid;
    agent.kill();
    let agent = bench.place.start();
    let _ = agent.call("svc.reload", &json!({}));
    assert_eq!(agent.service("gateway").pid, pid);
    assert_eq!(
        wait_for(&agent, "deferred")["detail"],
        "kernel needs a reboot"
    );
    let _ = agent.call("gen.rollback", &json!({}));
    wait_for(&agent, "reverted");
    assert_eq!(bench.current(), Some(same.generation));
    bench.done(&["gen", "unquarantine", &other.generation]);
    bench.done(&["gen", "activate", &other.generation, "--reboot"]);
    let deadline = Deadline::start();
    let power = loop {
        let events = agent.call("events", &json!({"topics": ["power"]}));
        let last = events
            .as_array()
            .and_then(|it| it.last())
            .cloned()
            .unwrap_or_default();
        if last["step"] == "dry_run" {
            break last;
        }
        deadline.check("a dry run", &events);
    };
    assert_eq!(power["operation"], "graceful_reboot");
}

#[test]
fn what_was_damaged_on_the_board_is_sent_again() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    let first = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &first);
    let tree = format!("generations/trees/{}", first.generation);
    // A file that the next version has, too, and the base of one that differs.
    fs::remove_file(bench.path(&format!("{tree}/share/text"))).expect("a file");
    let program = bench.path(&format!("{tree}/bin/gateway"));
    let mut bytes = fs::read(&program).expect("a program");
    *bytes.last_mut().expect("a byte") ^= 1;
    fs::write(&program, bytes).expect("a program");
    let second = bench.build("1.1", "exit 0", "");
    let pushed = bench.push(&second);
    assert_eq!(pushed["whole"], 1, "the base is no base any more: {pushed}");
    activate(&agent, &second);
    let status = wait_for(&agent, "failed");
    let detail = status["detail"].as_str().expect("a text");
    assert!(detail.contains("share/text: its content"), "{detail}");
    let pushed = bench.push(&second);
    assert_eq!(pushed["whole"], 1, "{pushed}");
    bench.ship(&agent, &second);
}

#[test]
fn what_was_tried_in_vain_leaves_the_way_back() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    let first = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &first);
    bench.ship(&agent, &bench.build("1.1", "exit 0", ""));
    let bad = bench.build("1.2", "exit 7", "");
    bench.push(&bad);
    activate(&agent, &bad);
    wait_for(&agent, "reverted");
    bench.done(&["gen", "prune"]);
    bench.done(&["gen", "rollback"]);
    wait_for(&agent, "reverted");
    let deadline = Deadline::start();
    while bench.current().as_ref() != Some(&first.generation) {
        deadline.check("the first version", &status(&agent));
    }
    bench.refused(&["gen", "rollback"], "there is nothing to go back to");
}

#[test]
fn nothing_that_is_ordered_is_pruned() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    bench.ship(&agent, &bench.build("1.0", "exit 0", ""));
    let second = bench.build("1.1", "exit 0", "");
    bench.push(&second);
    activate(&agent, &second);
    bench.done(&["gen", "prune"]);
    wait_for(&agent, "converged");
    bench.done(&["gen", "prune"]);
    let listed = agent.call("gen.list", &json!({}));
    assert_eq!(listed.as_array().expect("a list").len(), 2, "{listed}");
}

#[test]
fn what_a_generation_shares_with_a_pruned_one_stays() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    bench.ship(&agent, &bench.build("1.0", "exit 0", ""));
    let bad = bench.build("1.1", "exit 7", "");
    bench.push(&bad);
    activate(&agent, &bad);
    wait_for(&agent, "reverted");
    // Its self-test is the tree's that goes.
    let alike = bench.build("1.2", "exit 7", "");
    bench.push(&alike);
    let pruned = bench.done(&["gen", "prune", "--keep", "1"]);
    assert!(pruned.contains(&bad.generation[..8]), "{pruned}");
    activate(&agent, &alike);
    wait_for(&agent, "reverted");
}

#[test]
fn the_readme_ships_a_version_and_a_bad_one_puts_itself_back() {
    let bench = RolloutBench::new();
    let _agent = bench.place.start();
    let lastword = lastword();
    transcript::ship_a_version(TranscriptDesk {
        directory: &bench.path(""),
        programs: lastword.parent().expect("a directory"),
        url: &format!("unix://{}", bench.path("agent.sock").display()),
    });
}

#[test]
fn whoever_waits_learns_how_it_ended() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    let good = bench.build("1.0", "exit 0", "");
    bench.push(&good);
    bench.failed(&["gen", "status", "--wait"], 1, "ok");
    let told = bench.done(&["gen", "activate", &good.generation, "--wait"]);
    assert!(told.contains("state=converged"), "{told}");
    let bad = bench.build("1.1", "exit 7", "");
    bench.push(&bad);
    bench.failed(
        &["gen", "activate", &bad.generation, "--wait"],
        1,
        "state=reverted",
    );
    let words = ["gen", "activate", &bad.generation, "--wait"];
    bench.failed(&words, 1, "quarantine");
    bench.failed(&["gen", "list", "--wait"], 3, "--wait goes with");
    let long = bench.build_soaking("1.2", "soak \"1h\"");
    bench.push(&long);
    let words = [
        "--timeout",
        "1s",
        "gen",
        "activate",
        &long.generation,
        "--wait",
    ];
    bench.failed(&words, 1, "it goes on");
    wait_for(&agent, "soaking");
    let told = bench.done(&["gen", "rollback", "--wait"]);
    assert!(told.contains("state=reverted"), "{told}");
    let events = agent.call("events", &json!({"topics": ["checks"]}));
    let failures: Vec<_> = (events.as_array().expect("events").iter())
        .filter(|event| event["check"] == "self" && event["result"] == "failed")
        .map(|event| event["failures"].as_u64())
        .collect();
    assert_eq!(failures, [Some(1), Some(2)], "{events}");
}

#[test]
fn in_test_mode_what_is_kept_is_not_left() {
    let bench = RolloutBench::new();
    let mut agent = bench.place.start();
    bench.ship(&agent, &bench.build("1.0", "exit 0", ""));
    let kept = bench.build("1.1", "exit 0", "");
    bench.ship(&agent, &kept);
    agent.terminate();
    let mut agent = bench.place.start_with(&[(TEST_MODE, "")]);
    let tried = bench.build("1.2", "exit 0", "security-version 5");
    bench.push(&tried);
    activate(&agent, &tried);
    wait_for(&agent, "soaking");
    bench.done(&["gen", "confirm"]);
    wait_for(&agent, "converged");
    // Of the test, and of what was kept before it.
    bench.done(&["gen", "rollback"]);
    assert_eq!(wait_for(&agent, "reverted")["test"], "yes");
    assert_eq!(bench.current().as_ref(), Some(&kept.generation));
    agent.terminate();
    let agent = bench.place.start();
    assert_eq!(bench.current().as_ref(), Some(&kept.generation));
    bench.push(&bench.build("1.3", "exit 0", "security-version 4"));
    bench.done(&["gen", "rollback", "--wait"]);
    assert_ne!(bench.current().as_ref(), Some(&kept.generation));
    agent.wait_for_state("gateway", "running");
}
