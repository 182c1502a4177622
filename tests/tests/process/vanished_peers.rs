//! TCP peers whose network is gone: nobody says goodbye for them, and their places become free.

use lastword_tests::process::{Agent, BOARD_ADDRESS, PairNetwork, Peer, Place};
use std::time::Duration;

/// The longest that a vanished peer keeps its place, and what the machine takes.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(35 + 10);

/// A place with a service that writes nothing, one that goes on writing, and one that takes long to stop.
fn place() -> Place {
    let place = Place::with_services();
    let listeners = format!(
        "unix \"{}\"; tcp \"{BOARD_ADDRESS}:{PORT}\" allow-unauthenticated=#true;",
        place.path("agent.sock").display()
    );
    let services = format!("services \"{}\"", place.path("services").display());
    place.configure(&listeners, &services);
    place.shell("quiet", "exec sleep 1000", "");
    place.shell(
        "stubborn",
        "trap '' TERM; while :; do sleep 1000; done",
        "stop { grace \"10m\"; }",
    );
    place.shell("busy", "while :; do echo a line; sleep 0.1; done", "");
    place
}

fn sessions(agent: &Agent) -> String {
    let status = agent.unix().ask("status");
    let word = status.split(' ').find(|word| word.starts_with("sessions="));
    word.unwrap_or_else(|| panic!("no sessions in {status}"))
        .to_owned()
}

#[test]
fn a_peer_whose_network_is_gone_gives_its_place_free_whatever_it_waits_for() {
    let Some(network) = PairNetwork::create() else {
        eprintln!("not shown: a network that goes away; this needs root and iproute2");
        return;
    };
    let place = place();
    let mut agent = place.started_by(&mut network.command_on_board(&place.command("run")));
    agent.wait_for(" ready ");
    agent.wait_for_state("quiet", "running");
    agent.wait_for_state("busy", "running");
    agent.wait_for_state("stubborn", "running");

    let mut peers = [(); 6].map(|()| Peer::new(network.connect(PORT)));
    let [idle, follower, reader, person, rebooter, stopper] = &mut peers;
    assert!(idle.ask("uptime").starts_with("ok "));
    follower.send("uptime; svc logs quiet --follow\n");
    follower.until("ok uptime_ms=");
    reader.send("svc logs busy --follow\n");
    reader.until("line=\"a line\"");
    person.send("mode term\n");
    person.until("> ");
    assert!(
        rebooter
            .ask("power reboot --in 1h")
            .starts_with("ok initiated")
    );
    stopper.send("svc stop stubborn\n");
    agent.wait_for_state("stubborn", "stopping");
    assert_eq!(sessions(&agent), "sessions=7", "six and the asker");

    network.pull();
    for _ in &peers {
        agent.wait_within(NOTICE_TIMEOUT, "link failed");
    }
    assert_eq!(sessions(&agent), "sessions=1", "{}", agent.log());
    // It is not called off by the end of its connection.
    let status = agent.unix().ask("power status");
    assert!(status.contains("pending=scheduled "), "{status}");
    assert_eq!(agent.service("stubborn").state, "stopping");
}

/// In a network of its own.
const PORT: u16 = 7_450;
