//! Services that run on, and an agent that has too few descriptors for them: none is taken for gone, and none
//! runs twice.

use super::scarce::{limited, start_with};
use lastword_tests::process::{Agent, Deadline, Place, Shown};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::process::Command;

/// The process of each service.
type PidsByName = BTreeMap<String, i32>;

/// A place where so many services run, and no agent.
fn survivors(count: usize) -> (Place, PidsByName) {
    let place = Place::with_services();
    for index in 0..count {
        place.shell(&format!("s{index:02}"), "exec sleep 1000", "");
    }
    let mut agent = place.start();
    let pids = wait_for_all(&agent, count);
    for pid in pids.values() {
        place.wait_until_written(*pid);
    }
    agent.kill();
    (place, pids)
}

fn wait_for_all(agent: &Agent, count: usize) -> PidsByName {
    let deadline = Deadline::start();
    loop {
        let services = agent.services();
        let runs = |shown: &&Shown| shown.state == "running";
        let running = services.iter().filter(runs);
        let pids: PidsByName = running.map(|it| (it.name.clone(), it.pid)).collect();
        if pids.len() == count {
            return pids;
        }
        deadline.check("services", &services);
    }
}

/// The processes of each service, as the kernel knows them.
fn really(place: &Place) -> BTreeMap<String, Vec<i32>> {
    let mut found: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for pid in place.processes() {
        // It may have ended since.
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        let name = variables.find_map(|it| it.strip_prefix(b"LASTWORD_SERVICE="));
        if let Some(name) = name {
            let name = String::from_utf8_lossy(name).into_owned();
            found.entry(name).or_default().push(pid);
        }
    }
    found
}

/// Asserts that each of these runs as the process that it was, and no service as two.
#[track_caller]
fn check_each_once(place: &Place, pids: &PidsByName, agent: &Agent) {
    let found = really(place);
    for (name, processes) in &found {
        assert_eq!(processes.len(), 1, "{name}: {found:?}\n{}", agent.log());
    }
    for (name, pid) in pids {
        let processes = found.get(name).map(Vec::as_slice);
        assert_eq!(processes, Some(&[*pid][..]), "{name}\n{}", agent.log());
    }
}

fn written_pids(place: &Place) -> BTreeSet<i64> {
    let text = fs::read_to_string(place.path("state/state.json")).unwrap_or_default();
    let state: Value = serde_json::from_str(&text).unwrap_or_default();
    let components = state["components"].as_array().into_iter().flatten();
    components.filter_map(|it| it["pid"].as_i64()).collect()
}

/// Waits until each of these is written down as the process of a service.
fn wait_until_all_written(place: &Place, pids: &PidsByName) {
    let deadline = Deadline::start();
    loop {
        let written = written_pids(place);
        if pids.values().all(|pid| written.contains(&i64::from(*pid))) {
            return;
        }
        deadline.check("processes in state.json", &written);
    }
}

/// Asserts that an agent with descriptors enough adopts them all.
fn check_adoption(place: &Place, pids: &PidsByName, count: usize) {
    let agent = place.start();
    wait_for_all(&agent, count);
    check_each_once(place, pids, &agent);
    for shown in agent.services() {
        if let Some(pid) = pids.get(&shown.name) {
            assert_eq!((shown.pid, shown.restarts), (*pid, 0), "{shown:?}");
        }
    }
}

/// Kills the processes of some services.
fn kill_some(pids: &mut PidsByName, which: Range<usize>) -> PidsByName {
    let names = which.map(|index| format!("s{index:02}"));
    let killed: PidsByName = names.filter_map(|name| pids.remove_entry(&name)).collect();
    for pid in killed.values() {
        kill(Pid::from_raw(*pid), Signal::SIGKILL).expect("ours");
    }
    killed
}

#[test]
fn none_of_sixty_survivors_is_taken_for_gone_or_started_twice() {
    let (place, mut pids) = survivors(60);
    let mut agent = start_with(&place, "--nofile=64:64");
    check_each_once(&place, &pids, &agent);
    let killed = kill_some(&mut pids, 0..30);
    let deadline = Deadline::start();
    while agent
        .services()
        .iter()
        .any(|it| killed.get(&it.name) == Some(&it.pid))
    {
        deadline.check("end to be seen", &agent.services());
    }
    check_each_once(&place, &pids, &agent);
    let _ = agent.call("reload", &json!({}));
    check_each_once(&place, &pids, &agent);
    let mut console = agent.unix();
    assert!(console.ask("status").starts_with("ok"));
    for name in ["s55", "s59"] {
        let pid = pids.remove(name).expect("it runs");
        console.send(format!("svc stop {name}\n"));
        let _ = console.until("\nok\n");
        assert!(!place.processes().contains(&pid), "{name} runs on");
    }
    wait_until_all_written(&place, &pids);
    check_each_once(&place, &pids, &agent);
    agent.kill();
    check_adoption(&place, &pids, 60);
}

