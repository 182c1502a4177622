//! Descriptors and processes that run out: what fits runs, the rest waits for its turn, and whoever comes to
//! a console gets in.

use lastword_tests::process::{Agent, Deadline, Place, Shown};
use serde_json::json;
use std::net::TcpStream;
use std::process::Command;

/// How many services there are.
const SERVICES: usize = 30;
/// How many descriptors do not suffice for them.
const FEW_DESCRIPTORS: usize = 64;

/// An agent that was started with this limit, as prlimit(1) has it.
pub(super) fn start_with(place: &Place, limit: &str) -> Agent {
    let mut agent = place.started_by(&mut limited(place, limit));
    agent.wait_for(" ready ");
    agent
}

/// The command for an agent with this limit.
pub(super) fn limited(place: &Place, limit: &str) -> Command {
    let run = place.command("run");
    let mut command = Command::new("prlimit");
    command.arg(limit);
    command
        .arg(run.get_program())
        .args(run.get_args())
        .env_clear();
    command.envs(
        run.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command
}

fn in_state<'s>(services: &'s [Shown], state: &'static str) -> impl Iterator<Item = &'s Shown> {
    services.iter().filter(move |shown| shown.state == state)
}

/// Waits until some services run and all others wait for their turn (`restarting` in JSON-RPC).
fn wait_until_settled(agent: &Agent) {
    let deadline = Deadline::start();
    loop {
        let services = agent.services();
        let running = in_state(&services, "running").count();
        let waiting = in_state(&services, "restarting").count();
        if running >= 2 && waiting > 0 && running + waiting == SERVICES {
            return;
        }
        deadline.check("rest", &services);
    }
}

fn describe(place: &Place) {
    for index in 0..SERVICES {
        // Neither policy nor patience has anything to do with it.
        let rest = "restart { policy \"never\"; max-retries-per-minute 1 }";
        place.shell(&format!("s{index:02}"), "exec sleep 1000", rest);
    }
}

/// Changes a limit of the agent; what may be raised is the soft one.
fn limit(agent: &Agent, limit: &str) {
    let pid = agent.pid().to_string();
    let limited = Command::new("prlimit")
        .args(["--pid", &pid, limit])
        .status();
    assert!(limited.expect("prlimit").success());
}

#[test]
fn what_fits_into_the_descriptors_runs_and_the_rest_starts_when_there_are_more() {
    let place = Place::with_services();
    let mut agent = place.start();
    limit(&agent, &format!("--nofile={FEW_DESCRIPTORS}:"));
    describe(&place);
    let _ = agent.call("reload", &json!({}));
    wait_until_settled(&agent);
    let mut console = agent.unix();
    console.send("svc list\n");
    let list = console.until("\nok\n");
    assert!(
        list.contains(" descriptors are open, and 16 are kept"),
        "{list}"
    );
    limit(&agent, "--nofile=1000:");
    let deadline = Deadline::start();
    while in_state(&agent.services(), "running").count() < SERVICES {
        deadline.check("services", &agent.services());
    }
    assert!(agent.services().iter().all(|shown| shown.restarts == 0));
    assert_eq!(agent.terminate(), Some(0), "{}", agent.log());
    assert_eq!(place.processes(), super::NOBODY);
}

#[test]
fn a_service_that_was_stopped_leaves_its_descriptors_to_one_that_waits() {
    let place = Place::with_services();
    describe(&place);
    let agent = start_with(
        &place,
        &format!("--nofile={FEW_DESCRIPTORS}:{FEW_DESCRIPTORS}"),
    );
    wait_until_settled(&agent);
    let deadline = Deadline::start();
    let mut stopped = Vec::new();
    // More than ever ran at once.
    while stopped.len() < 6 {
        if let Some(shown) = in_state(&agent.services(), "running").next() {
            let _ = agent.call("stop", &json!({"name": shown.name}));
            stopped.push(shown.name.clone());
        }
        deadline.check("next service", &stopped);
    }
    // What they have written can be read, though their logs are closed.
    let mut console = agent.unix();
    let first = console.ask(&format!("svc logs {}", stopped[0]));
    assert!(
        first.starts_with("| next=") || first.starts_with("err 500"),
        "{first}"
    );
}

#[test]
fn a_console_and_power_have_descriptors_left_whatever_runs_and_whoever_connects() {
    let place = Place::with_services();
    describe(&place);
    let agent = start_with(
        &place,
        &format!("--nofile={FEW_DESCRIPTORS}:{FEW_DESCRIPTORS}"),
    );
    wait_until_settled(&agent);
    let crowd: Vec<_> = (0..FEW_DESCRIPTORS)
        .map(|_| TcpStream::connect(agent.address()).expect("a listener"))
        .collect();
    let mut console = agent.unix();
    assert!(console.ask("status").starts_with("ok"));
    let running = in_state(&agent.services(), "running")
        .next()
        .expect("there is one")
        .name
        .clone();
    assert_eq!(
        console.ask(&format!("svc logs {running}")),
        "| next=0 missed=0"
    );
    assert_eq!(console.line(), "ok");
    let answer = console.ask("power reboot --op 7");
    assert!(answer.starts_with("ok"), "{answer}");
    drop(crowd);
}

#[test]
fn what_finds_no_room_for_a_process_starts_when_there_is_some() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT SHOWN: to run a service as another user takes root");
        return;
    }
    let place = Place::with_services();
    open_to_all(&place);
    // The limit holds for all processes of a user together: one runs at most.
    let rest = "user \"nobody\"\nworking-dir \"/\"\nrestart { policy \"never\" }";
    for name in ["a", "b"] {
        place.shell(name, "exec sleep 1000", "");
        let file = place.path("services").join(format!("{name}.kdl"));
        let text = format!("command \"/bin/sleep\"\nargs \"1000\"\n{rest}");
        std::fs::write(file, text).expect("a temporary directory");
    }
    let agent = start_with(&place, "--nproc=0:1000");
    let deadline = Deadline::start();
    while in_state(&agent.services(), "restarting").count() == 0 {
        deadline.check("service that waits", &agent.services());
    }
    limit(&agent, "--nproc=1000:");
    for name in ["a", "b"] {
        agent.wait_for_state(name, "running");
    }
}

/// The service's user has to reach what the place holds.
fn open_to_all(place: &Place) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(place.path(""), std::fs::Permissions::from_mode(0o755))
        .expect("a temporary directory");
}
