//! Logs that cannot be written: the service goes on, and the agent says so until it can.

use lastword_tests::process::{Deadline, Place};
use std::fs;

/// A service that writes without pause, and says in a file how far it is.
const WRITER: &str = "i=0; while :; do i=$((i+1)); echo $i; echo $i > progress; done";
/// The same, a lot faster.
const FLOOD: &str = "while :; do seq 1 20000; echo x >> progress; done";

fn progress(place: &Place) -> usize {
    let text = fs::read_to_string(place.path("progress")).unwrap_or_default();
    text.trim().parse().unwrap_or(text.len())
}

/// Waits until the service has done something more.
#[track_caller]
fn goes_on(place: &Place) {
    let (before, deadline) = (progress(place), Deadline::start());
    while progress(place) == before {
        deadline.check("progress", &before);
    }
}

#[test]
fn directories_that_are_removed_under_a_service_are_made_again() {
    let place = Place::with_services();
    place.shell("writer", WRITER, "");
    let agent = place.start();
    agent.wait_for_line("writer", 100);
    for _ in 0..3 {
        fs::remove_dir_all(place.path("state/logs")).unwrap_or_default();
        let next = agent.next_line("writer");
        agent.wait_for_line("writer", next + 100);
        goes_on(&place);
    }
    assert!(place.path("state/logs/writer.log").exists());
    let list = agent.unix().ask("svc list");
    assert!(!list.contains("log=failing"), "{list}");
    // So are FIFOs: for whoever starts next.
    fs::remove_dir_all(place.path("state/fifo")).expect("FIFOs");
    let _ = agent.call("restart", &serde_json::json!({"name": "writer"}));
    let next = agent.next_line("writer");
    agent.wait_for_line("writer", next + 100);
}

#[test]
fn a_service_whose_log_cannot_be_written_goes_on_and_everybody_is_told() {
    let place = Place::with_services();
    place.shell("writer", FLOOD, "log { max-size \"1MiB\"; keep 2; }");
    let mut agent = place.start();
    agent.wait_for_line("writer", 100);
    let logs = place.path("state/logs");
    fs::rename(&logs, place.path("aside")).expect("logs");
    fs::write(&logs, "in the way").expect("a file");
    // The open files are still written to; the next rotation fails.
    agent.wait_for("the log cannot be written; its lines wait");
    agent.wait_for("lines are missed, so that the service goes on");
    for _ in 0..3 {
        goes_on(&place);
    }
    let mut peer = agent.unix();
    let list = peer.ask("svc list");
    assert!(
        list.contains("name=writer state=running") && list.contains("log=failing"),
        "{list}"
    );
    assert!(peer.line().starts_with("ok"));
    let status = peer.ask("status");
    assert!(status.ends_with(" failing_logs=1"), "{status}");
    let told = agent.call("svc.status", &serde_json::json!({"name": "writer"}));
    assert_eq!(told["log"], "failing", "{told}");

    let behind = agent.next_line("writer");
    fs::remove_file(&logs).expect("a file");
    let healed = agent.wait_for("the log is written again");
    assert!(healed.contains("missed="), "{healed}");
    agent.wait_for_line("writer", behind + 100);
    assert!(agent.lines("writer", behind, 10).missed > 0);
    let status = peer.ask("status");
    assert!(!status.contains("failing_logs"), "{status}");
    assert_eq!(agent.terminate(), Some(0));
}

#[test]
fn an_agent_whose_logs_cannot_be_opened_starts_and_so_do_its_services() {
    let place = Place::with_services();
    place.shell("writer", WRITER, "");
    fs::create_dir(place.path("state")).expect("a directory");
    fs::write(place.path("state/logs"), "in the way").expect("a file");
    let mut agent = place.start();
    agent.wait_for_state("writer", "running");
    goes_on(&place);
    let status = agent.unix().ask("status");
    assert!(status.ends_with(" failing_logs=1"), "{status}");
    fs::remove_file(place.path("state/logs")).expect("a file");
    agent.wait_for("the log is written again");
    agent.wait_for_line("writer", 100);
    assert_eq!(agent.terminate(), Some(0));
}
