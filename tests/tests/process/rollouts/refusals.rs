//! Generations that are refused, put off or called off: the board runs on as it was.

use super::bench::{KEPT, RolloutBench, activate, status, told, wait_for, wait_for_detail};
use lastword_tests::process::Deadline;
use serde_json::json;
use std::fs;

#[test]
fn whatever_must_not_be_taken_is_refused_before_anything_is_sent() {
    let bench = RolloutBench::new();
    let _agent = bench.place.start();
    for (built, expected) in [
        (
            bench.build_signed("1.0", "exit 0", "", "stranger.key"),
            "signature mismatch",
        ),
        (
            bench.build("1.1", "exit 0", "compatible \"acme,gw-9\""),
            "the generation is for acme,gw-9",
        ),
        (
            bench.build("1.2", "exit 0", "architecture \"vax\""),
            "the generation is for vax",
        ),
    ] {
        bench.refused(&["-q", "gen", "push", &built.file], expected);
    }
    let listed = bench.done(&["gen", "list", "--json"]);
    assert_eq!(listed.trim(), "{\"items\":[]}");
    let stored = fs::read_dir(bench.path("generations/trees")).expect("a directory");
    assert_eq!(stored.count(), 0);
}

#[test]
fn a_lower_security_version_needs_leave_of_both() {
    for (allows, is_taken) in [("", false), ("allow-older #true;", true)] {
        let bench = RolloutBench::configured(allows);
        let agent = bench.place.start();
        // It is there before the newer one is confirmed.
        let older = bench.build("1.0", "exit 0", "");
        bench.push(&older);
        bench.ship(&agent, &bench.build("2.0", "exit 0", "security-version 2"));
        bench.refused(
            &["gen", "activate", &older.generation],
            "security-version 1, and 2 was confirmed",
        );
        let words = ["gen", "activate", &older.generation, "--allow-older"];
        if is_taken {
            bench.done(&words);
            wait_for(&agent, "converged");
        } else {
            bench.refused(&words, "security-version");
        }
    }
}

#[test]
fn a_kept_version_is_not_left_for_a_lower_security_version_or_a_revoked_key() {
    let bench = RolloutBench::configured("allow-older #true;");
    let agent = bench.place.start();
    bench.ship(&agent, &bench.build("1.0", "exit 0", ""));
    bench.ship(&agent, &bench.build("2.0", "exit 0", "security-version 2"));
    let expected = "security-version 1, and 2 was confirmed";
    bench.refused(&["gen", "rollback"], expected);
    bench.done(&["gen", "rollback", "--allow-older", "--wait"]);

    let bench = RolloutBench::new();
    let [number, release] = bench.key("release");
    let [_, stranger] = bench.key("stranger");
    let trust = format!("trust \"{release}\" \"{stranger}\";");
    bench.configure(&trust);
    let mut agent = bench.place.start();
    bench.ship(&agent, &bench.build("1.0", "exit 0", ""));
    bench.ship(
        &agent,
        &bench.build_signed("1.1", "exit 0", "", "stranger.key"),
    );
    agent.kill();
    bench.configure(&format!("{trust} revoke \"{number}\";"));
    let _agent = bench.place.start();
    bench.refused(&["gen", "rollback"], "which was revoked");
}

#[test]
fn an_incomplete_generation_a_current_one_and_a_second_rollout_are_refused() {
    let bench = RolloutBench::new();
    let agent = bench.place.start();
    let first = bench.build("1.0", "exit 0", "");
    bench.done(&["gen", "push", "-n", &first.file]);
    bench.refused(
        &["gen", "activate", &first.generation],
        "contents of it are missing",
    );
    bench.refused(&["gen", "activate", "0000"], "no generation on the board");
    bench.ship(&agent, &first);
    // An order that is given twice is carried out once.
    let again = activate(&agent, &first);
    assert_eq!(again["state"], "converged", "{again}");
    assert_eq!(told(&agent), KEPT);
    let slow = bench.build("1.1", "exit 0", "").clone();
    bench.push(&slow);
    let manual = bench.build("1.2", "exit 0", "").clone();
    bench.push(&manual);
    bench.done(&["gen", "activate", &slow.generation]);
    bench.refused(&["gen", "activate", &manual.generation], "generation ");
    wait_for(&agent, "converged");
    bench.refused(&["gen", "confirm"], "no generation soaks");
}

