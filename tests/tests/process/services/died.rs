//! An agent that dies between any two steps: whatever it was about, the next one finds every service
//! once, and can stop it.

use super::NOBODY;
use lastword_agent::edge::failpoint;
use lastword_tests::process::Place;
use nix::sys::signal::Signal;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

/// Services of every kind: one that is easy to stop, one that is not and has a hook, one that ends
/// again and again.
fn place() -> Place {
    let place = Place::with_services();
    place.shell("easy", "exec sleep 1000", "");
    place.shell(
        "hard",
        "trap '' TERM; while :; do sleep 1000; done",
        "after \"easy\"\nstop { hook \"true\"; grace \"300ms\" }",
    );
    place.shell(
        "flaky",
        "exec sleep 0.2",
        "restart { policy \"always\"; backoff-initial \"50ms\"; max-retries-per-minute 60000 }",
    );
    place.shell("gone", "exec sleep 1000", "");
    place
}

/// Calls a method of an agent that may die of it; `false` if it has.
fn call(socket: &Path, method: &str, name: &str) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else {
        return false;
    };
    let params = match name {
        "" => json!({}),
        "*" => json!({"all": true}),
        name => json!({"name": name}),
    };
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let mut answer = String::new();
    writeln!(stream, "{call}").is_ok()
        && BufReader::new(stream)
            .read_line(&mut answer)
            .is_ok_and(|length| length > 0)
}

/// Has an agent go through everything it can do, and die at `point`; then looks what the next one makes
/// of it.
fn check(point: &str) {
    let place = place();
    let mut first = place.start();
    for name in ["easy", "hard", "gone"] {
        first.wait_for_state(name, "running");
    }
    first.kill();
    let mut dying = place.start_to_die(point);
    let socket = dying.socket();
    // It may die before it is ready, or after.
    dying.wait_for_any(&[" ready "]);
    fs::remove_file(place.path("services/gone.kdl")).expect("a service file");
    place.shell("new", "exec sleep 1000", "");
    let deeds = [
        ("reload", ""),
        ("restart", "easy"),
        ("stop", "hard"),
        ("start", "hard"),
        ("stop", "*"),
        ("start", "*"),
    ];
    let _ = deeds
        .iter()
        .all(|(method, name)| call(&socket, method, name));
    let exit = dying.exit();
    assert_eq!(
        exit.signal(),
        Some(Signal::SIGKILL as i32),
        "{point}: {exit}"
    );

    let mut next = place.start();
    assert!(call(&socket, "start", "*"), "{point}: {}", next.log());
    for name in ["easy", "hard", "new"] {
        let shown = next.service(name);
        let up = ["running", "adopted"].contains(&shown.state.as_str());
        assert!(up, "{point}: {shown:?}");
    }
    for (name, leaders) in leaders(&place) {
        let one = name == "flaky" || leaders.len() == 1;
        assert!(one, "{point}: {name} runs as {leaders:?}");
    }
    let _ = next.call("stop", &json!({"all": true}));
    assert_eq!(place.processes(), NOBODY, "{point}");
    next.signal(Signal::SIGINT);
    assert_eq!(next.exit().code(), Some(0), "{point}");
}

/// The main processes of each service: those that lead a session.
fn leaders(place: &Place) -> BTreeMap<String, Vec<i32>> {
    let mut leaders: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for pid in place.processes() {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        let name = variables.find_map(|it| it.strip_prefix(b"LASTWORD_SERVICE="));
        let Some(name) = name else {
            continue;
        };
        let own = nix::unistd::Pid::from_raw(pid);
        if nix::unistd::getsid(Some(own)) == Ok(own) {
            let name = String::from_utf8_lossy(name).into_owned();
            leaders.entry(name).or_default().push(pid);
        }
    }
    leaders
}

macro_rules! points {
    ($($name:ident: $point:literal),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                check($point);
            }
        )*

        #[test]
        fn every_point_has_a_test() {
            assert_eq!(failpoint::ALL, [$($point),*]);
        }
    };
}

points! {
    after_a_reload_is_decided: "reload-decided",
    after_a_reload_is_written_down: "reload-saved",
    before_a_start: "start-ordered",
    after_a_start_before_anybody_knows: "start-launched",
    after_a_start_is_held: "start-held",
    after_a_start_is_told: "start-told",
    after_the_state_is_written: "state-written",
    after_the_state_is_synced: "state-synced",
    after_the_state_is_renamed: "state-renamed",
    after_a_hook: "hook-ended",
    after_a_stop_signal: "stop-signalled",
    after_a_kill: "stop-killed",
    after_the_group_is_empty: "stop-emptied",
    after_the_log_is_settled: "stop-settled",
    after_the_end_is_told: "empty-told",
    after_a_removed_services_log_is_closed: "forget-closed",
    after_an_adopted_process_is_held: "adopt-held",
    after_an_adoption_is_told: "adopt-told",
}
