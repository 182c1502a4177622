//! What becomes of services when their agent ends, and when another wants its place.

use super::NOBODY;
use lastword_tests::process::{Agent, Place};
use nix::sys::signal::Signal;
use serde_json::json;

/// One service that is to stay and one that is not, and the agent that has started them.
fn two_services() -> (Place, Agent) {
    let place = Place::with_services();
    place.shell("stays", "exec sleep 1000", "on-agent-exit \"adopt\"");
    place.shell("goes", "exec sleep 1000", "");
    let agent = place.start();
    for name in ["goes", "stays"] {
        agent.wait_for_state(name, "running");
    }
    (place, agent)
}

#[test]
fn sigterm_leaves_running_what_is_to_be_adopted_and_stops_the_others() {
    let (place, mut agent) = two_services();
    let (stays, goes) = (agent.service("stays"), agent.service("goes"));
    assert_eq!(agent.terminate(), Some(0), "{}", agent.log());
    assert_eq!(place.processes(), [stays.pid]);
    let next = place.start();
    assert_eq!(next.service("stays"), stays);
    let new = next.wait_for_state("goes", "running");
    assert_ne!(new.pid, goes.pid);
    assert_eq!(new.restarts, 0);
}

#[test]
fn sigint_stops_every_service() {
    let (place, mut agent) = two_services();
    agent.signal(Signal::SIGINT);
    assert_eq!(agent.exit().code(), Some(0), "{}", agent.log());
    assert_eq!(place.processes(), NOBODY);
}

#[test]
fn sigint_stops_what_was_adopted_too() {
    let (place, mut agent) = two_services();
    agent.kill();
    let mut next = place.start();
    next.signal(Signal::SIGINT);
    assert_eq!(next.exit().code(), Some(0), "{}", next.log());
    assert_eq!(place.processes(), NOBODY);
}

#[test]
fn an_agent_that_is_turned_away_touches_neither_services_nor_socket() {
    let (place, agent) = two_services();
    let before = agent.services();
    assert_eq!(place.run_to_end("run").status.code(), Some(1));
    assert!(place.path("agent.sock").exists());
    assert_eq!(agent.services(), before);
    assert_eq!(place.processes().len(), 2);
}

#[test]
fn a_service_that_ended_while_no_agent_was_there_follows_its_policy() {
    let place = Place::with_services();
    place.shell("asked", "exec sleep 1000", "autostart #false");
    let never = "restart { policy \"never\" }";
    place.shell("once", "exec sleep 1000", never);
    let mut agent = place.start();
    let started = agent.call("start", &json!({"name": "asked"}));
    assert_eq!(started["started"], json!(["asked"]));
    for name in ["asked", "once"] {
        agent.wait_for_state(name, "running");
    }
    let before = agent.services();
    for service in &before {
        place.wait_until_written(service.pid);
    }
    agent.kill();
    for service in &before {
        let ended = nix::unistd::Pid::from_raw(service.pid);
        nix::sys::signal::kill(ended, Signal::SIGKILL).unwrap();
    }
    let next = place.start();
    let asked = next.wait_for_state("asked", "running");
    assert_eq!(asked.restarts, 1);
    assert_eq!(next.service("once").state, "stopped");
    assert_eq!(place.processes(), [asked.pid]);
}

#[test]
fn an_answer_holds_even_if_the_agent_is_killed_right_behind_it() {
    let place = Place::with_services();
    place.shell("asked", "exec sleep 1000", "autostart #false");
    let mut agent = place.start();
    for round in 0..10 {
        let one = json!({"name": "asked"});
        let started = agent.call("start", &one);
        assert_eq!(started["started"], json!(["asked"]), "round {round}");
        let running = agent.service("asked");
        agent.kill();
        agent = place.start();
        assert_eq!(agent.service("asked").pid, running.pid, "round {round}");
        let stopped = agent.call("stop", &one);
        assert_eq!(stopped["stopped"], json!(["asked"]), "round {round}");
        agent.kill();
        agent = place.start();
        let asked = agent.service("asked");
        assert_eq!(
            (asked.state.as_str(), asked.pid),
            ("stopped", 0),
            "round {round}"
        );
    }
}

#[test]
fn a_service_that_ended_while_no_agent_was_there_is_started_again() {
    let (place, mut agent) = two_services();
    let goes = agent.service("goes");
    agent.kill();
    let ended = nix::unistd::Pid::from_raw(goes.pid);
    nix::sys::signal::kill(ended, Signal::SIGKILL).unwrap();
    let next = place.start();
    let new = next.wait_for_state("goes", "running");
    assert_ne!(new.pid, goes.pid);
    assert_eq!(place.processes().len(), 2);
}