#[test]
fn a_local_service_of_the_same_name_is_left_alone() {
    let bench = RolloutBench::new();
    bench.write(
        "services/gateway.kdl",
        "command \"/bin/sleep\"\nargs \"1000\"\n",
        0o644,
    );
    let agent = bench.place.start();
    let pid = agent.wait_for_state("gateway", "running").pid;
    let built = bench.build("1.0", "exit 0", "");
    bench.push(&built);
    activate(&agent, &built);
    let status = wait_for(&agent, "failed");
    let detail = status["detail"].as_str().expect("a text");
    assert!(
        detail.starts_with("realise failed: services/gateway.kdl: "),
        "{detail}"
    );
    assert_eq!(agent.service("gateway").pid, pid);
    assert_eq!(bench.current(), None);
}

#[test]
fn before_switch_puts_it_off_and_after_switch_can_fail_it() {
    let bench = RolloutBench::configured(
        "before-switch \"/bin/sh\" \"-c\" \"test -e PLACE/go || { echo 1; exit 75; }\"; \
         after-switch \"/bin/sh\" \"-c\" \"test ! -e PLACE/stop || exit 9\";",
    );
    let agent = bench.place.start();
    let built = bench.build("1.0", "exit 0", "");
    bench.push(&built);
    activate(&agent, &built);
    wait_for_detail(&agent, "before-switch has put it off");
    assert_eq!(bench.current(), None);
    // It can be called off, and ordered again.
    let _ = agent.call("gen.rollback", &json!({}));
    assert_eq!(
        wait_for(&agent, "failed")["detail"],
        "called off by request"
    );
    activate(&agent, &built);
    fs::write(bench.path("go"), "").expect("a file");
    wait_for(&agent, "converged");
    fs::write(bench.path("stop"), "").expect("a file");
    let second = bench.build("1.1", "exit 0", "");
    bench.push(&second);
    activate(&agent, &second);
    // It fails on the way back, too, which it must not hold up.
    let status = wait_for(&agent, "reverted");
    assert_eq!(status["code"], 9, "{status}");
    assert_eq!(bench.current(), Some(built.generation));
}

#[test]
fn a_hook_that_hangs_before_the_switch_can_be_called_off() {
    let bench = RolloutBench::configured("before-switch \"/bin/sleep\" \"1000\";");
    let agent = bench.place.start();
    let built = bench.build("1.0", "exit 0", "");
    bench.push(&built);
    activate(&agent, &built);
    let deadline = Deadline::start();
    while !bench.run(&["gen", "rollback"]).status.success() {
        deadline.check("a call off", &status(&agent));
    }
    assert_eq!(
        wait_for(&agent, "failed")["detail"],
        "called off by request"
    );
    assert_eq!(bench.current(), None);
}

#[test]
fn a_quarantined_generation_is_refused_by_every_life_until_it_is_let_in() {
    let bench = RolloutBench::new();
    let mut agent = bench.place.start();
    let good = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &good);
    // Its check fails for as long as a file is there.
    let flag = bench.path("flag");
    fs::write(&flag, "").expect("a file");
    let bad = bench.build("2.0", &format!("test ! -e {}", flag.display()), "");
    bench.push(&bad);
    activate(&agent, &bad);
    wait_for(&agent, "reverted");
    fs::remove_file(flag).expect("a file");
    for _ in 0..2 {
        bench.refused(&["gen", "activate", &bad.generation], "gen unquarantine");
        bench.refused(&["-q", "gen", "push", &bad.file], "was rolled back here");
        assert_eq!(bench.current().as_ref(), Some(&good.generation));
        agent.kill();
        agent = bench.place.start();
    }
    bench.done(&["gen", "unquarantine", &bad.generation]);
    bench.ship(&agent, &bad);
}
