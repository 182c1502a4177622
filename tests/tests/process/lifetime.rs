//! One agent to a place, what it leaves behind, and what the next one makes of it.

use lastword_tests::process::{Agent, Place};
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_second_agent_in_the_same_place_is_told_who_is_the_first() {
    let place = Place::new();
    let first = place.start();
    let output = place.run_to_end("run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let owner = format!("lastwordd, process {} has the state directory", first.pid());
    assert!(said.contains(&owner), "{said}");
    assert!(first.unix().ask("uptime").starts_with("ok "));
}

#[test]
fn sigterm_and_sigint_end_it_well_and_tidy() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let place = Place::new();
        let mut agent = place.start();
        let mut open = agent.unix();
        assert!(open.ask("uptime").starts_with("ok "));
        let socket = fs::metadata(place.path("agent.sock")).unwrap();
        assert_eq!(socket.permissions().mode() & 0o777, 0o600);
        agent.signal(signal);
        assert_eq!(agent.exit().code(), Some(0), "{}", agent.log());
        assert_eq!(open.rest(), "", "{signal}");
        let sessions = agent.log().matches("session begins").count();
        assert_eq!(sessions, 2, "on the tty and the socket: {}", agent.log());
        assert!(!place.path("agent.sock").exists(), "{signal}");
        assert!(!place.path("tty").is_symlink(), "{signal}");
    }
}

#[test]
fn a_socket_that_a_killed_agent_left_behind_makes_room() {
    let place = Place::new();
    let mut killed = place.start();
    killed.kill();
    assert!(place.path("agent.sock").exists());
    assert!(place.path("tty").is_symlink());
    let agent = place.start();
    assert!(agent.unix().ask("uptime").starts_with("ok "));
    assert!(agent.pty().ask("\nuptime").starts_with("ok "));
}

#[test]
fn a_socket_that_is_answered_does_not_make_room() {
    let place = Place::new();
    let first = place.start();
    let other = Place::new();
    other.configure(
        &format!("unix \"{}\"", place.path("agent.sock").display()),
        "",
    );
    let output = other.run_to_end("run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("another agent answers there"), "{said}");
    assert!(first.unix().ask("uptime").starts_with("ok "));
}

#[test]
fn a_file_in_place_of_the_socket_or_the_tty_is_left_alone() {
    for name in ["agent.sock", "tty"] {
        let place = Place::new();
        fs::write(place.path(name), "mine").unwrap();
        let output = place.run_to_end("run");
        assert_eq!(output.status.code(), Some(3), "{name}");
        assert_eq!(fs::read_to_string(place.path(name)).unwrap(), "mine");
    }
}

fn rebooted(agent: &Agent) -> String {
    let mut peer = agent.unix();
    let reply = peer.ask("power reboot --op 7 --reason \"a test\"");
    assert_eq!(reply, "ok initiated operation=reboot backend=dry-run op=7");
    agent
        .tcp()
        .ask_until("power status", "last_outcome=dry_run")
}

#[test]
fn what_became_of_the_last_operation_is_remembered() {
    let place = Place::new();
    let mut agent = place.start();
    let before = rebooted(&agent);
    assert!(before.contains("last_op=7"), "{before}");
    assert_eq!(agent.terminate(), Some(0));
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(agent.power_file()).unwrap()).unwrap();
    assert_eq!(record["last"]["id"], 7, "{record}");

    let mut agent = place.start();
    assert_eq!(agent.unix().ask("power status"), before);
    // And once more, by an agent that had no chance to say anything.
    agent.kill();
    assert_eq!(place.start().unix().ask("power status"), before);
}

#[test]
fn what_is_staged_when_the_agent_ends_has_stood_down() {
    for gently in [true, false] {
        let place = Place::new();
        let mut agent = place.start();
        let reply = agent.unix().ask("power reboot --op 8 --in 1h");
        assert!(reply.starts_with("ok initiated"), "{reply}");
        if gently {
            assert_eq!(agent.terminate(), Some(0));
        } else {
            agent.kill();
        }
        let status = place.start().unix().ask("power status");
        assert!(status.contains("pending=none last_op=8"), "{status}");
        assert!(
            status.contains("last_outcome=stood_down last_why=agent_stopped"),
            "{status}"
        );
    }
}

#[test]
fn a_record_that_cannot_be_read_is_put_aside_and_nothing_is_claimed() {
    let place = Place::new();
    let mut agent = place.start();
    rebooted(&agent);
    agent.terminate();
    fs::write(agent.power_file(), "{ torn").unwrap();
    let agent = place.start();
    assert!(agent.log().contains("kept aside"), "{}", agent.log());
    let aside = place.path("state/power.json.broken");
    assert_eq!(fs::read_to_string(aside).unwrap(), "{ torn");
    let status = agent.unix().ask("power status");
    assert!(!status.contains("last_"), "{status}");
}

#[test]
fn a_state_directory_that_others_may_write_to_is_refused_with_what_to_do() {
    let place = Place::new();
    let state = place.path("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o777)).unwrap();
    // Whoever could write there has it written elsewhere.
    let elsewhere = place.path("elsewhere");
    std::os::unix::fs::symlink(&elsewhere, state.join("power.json.new")).unwrap();
    let output = place.run_to_end("run");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!elsewhere.exists(), "{said}");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("its mode is 0777") && said.contains("chmod go-w"),
        "{said}"
    );

    fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
    let agent = place.start();
    assert!(agent.unix().ask("status").starts_with("ok "));
    assert!(!elsewhere.exists(), "{}", agent.log());
}

#[test]
fn files_by_which_others_could_have_programs_run_are_warned_of() {
    let place = Place::with_services();
    place.shell("one", "true", "autostart #false");
    place.shell("two", "true", "autostart #false");
    let exposed = ["agent.kdl", "services/two.kdl"].map(|name| place.path(name));
    for path in &exposed {
        fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
    }
    let check = place.run_to_end("check");
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    assert_eq!(check.status.code(), Some(0), "{said}");
    let agent = place.start();
    for said in [said, agent.log()] {
        for path in &exposed {
            let told = format!("{}: its mode is 0666", path.display());
            assert_eq!(said.matches(&told).count(), 1, "{said}");
        }
        assert_eq!(said.matches("chmod go-w").count(), 2, "{said}");
    }
}

#[test]
fn a_power_record_in_whose_place_something_else_is_keeps_no_agent_from_starting() {
    let place = Place::new();
    fs::create_dir_all(place.path("state/power.json/in/it")).unwrap();
    fs::set_permissions(place.path("state"), fs::Permissions::from_mode(0o700)).unwrap();
    let agent = place.start();
    assert!(place.path("state/power.json").is_file(), "{}", agent.log());
    assert!(place.path("state/power.json.broken/in/it").is_dir());
}

#[test]
fn the_state_is_for_its_owner_only() {
    let place = Place::new();
    let _agent = place.start();
    let state = fs::metadata(place.path("state")).unwrap();
    assert_eq!(state.permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_state_directory_that_was_removed_is_made_again() {
    let place = Place::new();
    let mut agent = place.start();
    fs::remove_dir_all(place.path("state")).unwrap();
    let before = rebooted(&agent);
    let state = fs::metadata(place.path("state")).unwrap();
    assert_eq!(state.permissions().mode() & 0o777, 0o700);
    assert_eq!(agent.terminate(), Some(0));
    assert_eq!(place.start().unix().ask("power status"), before);
}
