//! Which processes of a service hear the stop signal, and in which state they may be.

use super::NOBODY;
use lastword_tests::process::{Agent, Place};
use serde_json::json;

/// The only service of each test.
const NAME: &str = "stopped";
/// Says `bye` when it is asked to end. Its grace is longer than a test waits.
const POLITE: &str = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.02; done";
const LONG_GRACE: &str = "stop { grace \"1h\" }";

/// Stops the service and returns what it has written from its first line on.
fn stopped(place: &Place, agent: &Agent) -> Vec<String> {
    let stopped = agent.call("stop", &json!({"name": NAME}));
    assert_eq!(stopped, json!({"stopped": [NAME], "not_running": []}));
    assert_eq!(place.processes(), NOBODY);
    said(agent)
}

/// All that the service has written, without what its shell says of the `sleep` that it waited for.
fn said(agent: &Agent) -> Vec<String> {
    let mut said = agent.lines(NAME, 0, 100).texts;
    said.retain(|line| line != "Terminated");
    said
}

/// Starts a service that runs `script`, waits for its first `lines` lines and for `is_prepared`, stops it,
/// under this agent or under the next, which has adopted it, and compares all that it has written.
#[track_caller]
fn check(script: &str, rest: &str, is_prepared: impl Fn(i32) -> bool, written: &[&str]) {
    for is_adopted in [false, true] {
        let place = Place::with_services();
        place.shell(NAME, script, rest);
        let mut agent = place.start();
        agent.wait_for_line(NAME, 1);
        let pid = agent.service(NAME).pid;
        while !is_prepared(pid) {
            std::thread::yield_now();
        }
        if is_adopted {
            place.wait_until_written(pid);
            agent.kill();
            agent = place.start();
        }
        let found = stopped(&place, &agent);
        assert_eq!(found, written, "adopted: {is_adopted}, {script}");
    }
}

/// The state of a process (`/proc/PID/stat`, field 3).
fn is_stopped(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.contains(") T ")
}

#[test]
fn a_stopped_process_is_continued_so_that_it_obeys_the_stop_signal() {
    let script = POLITE.replace("echo up;", "echo up; kill -STOP $$;");
    check(&script, LONG_GRACE, is_stopped, &["up", "bye"]);
}

#[test]
fn a_stopped_stray_is_continued_too() {
    let script = format!("setsid sh -c 'kill -STOP $$' & {POLITE}");
    check(&script, LONG_GRACE, |_| true, &["up", "bye"]);
}

#[test]
fn a_stray_in_a_session_of_its_own_hears_the_stop_signal() {
    let stray = POLITE.replace('\'', "\"");
    let script = format!("setsid sh -c '{stray}' & exec sleep 1000");
    check(&script, LONG_GRACE, |_| true, &["up", "bye"]);
}

#[test]
fn what_a_service_leaves_behind_hears_the_stop_signal() {
    let place = Place::with_services();
    let stray = POLITE.replace('\'', "\"");
    let script = format!("setsid sh -c '{stray}' & until [ -e go ]; do sleep 0.01; done");
    place.shell(
        NAME,
        &script,
        &format!("restart {{ policy \"never\" }}\n{LONG_GRACE}"),
    );
    let agent = place.start();
    agent.wait_for_line(NAME, 1);
    std::fs::write(place.path("go"), "").expect("a temporary directory");
    agent.wait_for_state(NAME, "stopped");
    assert_eq!(said(&agent), ["up", "bye"]);
}

#[test]
fn every_process_hears_the_stop_signal_once() {
    let deaf = "trap \"echo told\" TERM; echo up; while :; do sleep 0.02; done";
    let script =
        format!("setsid sh -c '{deaf}' & sh -c '{deaf}' & trap : TERM; while :; do wait; done");
    let place = Place::with_services();
    place.shell(NAME, &script, "stop { grace \"500ms\" }");
    let agent = place.start();
    agent.wait_for_line(NAME, 2);
    let found = stopped(&place, &agent);
    assert_eq!(found, ["up", "up", "told", "told"]);
}
