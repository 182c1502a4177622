//! A service file on a disk that does not answer any more: it delays no other, and nobody for long.

use lastword_tests::process::{Agent, Deadline, Place};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// A file system that nobody serves, in a mount namespace of its own; then the agent, which inherits its end.
const HANGS: &str = "exec 9<>/dev/fuse
    mount -i -t fuse -o fd=9,rootmode=40000,user_id=0,group_id=0 hangs \"$1\"
    shift; exec \"$@\"";
/// The longest time of a request: one look at the files, and what a busy machine adds.
const REQUEST_LIMIT: Duration = Duration::from_secs(1);

/// A place with a good service, and a directory that a disk hangs at.
fn place() -> (Place, PathBuf) {
    let place = Place::with_services();
    place.shell("good", "exec sleep 1000", "");
    let disk = place.path("disk");
    fs::create_dir(&disk).expect("a directory");
    (place, disk)
}

/// The command that runs the agent beside such a disk.
fn beside(place: &Place, subcommand: &str) -> Command {
    let plain = place.command(subcommand);
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec", HANGS, "sh"]);
    command
        .arg(place.path("disk"))
        .arg(plain.get_program())
        .args(plain.get_args());
    command
}

/// Starts the agent beside such a disk, if that can be had here.
fn start(place: &Place) -> Option<Agent> {
    let mut agent = place.started_by(&mut beside(place, "run"));
    agent.wait_for_any(&[" ready ", "unshare: ", "mount: ", "sh: "]);
    if agent.log().contains(" ready ") {
        return Some(agent);
    }
    eprintln!("NOT SHOWN: a disk that hangs; this needs root, util-linux and FUSE");
    None
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a real process takes is what is measured"
)]
fn list(agent: &Agent) -> Duration {
    let began = Instant::now();
    let listed = agent.call("list", &json!({}));
    assert!(listed.to_string().contains("good"), "{listed}");
    began.elapsed()
}

fn threads(agent: &Agent) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", agent.pid()));
    tasks.expect("a process").count()
}

/// Waits until the agent has no more threads than before: one that has answered may be on its way out.
#[track_caller]
fn wait_for_threads(agent: &Agent, before: usize) {
    let deadline = Deadline::start();
    while threads(agent) > before {
        deadline.check("no thread more", &before);
    }
}

#[test]
fn an_agent_starts_checks_and_answers_beside_a_service_file_on_a_disk_that_hangs() {
    let (place, disk) = place();
    symlink(disk.join("y.kdl"), place.path("services/y.kdl")).expect("a link");
    let Some(mut agent) = start(&place) else {
        return;
    };
    assert!(agent.log().contains("y.kdl: not read within 2 s"));
    agent.wait_for_state("good", "running");
    let before = threads(&agent);
    for _ in 0..5 {
        let taken = list(&agent);
        assert!(taken < REQUEST_LIMIT, "{taken:?}");
    }
    wait_for_threads(&agent, before);
    // One beside it is read.
    place.shell("beside", "exec sleep 1000", "");
    let mut peer = agent.unix();
    peer.send(b"svc reload\n");
    let _ = peer.line();
    agent.wait_for_state("beside", "running");
    let checked = beside(&place, "check").output().expect("a process");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert_eq!(checked.status.code(), Some(3), "{said}");
    assert!(said.contains("y.kdl: not read within 2 s"), "{said}");
    assert_eq!(agent.terminate(), Some(0));
}

#[test]
fn a_file_that_comes_to_lie_on_such_a_disk_costs_one_thread_and_one_wait() {
    let (place, disk) = place();
    let Some(mut agent) = start(&place) else {
        return;
    };
    agent.wait_for_state("good", "running");
    symlink(disk.join("y.kdl"), place.path("services/y.kdl")).expect("a link");
    let first = list(&agent);
    let before = threads(&agent);
    let later: Vec<_> = (0..10).map(|_| list(&agent)).collect();
    assert!(first < REQUEST_LIMIT, "{first:?}");
    let sum: Duration = later.iter().sum();
    assert!(sum < REQUEST_LIMIT, "{later:?}");
    wait_for_threads(&agent, before);
    assert_eq!(agent.terminate(), Some(0));
}
