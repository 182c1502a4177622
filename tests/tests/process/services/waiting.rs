//! The host's command while a service takes its time to stop: its own waiting, and what others get meanwhile.

use super::NOBODY;
use lastword_tests::process::{Agent, Place, lastword};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::process::{Child, Command, Output, Stdio};

/// The only service of each test. It ignores the signal that asks it to stop.
const NAME: &str = "deaf";
const SCRIPT: &str = "trap '' TERM; echo up; while :; do sleep 1000; done";

/// An agent whose service runs, and takes so long to stop.
fn agent(grace: &str) -> (Place, Agent) {
    let place = Place::with_services();
    place.shell(NAME, SCRIPT, &format!("stop {{ grace \"{grace}\" }}"));
    let agent = place.start();
    agent.wait_for_line(NAME, 1);
    (place, agent)
}

fn unix(place: &Place) -> String {
    format!("unix://{}", place.path("agent.sock").display())
}

fn serial(place: &Place) -> String {
    format!("serial://{}", place.path("tty").display())
}

fn command(endpoint: &str, name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(lastword());
    command
        .args(["-u", endpoint, "--name", name])
        .args(arguments)
        .env_remove("LASTWORD_URL")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Exit code, standard output.
fn run(endpoint: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = command(endpoint, "bob@shop", arguments).output();
    said(&output.expect("the command's binary"))
}

fn said(output: &Output) -> (Option<i32>, String) {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), said)
}

/// Alice stops the service over the pseudo-terminal, and waits for that.
fn stopping(place: &Place, agent: &Agent) -> Child {
    let mut stop = command(&serial(place), "alice@desk", &["svc", "stop", NAME]);
    let alice = stop.spawn().expect("the command's binary");
    agent.wait_for_state(NAME, "stopping");
    alice
}

/// Asks for what is always answered at once, and looks whether the service is still being stopped then.
#[track_caller]
fn check_answered(agent: &Agent, endpoint: &str, more: &[&str]) {
    for (line, expected) in [
        (&["status"][..], "ok uptime_ms="),
        (&["power", "status"], "ok backend=dry-run "),
    ] {
        let (code, out) = run(endpoint, &[more, line].concat());
        assert_eq!(code, Some(0), "{line:?}: {out}");
        assert!(out.starts_with(expected), "{line:?}: {out}");
        assert_eq!(agent.service(NAME).state, "stopping", "behind {line:?}");
    }
}

#[test]
fn a_stop_is_waited_for_longer_than_a_silent_board_is_and_others_need_not_wait() {
    // Five attempts of a second are what a silent board gets.
    let (place, agent) = agent("8s");
    let alice = stopping(&place, &agent);
    check_answered(&agent, &unix(&place), &[]);
    let output = alice.wait_with_output().expect("a child");
    let expected = format!("| name={NAME} change=stopped\nok\n");
    assert_eq!(said(&output), (Some(0), expected), "{output:?}");
    assert_eq!(place.processes(), NOBODY);
}

#[test]
fn the_line_on_which_a_stop_was_asked_for_is_had_by_taking_it_over() {
    // Longer than a test waits.
    let (place, agent) = agent("1h");
    let mut alice = stopping(&place, &agent);
    let pid = i32::try_from(alice.id()).expect("a process id");
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("our own child");
    alice.wait().expect("a child");
    let (code, out) = run(&serial(&place), &["status"]);
    assert_eq!(code, Some(1), "the line is still hers: {out}");
    assert!(out.starts_with("err 409 busy"), "{out}");
    check_answered(&agent, &serial(&place), &["--take-over"]);
    let (code, out) = run(&serial(&place), &["svc", "stop", NAME, "--grace", "0s"]);
    assert_eq!(code, Some(0), "{out}");
    assert_eq!(place.processes(), NOBODY);
}

#[test]
fn text_behind_a_stop_keeps_no_client_from_the_line_and_is_refused_where_it_was_lost() {
    let (place, agent) = agent("1h");
    let mut script = agent.pty();
    script.send(format!("svc stop {NAME}\n"));
    agent.wait_for_state(NAME, "stopping");
    // More than is kept, and less than the kernel keeps.
    let lines: Vec<_> = (1..=200)
        .map(|number| format!("@{number} uptime\n"))
        .collect();
    script.send(lines.concat());
    check_answered(&agent, &serial(&place), &[]);
    let (code, out) = run(&unix(&place), &["svc", "stop", NAME, "--grace", "0s"]);
    assert_eq!(code, Some(0), "{out}");
    script.send("\n@9999 uptime\n");
    let said = script.until("ok @9999 uptime_ms=");
    let (refused, others): (Vec<_>, Vec<_>) =
        said.lines().partition(|line| line.starts_with("err "));
    assert_eq!(refused.len(), 1, "{said}");
    assert!(refused[0].contains("input was lost"), "{said}");
    let ran = others.iter().filter(|line| line.starts_with("ok @"));
    assert!(ran.count() < lines.len(), "{said}");
}

#[test]
fn a_timeout_that_is_over_while_the_board_works_says_so_and_how_long_it_takes_at_most() {
    let (place, agent) = agent("30s");
    let stop = ["--timeout", "1s", "svc", "stop", NAME];
    for endpoint in [unix(&place), serial(&place)] {
        let (code, out) = run(&endpoint, &stop);
        assert_eq!(code, Some(2), "{out}");
        let told = out.strip_prefix("err 408 timeout detail=\"still running on the board after ");
        let told = told.unwrap_or_else(|| panic!("{out}"));
        let numbers: Vec<u64> = told
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect();
        let [elapsed, left] = numbers[..] else {
            panic!("{out}");
        };
        assert!((1..=5).contains(&elapsed), "{out}");
        assert!((1..=30).contains(&left), "{out}");
        assert!(
            out.ends_with("; raise --timeout to wait for it\"\n"),
            "{out}"
        );
        assert_eq!(agent.service(NAME).state, "stopping", "the board goes on");
    }
    let (code, out) = run(&unix(&place), &[&["--json"][..], &stop].concat());
    let object: Value = serde_json::from_str(&out).expect("an object");
    let told = (code, &object["error"]["code"]);
    assert_eq!(told, (Some(2), &Value::from(408)), "{out}");
    let (code, out) = run(&unix(&place), &["svc", "stop", NAME, "--grace", "0s"]);
    assert_eq!(code, Some(0), "{out}");
}
