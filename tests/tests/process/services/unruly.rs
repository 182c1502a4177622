//! Services that make it hard to stop them, or to keep what they write.

use super::NOBODY;
use lastword_tests::process::{Agent, Deadline, Place, lastword};
use serde_json::json;
use std::fs;
use std::process::Command;

/// The only service of each test.
const NAME: &str = "unruly";
/// What a signal does not reach is killed soon.
const GRACE: &str = "stop { grace \"200ms\" }";

/// Starts a service of which so many processes run once it has written a line, stops it, and looks
/// whether anything is left; twice, because a kill must not keep it from starting again.
#[track_caller]
fn check(script: &str, rest: &str, processes: usize) {
    let place = Place::with_services();
    place.shell(NAME, script, &format!("{rest}\nautostart #false"));
    let agent = place.start();
    for round in 1..=2 {
        let _ = agent.call("start", &json!({"name": NAME}));
        agent.wait_for_line(NAME, round);
        wait_for_processes(&place, processes);
        stop(&agent);
        assert_eq!(place.processes(), NOBODY, "of {script}");
        let shown = agent.service(NAME);
        assert_eq!((&*shown.state, shown.restarts), ("stopped", 0), "{script}");
    }
}

fn wait_for_processes(place: &Place, count: usize) {
    let deadline = Deadline::start();
    loop {
        let processes = place.processes();
        if processes.len() == count {
            return;
        }
        deadline.check(&format!("{count} processes"), &processes);
    }
}

fn stop(agent: &Agent) {
    let stopped = agent.call("stop", &json!({"name": NAME}));
    assert_eq!(stopped, json!({"stopped": [NAME], "not_running": []}));
}

#[test]
fn what_a_service_forks_is_gone_when_it_is_stopped() {
    check("sleep 1000 & sleep 1000 & echo up; wait", "", 3);
}

#[test]
fn what_leaves_group_and_session_by_forking_twice_is_gone_when_it_is_stopped() {
    let daemon = "setsid sh -c 'setsid sleep 1000 & echo up'; exec sleep 1000";
    check(daemon, GRACE, 2);
}

#[test]
fn what_ignores_the_signal_is_killed_when_the_grace_is_over() {
    let deaf = "trap '' TERM; echo up; while :; do sleep 1000; done";
    check(deaf, GRACE, 2);
    let deaf_child = "sh -c \"trap '' TERM; sleep 1000 & echo up; wait\" & wait";
    check(deaf_child, GRACE, 3);
}

#[test]
fn what_a_service_leaves_behind_when_it_ends_by_itself_is_ended_too() {
    let place = Place::with_services();
    let script = "setsid sleep 1000 & echo up; until [ -e go ]; do sleep 0.01; done";
    place.shell(NAME, script, "restart { policy \"never\" }");
    let agent = place.start();
    agent.wait_for_line(NAME, 1);
    assert!(!place.processes().is_empty());
    fs::write(place.path("go"), "").unwrap();
    agent.wait_for_state(NAME, "stopped");
    assert_eq!(place.processes(), NOBODY);
}

/// Has a service run a script that ends with `done` being there, stops it, and returns what is in
/// its log.
#[track_caller]
fn logged(place: &Place, script: &str) -> Vec<u8> {
    let script = format!("{script}; : > done; exec sleep 1000");
    place.shell(NAME, &script, "log { max-size \"100KiB\"; keep 100 }");
    let agent = place.start();
    let deadline = Deadline::start();
    while !place.path("done").exists() {
        deadline.check("end of what it writes", &agent.service(NAME));
    }
    stop(&agent);
    assert_eq!(place.processes(), NOBODY);
    place.logged(NAME)
}

#[test]
fn what_has_no_newline_is_logged_whole() {
    let place = Place::with_services();
    let logged = logged(&place, "head -c 1000000 /dev/zero | tr '\\0' x");
    let text = logged.strip_suffix(b"\n").unwrap_or(&logged);
    assert_eq!(text.len(), 1_000_000);
    assert!(text.iter().all(|byte| *byte == b'x'));
}

#[test]
fn what_is_no_text_is_logged_byte_for_byte() {
    let place = Place::with_services();
    let logged = logged(&place, "head -c 1000000 /dev/urandom | tee written");
    let mut written = fs::read(place.path("written")).unwrap();
    if logged.len() > written.len() {
        // A last line that is not whole is ended.
        written.push(b'\n');
    }
    assert!(logged == written, "{} of {}", logged.len(), written.len());
}

#[test]
fn a_service_that_writes_as_fast_as_it_can_is_stopped_and_nothing_is_lost() {
    const LINES: u64 = 1_000_000;
    let place = Place::with_services();
    let rest = "log { max-size \"1MiB\"; keep 10 }";
    place.shell(NAME, "exec seq 1 1000000000000", rest);
    let agent = place.start();
    agent.wait_for_line(NAME, LINES);
    stop(&agent);
    assert_eq!(place.processes(), NOBODY);
    let logged = String::from_utf8(place.logged(NAME)).unwrap();
    let mut lines: Vec<&str> = logged.lines().collect();
    // The last may have been cut short by the signal.
    lines.pop();
    let numbers: Vec<u64> = lines.iter().map(|line| line.parse().unwrap()).collect();
    assert!(numbers.is_sorted_by(|one, next| one + 1 == *next));
    assert!(numbers.last().is_some_and(|last| *last >= LINES - 1));
}

#[test]
fn a_service_that_is_deaf_to_term_is_killed_at_once_if_asked_so() {
    let place = Place::with_services();
    let deaf = "trap '' TERM; echo up; while :; do sleep 1000; done";
    // Longer than a test waits.
    place.shell(
        NAME,
        deaf,
        "stop { grace \"1h\"; hook \"exec sleep 1000\" }",
    );
    let agent = place.start();
    agent.wait_for_line(NAME, 1);
    let before = agent.service(NAME);
    let mut script = agent.unix();
    let row = script.ask(&format!("svc restart {NAME} --grace 100ms"));
    assert_eq!(row, format!("| name={NAME} change=restarted"));
    assert_eq!(script.line(), "ok");
    let after = agent.wait_for_state(NAME, "running");
    assert_ne!(after.pid, before.pid);
    let output = Command::new(lastword())
        .args(["-u", &format!("unix://{}", agent.socket().display())])
        .args(["svc", "restart", NAME, "--grace=0s"])
        .output()
        .expect("the binary");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, format!("| name={NAME} change=restarted\nok\n"));
    let params = json!({"name": NAME, "grace": "0s"});
    let stopped = agent.call("stop", &params);
    assert_eq!(stopped, json!({"stopped": [NAME], "not_running": []}));
    assert_eq!(place.processes(), NOBODY);
}

#[test]
fn the_hosts_command_waits_as_long_as_a_service_takes_to_stop() {
    let place = Place::with_services();
    let deaf = "trap '' TERM; echo up; while :; do sleep 1000; done";
    // Longer than a board may be silent otherwise.
    place.shell(NAME, deaf, "stop { grace \"6s\" }");
    let agent = place.start();
    agent.wait_for_line(NAME, 1);
    let output = Command::new(lastword())
        .args(["-u", &format!("unix://{}", agent.socket().display())])
        .args(["svc", "stop", NAME])
        .output()
        .expect("the binary");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, format!("| name={NAME} change=stopped\nok\n"));
    assert_eq!(place.processes(), NOBODY);
}