#[test]
fn descriptors_that_become_free_start_no_survivor_anew() {
    let (place, mut pids) = survivors(60);
    let agent = start_with(&place, "--nofile=64:64");
    for name in kill_some(&mut pids, 0..55).into_keys() {
        let file = place.path("services").join(format!("{name}.kdl"));
        fs::remove_file(file).expect("a service's file");
    }
    let deadline = Deadline::start();
    while agent.services().len() > pids.len() {
        let _ = agent.call("reload", &json!({}));
        deadline.check("services to be removed", &agent.services());
    }
    let mut console = agent.unix();
    for name in pids.keys() {
        let answer = console.ask(&format!("svc start {name}"));
        let already = format!("| name={name} change=already_running");
        assert_eq!((answer, console.line()), (already, "ok".to_owned()));
    }
    check_each_once(&place, &pids, &agent);
}

#[test]
fn survivors_that_no_record_names_are_found_by_an_agent_with_few_descriptors() {
    let (place, pids) = survivors(60);
    fs::remove_file(place.path("state/state.json")).expect("a state");
    let mut agent = start_with(&place, "--nofile=64:64");
    wait_until_all_written(&place, &pids);
    check_each_once(&place, &pids, &agent);
    let mut console = agent.unix();
    console.send("svc list\n");
    let list = console.until("\nok\n");
    assert!(list.contains("its log is not open"), "{list}");
    agent.kill();
    check_adoption(&place, &pids, 60);
}

#[test]
fn a_reboot_is_answered_and_stops_all_survivors() {
    let (place, pids) = survivors(30);
    let mut agent = start_with(&place, "--nofile=64:64");
    check_each_once(&place, &pids, &agent);
    let answer = agent.unix().ask("power reboot --op 7");
    assert!(answer.starts_with("ok"), "{answer}");
    assert_eq!(agent.terminate(), Some(0), "{}", agent.log());
    assert_eq!(place.processes(), super::NOBODY);
    // Each obeys its signal, and state.json is written.
    for line in ["the grace was over", " ERROR "] {
        assert!(!agent.log().contains(line), "{}", agent.log());
    }
}

/// Raises the limit that an agent was started with, if this user may.
fn raise_limit(agent: &Agent) -> bool {
    let pid = agent.pid().to_string();
    let mut command = Command::new("prlimit");
    let raised = command.args(["--pid", &pid, "--nofile=1000:1000"]).output();
    let may = raised.expect("prlimit").status.success();
    if !may {
        eprintln!("NOT SHOWN: to raise the limit of a process takes CAP_SYS_RESOURCE");
    }
    may
}

#[test]
fn however_few_descriptors_there_are_no_survivor_is_taken_for_gone() {
    let (place, pids) = survivors(12);
    let mut was_ready = 0;
    let mut could_not_look = 0;
    for limit_before in 8..48 {
        let mut agent = place.started_by(&mut limited(
            &place,
            &format!("--nofile={limit_before}:{limit_before}"),
        ));
        // It may not even start.
        agent.wait_for_any(&[" ready "]);
        let is_ready = agent.log().contains(" ready ");
        was_ready += usize::from(is_ready);
        let is_blind = agent.log().contains("cannot look which services");
        could_not_look += usize::from(is_blind);
        check_each_once(&place, &pids, &agent);
        assert!(
            !agent.log().contains("ended while no agent was there"),
            "{}",
            agent.log()
        );
        if is_ready && is_blind && raise_limit(&agent) {
            let adopted = wait_for_all(&agent, pids.len());
            assert_eq!(adopted, pids, "{limit_before}\n{}", agent.log());
            check_each_once(&place, &pids, &agent);
        }
        agent.kill();
    }
    assert!(could_not_look > 0);
    assert!(was_ready > 10, "{was_ready}");
    check_adoption(&place, &pids, 12);
}
