//! `lastwordd down`: nothing runs any more when it says so, whatever has become of the agent.

use super::NOBODY;
use lastword_tests::process::Place;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::process::{Output, Stdio};

fn said(output: &Output) -> String {
    let all = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&all).into_owned()
}

/// A place with one service that runs, its agent, and the service's process.
fn one_service() -> (Place, lastword_tests::process::Agent, i32) {
    let place = Place::with_services();
    place.shell("stays", "exec sleep 1000", "");
    let agent = place.start();
    let pid = agent.wait_for_state("stays", "running").pid;
    place.wait_until_written(pid);
    (place, agent, pid)
}

#[test]
fn an_agent_that_is_killed_while_it_is_told_to_end_leaves_nothing() {
    let place = Place::with_services();
    // It takes the agent a while to end.
    let obstinate = "trap '' TERM; while :; do sleep 1; done";
    place.shell("stays", obstinate, "stop { grace \"3s\" }");
    let mut agent = place.start();
    let pid = agent.wait_for_state("stays", "running").pid;
    place.wait_until_written(pid);
    let mut command = place.command("down");
    let down = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let down = down.spawn().expect("the binary");
    agent.wait_for("signal=\"SIGINT\"");
    agent.kill();
    let output = down.wait_with_output().expect("our own child");
    let said = said(&output);
    assert_eq!(place.processes(), NOBODY, "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("without stopping its services; 1 that it had left"),
        "{said}"
    );
}

#[test]
fn a_stopped_agent_goes_on_to_end_with_its_services() {
    let (place, mut agent, _) = one_service();
    agent.signal(Signal::SIGSTOP);
    let output = place.run_to_end("down");
    let said = said(&output);
    assert_eq!(agent.exit().code(), Some(0), "{said}");
    assert_eq!(place.processes(), NOBODY, "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
}

#[test]
fn what_runs_without_a_record_is_found_and_stopped() {
    let (place, mut agent, _) = one_service();
    agent.kill();
    fs::remove_file(place.path("state/state.json")).expect("a state");
    let output = place.run_to_end("down");
    let said = said(&output);
    assert_eq!(place.processes(), NOBODY, "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("1 services that it had left are stopped"),
        "{said}"
    );
}

#[test]
fn what_runs_without_a_state_directory_is_found_and_stopped() {
    let (place, mut agent, _) = one_service();
    agent.kill();
    fs::remove_dir_all(place.path("state")).expect("a state");
    let output = place.run_to_end("down");
    let said = said(&output);
    assert_eq!(place.processes(), NOBODY, "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("1 services that it had left are stopped"),
        "{said}"
    );
}

#[test]
fn an_agent_that_ends_in_peace_is_said_to_have() {
    let (place, mut agent, _) = one_service();
    let output = place.run_to_end("down");
    let said = said(&output);
    assert_eq!(agent.exit().code(), Some(0), "{said}");
    assert_eq!(place.processes(), NOBODY, "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("has ended with all of its services"),
        "{said}"
    );
}

#[test]
fn another_agents_services_are_not_touched_nor_adopted() {
    let (_place, agent, pid) = one_service();
    let other = Place::with_services();
    other.shell("stays", "exec sleep 1000", "");
    let mut second = other.start();
    let theirs = second.wait_for_state("stays", "running").pid;
    assert_ne!(theirs, pid);
    second.kill();
    fs::remove_dir_all(other.path("state")).expect("a state");
    let output = other.run_to_end("down");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(other.processes(), NOBODY);
    assert_eq!(agent.service("stays").pid, pid);
    assert!(kill(Pid::from_raw(pid), None).is_ok());
}
