//! Listeners that cannot be opened: those that will be are waited for, the others end the start.

use lastword_tests::process::{Deadline, Peer, Place};
use nix::pty::openpty;
use nix::unistd::ttyname;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;

/// A place whose agent has a Unix socket, and these listeners.
fn place(listeners: &str) -> Place {
    let place = Place::with_services();
    let unix = format!("unix \"{}\"", place.path("agent.sock").display());
    let services = format!("services \"{}\"", place.path("services").display());
    place.configure(&format!("{unix}\n{listeners}"), &services);
    place.shell("stays", "exec sleep 1000", "");
    place
}

#[test]
fn an_absent_device_is_waited_for_while_everything_else_runs() {
    let directory = tempfile::tempdir().expect("a directory");
    let device = directory.path().join("ttyUSB77");
    let place = place(&format!("serial \"{}\"", device.display()));
    let mut agent = place.start();
    agent.wait_for_state("stays", "running");
    let waited = format!("waiting_for=\"serial {}", directory.path().display());
    agent.unix().ask_until("status", &waited);
    assert!(
        agent.log().contains("WARN") && agent.log().contains("waiting until"),
        "{}",
        agent.log()
    );
    let check = place.run_to_end("check");
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    assert_eq!(check.status.code(), Some(0), "{said}");
    assert!(
        said.contains("agent.kdl:4:1: serial ") && said.contains("is not there"),
        "{said}"
    );

    let pair = openpty(None, None).expect("a pseudo-terminal");
    symlink(ttyname(&pair.slave).expect("its name"), &device).expect("a link");
    agent.wait_for("listening");
    let mut line = Peer::new(pair.master);
    line.send("\nuptime\n");
    line.until("ok uptime_ms=");
    let status = agent.unix().ask("status");
    assert!(!status.contains("waiting_for"), "{status}");
    drop(line);
    drop(pair.slave);
    // It is gone again: so is what follows it.
    agent.wait_for("opened again as soon as");
    fs::remove_file(&device).expect("a link");
    agent.unix().ask_until("status", &waited);
    assert_eq!(agent.terminate(), Some(0));
}

#[test]
fn a_port_that_is_taken_is_waited_for() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let place = place(&format!("tcp \"{address}\""));
    let mut agent = place.start();
    let waited = format!("waiting_for=\"tcp {address}\"");
    agent.unix().ask_until("status", &waited);
    drop(taken);
    agent.wait_for("listening");
    let stream = TcpStream::connect(address).expect("the agent");
    assert!(Peer::new(stream).ask("uptime").starts_with("ok "));
    assert_eq!(agent.terminate(), Some(0));
}

#[test]
fn an_address_that_is_not_assigned_yet_is_waited_for() {
    // RFC 5737: nobody has it.
    let place = place("tcp \"192.0.2.77:7450\" allow-unauthenticated=#true");
    let mut agent = place.start();
    let waited = "waiting_for=\"tcp 192.0.2.77:7450\"";
    agent.unix().ask_until("status", waited);
    assert_eq!(agent.terminate(), Some(0));
    let check = place.run_to_end("check");
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    assert_eq!(check.status.code(), Some(0), "{said}");
    assert!(said.contains("no such address"), "{said}");
}

#[test]
fn with_nothing_to_listen_on_yet_an_agent_waits_and_its_services_run() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = Place::with_services();
    let device = directory.path().join("ttyUSB77");
    let services = format!("services \"{}\"", place.path("services").display());
    place.configure(&format!("serial \"{}\"", device.display()), &services);
    place.shell("stays", "exec sleep 1000", "");
    let mut agent = place.start();
    let deadline = Deadline::start();
    while place.processes().len() != 1 {
        deadline.check("service", &agent.log());
    }
    assert_eq!(agent.terminate(), Some(0));
    assert!(place.processes().is_empty());
}

#[test]
fn what_is_wrong_for_ever_ends_the_start_with_its_place_and_nothing_has_started() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file");
    fs::write(&file, "").expect("a file");
    let (file, here) = (file.display(), directory.path().display());
    for (listener, why) in [
        (format!("serial \"{here}\""), "it is no device"),
        (format!("serial \"{file}\""), "it is no device"),
        (
            "serial \"/dev/null\"".to_owned(),
            "it is no terminal device",
        ),
        (format!("pty \"{file}\""), "is no link"),
        (format!("unix \"{file}\""), "is no socket"),
        (format!("unix \"{here}\""), "is no socket"),
        (format!("unix \"{file}/x\""), "File exists"),
        (format!("unix \"{here}/{}\"", "x".repeat(120)), "path"),
    ] {
        let place = place(&listener);
        let output = place.run_to_end("run");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{listener}: {said}");
        let last = said.lines().last().unwrap_or_default();
        assert!(
            last.contains("agent.kdl:4:1: cannot listen on "),
            "{listener}: {said}"
        );
        assert!(last.contains(why), "{listener}: {said}");
        assert!(place.processes().is_empty(), "{listener}");
        assert!(!place.path("agent.sock").exists(), "{listener}");
    }
}

#[test]
fn a_directory_that_is_not_there_yet_is_waited_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = place(&format!("pty \"{}/none/tty\"", directory.path().display()));
    let mut agent = place.start();
    let (mut asker, deadline) = (agent.unix(), Deadline::start());
    loop {
        let status = asker.ask("status");
        if status.contains("waiting_for=\"pty ") {
            break;
        }
        deadline.check("listener that waits", &status);
    }
    fs::create_dir(directory.path().join("none")).expect("a directory");
    agent.wait_for("listening");
    assert_eq!(agent.terminate(), Some(0));
}
