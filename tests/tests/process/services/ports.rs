//! Readiness by a port: whose socket it is counts, not that somebody answers.

use lastword_tests::process::{Place, lastword_sim};
use serde_json::json;
use std::net::TcpListener;
use std::process::Command;

/// A port that nobody listens on, for now.
fn free_port() -> (TcpListener, u16) {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = socket.local_addr().expect("bound").port();
    (socket, port)
}

/// Listens on the port, and on nothing else.
fn listen(port: u16) -> String {
    format!(
        "{} --tcp 127.0.0.1:{port} 2>/dev/null",
        lastword_sim().display()
    )
}

#[test]
fn a_strangers_socket_makes_no_service_ready_and_is_named() {
    let place = Place::with_services();
    let (stranger, port) = free_port();
    let rest = format!("ready {{ tcp {port}; timeout \"2s\" }}\nrestart {{ policy \"never\" }}");
    place.shell("served", "exec sleep 1000", &rest);
    let mut agent = place.start();
    let who = format!("port {port} is held by process {} (", std::process::id());
    let mut console = agent.unix();
    console.ask_until("svc list", &who);
    assert!(agent.service("served").state == "starting");
    let log = agent.wait_for("not ready: port");
    assert!(log.contains(&who), "{log}");
    agent.wait_for_state("served", "stopped");
    let status = agent.call("status", &json!({"name": "served"})).to_string();
    let why = format!("not ready within 2s; {who}");
    assert!(status.contains(&why), "{status}");
    drop(stranger);
}

#[test]
fn a_service_that_cannot_have_its_port_says_who_has_it() {
    let place = Place::with_services();
    let (_stranger, port) = free_port();
    let rest = format!("port {port}\nrestart {{ policy \"never\" }}");
    // It tries, and gives up.
    place.shell("served", &format!("sleep 1; {}", listen(port)), &rest);
    let agent = place.start();
    agent.wait_for_state("served", "stopped");
    let status = agent.call("status", &json!({"name": "served"})).to_string();
    let why = format!("; port {port} is held by process {} (", std::process::id());
    assert!(status.contains(&why), "{status}");
}

#[test]
fn a_socket_of_any_process_of_the_service_makes_it_ready() {
    for script in ["exec {}", "{} & wait", "setsid {} & exec sleep 1000"] {
        let place = Place::with_services();
        let (socket, port) = free_port();
        drop(socket);
        let script = script.replace("{}", &listen(port));
        place.shell("served", &script, &format!("port {port}"));
        let agent = place.start();
        agent.wait_for_state("served", "running");
    }
}

#[test]
fn a_service_in_another_network_namespace_is_ready_by_its_own_socket_there() {
    let may = Command::new("unshare").args(["--net", "true"]).status();
    if !may.is_ok_and(|status| status.success()) {
        eprintln!("NOT SHOWN: this process may make no network namespace");
        return;
    }
    let place = Place::with_services();
    // Somebody has the same port here, which is nothing to it.
    let (_stranger, port) = free_port();
    let inside = format!("ip link set lo up; exec {}", listen(port));
    place.shell(
        "served",
        &format!("exec unshare --net sh -c '{inside}'"),
        &format!("port {port}"),
    );
    let late = "exec unshare --net sleep 1000";
    place.shell("silent", late, &format!("ready {{ tcp {port} }}"));
    let agent = place.start();
    agent.wait_for_state("served", "running");
    let mut console = agent.unix();
    console.send("svc status silent\n");
    let status = console.until("\nok\n");
    assert!(status.contains("state=starting"), "{status}");
}
