//! Files that are no service files, whatever they are called: each is told with what is wrong with it, and
//! costs nobody else anything.

use lastword_tests::process::{Agent, Place};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Output;

/// How a hostile file is made, and what is told of it.
type Hostile = (&'static str, fn(&Path), &'static str);

const HOSTILE: &[Hostile] = &[
    (
        "a FIFO",
        |path| mkfifo(path, Mode::S_IRWXU).expect("a FIFO"),
        "x.kdl: it is a FIFO; a regular file is wanted here",
    ),
    (
        "a link to a device without end",
        |path| symlink("/dev/zero", path).expect("a link"),
        "x.kdl: it is a device; a regular file is wanted here",
    ),
    (
        "a file of 60 MB",
        |path| {
            let file = File::create(path).expect("a file");
            file.set_len(60 << 20).expect("a file");
        },
        "x.kdl: it is larger than 65536 bytes",
    ),
    (
        "916 comments in one another",
        |path| write(path, &"/*".repeat(916)),
        "x.kdl:1:1: this comment is never closed",
    ),
    (
        "a comment of stars",
        |path| write(path, &format!("/{}/ port 0", "*a".repeat(30_000))),
        "x.kdl:1:",
    ),
    (
        "200 nodes commented out by one another",
        |path| write(path, &"/- ".repeat(200)),
        "x.kdl:1:4: a /- comments out what follows it",
    ),
    (
        "12 blocks commented out in one another",
        |path| write(path, &format!("a{}", " /-{b".repeat(12))),
        "x.kdl:1:13: /- lies more than 2 deep",
    ),
    (
        "20,000 blocks in one another",
        |path| write(path, &"a {".repeat(20_000)),
        "x.kdl:1:51: blocks lie more than 16 deep here",
    ),
    (
        "30,000 errors",
        |path| write(path, &"}\n".repeat(30_000)),
        "x.kdl:1:1: this } closes nothing",
    ),
    (
        "16,000 keys that nobody knows",
        |path| write(path, &"a\n".repeat(16_000)),
        "x.kdl:1001:1: from here on nothing is read",
    ),
];

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("a file");
}

/// What is said of a hostile file, and that it is said at all.
#[track_caller]
fn check_told(what: &str, said: &str, told: &str) {
    assert!(said.contains(told), "{what}: {said:.2000}");
}

/// A place with a service that runs, and a hostile file beside it.
fn place(make: fn(&Path)) -> Place {
    let place = Place::with_services();
    place.shell("good", "exec sleep 1000", "");
    make(&place.path("services/x.kdl"));
    place
}

#[test]
fn check_tells_what_a_hostile_file_is_and_ends() {
    for (what, make, told) in HOSTILE {
        let Output { status, stderr, .. } = place(*make).run_to_end("check");
        let said = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(3), "{what}: {said:.2000}");
        check_told(what, &said, told);
    }
}

#[test]
fn an_agent_starts_beside_a_hostile_file_and_ends_when_it_is_told_to() {
    for (what, make, told) in HOSTILE {
        let place = place(*make);
        let mut agent = place.start();
        check_told(what, &agent.log(), told);
        agent.wait_for_state("good", "running");
        assert_eq!(agent.terminate(), Some(0), "{what}");
    }
}

#[test]
fn a_hostile_file_is_told_by_a_reload_and_costs_no_other_service_anything() {
    let place = Place::with_services();
    for name in ["good", "x"] {
        place.shell(name, "exec sleep 1000", "");
    }
    let mut agent = place.start();
    let file = place.path("services/x.kdl");
    let sound = fs::read(&file).expect("a file");
    let before = ["good", "x"].map(|name| agent.wait_for_state(name, "running").pid);
    for (what, make, told) in HOSTILE {
        fs::remove_file(&file).expect("a file");
        make(&file);
        let answer = reload(&agent);
        check_told(
            what,
            &answer["error"]["message"].to_string().replace("\\\"", "\""),
            told,
        );
        let now = ["good", "x"].map(|name| agent.service(name).pid);
        assert_eq!(now, before, "{what}: what runs goes on");
    }
    fs::remove_file(&file).expect("a file");
    fs::write(&file, sound).expect("a file");
    let names: Vec<_> = reload(&agent)["result"]["unchanged"]
        .as_array()
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    assert_eq!(names, ["good", "x"]);
    let _ = agent.call("stop", &json!({"all": true}));
    assert_eq!(agent.terminate(), Some(0));
}

/// The whole answer to a reload.
fn reload(agent: &Agent) -> Value {
    let mut peer = agent.unix();
    peer.send(b"{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"reload\"}\n");
    serde_json::from_str(&peer.line()).expect("an answer")
}

#[test]
fn a_hostile_configuration_is_told_and_nothing_runs() {
    for (what, make, told) in HOSTILE {
        let place = Place::new();
        let file = place.path("agent.kdl");
        fs::remove_file(&file).expect("a file");
        make(&file);
        for subcommand in ["check", "run"] {
            let Output { status, stderr, .. } = place.run_to_end(subcommand);
            let said = String::from_utf8_lossy(&stderr);
            assert_eq!(status.code(), Some(3), "{what}: {said:.2000}");
            check_told(what, &said, &told.replace("x.kdl", "agent.kdl"));
        }
    }
}

#[test]
fn a_directory_that_becomes_a_file_stops_no_service() {
    let place = Place::with_services();
    place.shell("good", "exec sleep 1000", "");
    let agent = place.start();
    let pid = agent.wait_for_state("good", "running").pid;
    fs::rename(place.path("services"), place.path("aside")).expect("a directory");
    fs::write(place.path("services"), "").expect("a file");
    let said = reload(&agent)["error"]["message"].to_string();
    assert!(said.contains("the services that run go on"), "{said}");
    assert_eq!(agent.service("good").pid, pid);
    let _ = agent.call("stop", &json!({"all": true}));
}
