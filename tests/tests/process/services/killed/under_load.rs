//! An agent that is killed at random moments while services write as fast as they can and clients keep it busy.

mod account;
mod load;

use super::{NOBODY, kills};
use account::{AccountTotals, ServiceAccount};
use lastword_tests::dice::Dice;
use lastword_tests::process::{Agent, Deadline, Place, Shown};
use load::FloodLoad;
use nix::unistd::{Pid, getpgid};
use std::fs;
use std::thread;
use std::time::Duration;

/// The number of kills, unless the command asks for more.
const KILLS: usize = 3;
/// The longest time to the next kill, in milliseconds.
const LIFE_MS: u64 = 400;
/// One agent in so many has that time from its start on; the others, once they are ready.
const NOT_AWAITED_ONE_IN: usize = 3;

/// The number of lines of each service that the last agent has to show: the files are read whole.
const SHOWN: usize = 1_000;

/// Small files, so that there are rotations, and all of them kept.
const LOG: &str = "log { max-size \"4MiB\"; keep 1000; ring \"64KiB\" }";

/// Writes numbered lines until there is a file `enough`, and then tells how many.
const WRITE_ON: &str = "\
    write_on() { n=0; while [ ! -e enough ]; do i=0; while [ $i -lt 100 ]; do \
    i=$((i + 1)); n=$((n + 1)); echo \"$1 $n\"; done; done; echo $n >$NAME.$1.written; }";

/// A service, and the streams that it writes to.
type WriterScript = (&'static str, &'static [&'static str]);

const WRITERS: [WriterScript; 9] = [
    ("out-1", &["out"]),
    ("out-2", &["out"]),
    ("out-3", &["out"]),
    ("err-1", &["err"]),
    ("err-2", &["err"]),
    ("err-3", &["err"]),
    ("both-1", &["out", "err"]),
    ("both-2", &["out", "err"]),
    ("both-3", &["out", "err"]),
];

/// A place with all the writers.
fn place() -> Place {
    let place = Place::with_services();
    for (name, streams) in WRITERS {
        let write = match streams {
            ["out"] => "write_on out",
            ["err"] => "write_on err >&2",
            _ => "write_on err >&2 & write_on out; wait",
        };
        let script = format!("NAME={name}; {WRITE_ON}; {write}; exec sleep 1000000");
        place.shell(name, &script, LOG);
    }
    place
}

/// Has each writer finish, and returns how many lines it wrote to each stream.
fn finish(place: &Place) -> Vec<(WriterScript, Vec<usize>)> {
    fs::write(place.path("enough"), "").expect("a temporary directory");
    let written = |name: &str, stream: &str| {
        let deadline = Deadline::start();
        loop {
            let path = place.path(&format!("{name}.{stream}.written"));
            let text = fs::read_to_string(path).unwrap_or_default();
            if let Some(number) = text.strip_suffix('\n') {
                return number.parse().expect("a number");
            }
            deadline.check(&format!("end of {name}'s {stream}"), &text);
            thread::yield_now();
        }
    };
    let of_all = WRITERS.iter().map(|(name, streams)| {
        let of_one = streams.iter().map(|stream| written(name, stream));
        ((*name, *streams), of_one.collect())
    });
    of_all.collect()
}

/// Returns what the files have of a service.
fn account(place: &Place, (name, streams): WriterScript, written: &[usize]) -> AccountTotals {
    let mut account = ServiceAccount::new(streams, written);
    for line in place.logged(name).split_inclusive(|byte| *byte == b'\n') {
        account.take(line);
    }
    account.close()
}

/// Checks that an agent counts as many lines as there are, and shows the last of them.
fn check_shown(place: &Place, agent: &Agent, name: &str) {
    let logged = String::from_utf8(place.logged(name)).expect("letters and digits");
    let logged: Vec<_> = logged.lines().collect();
    let first = logged.len().saturating_sub(SHOWN);
    let shown = agent.lines(name, first as u64, SHOWN + 1);
    assert_eq!(
        (shown.missed, shown.next),
        (0, logged.len() as u64),
        "{name}"
    );
    assert_eq!(shown.texts, logged[first..], "{name}");
}

/// Returns those services that are not as they were.
fn changed(before: &[Shown], now: &[Shown]) -> Vec<String> {
    let changed = before.iter().filter(|was| !now.contains(was));
    changed.map(|was| was.name.clone()).collect()
}

/// Returns the processes of services that are in no process group of a service that the agent knows.
fn orphans(place: &Place, known: &[Shown]) -> Vec<i32> {
    let group = |pid: i32| getpgid(Some(Pid::from_raw(pid))).map_or(0, Pid::as_raw);
    let is_orphan = |pid: &i32| known.iter().all(|service| service.pid != group(*pid));
    place.processes().into_iter().filter(is_orphan).collect()
}

/// Starts and kills so many agents, one after the other. Returns how many of them had not been ready, and which services were
/// not as before.
fn kill_agents(place: &Place, before: &[Shown], kills: usize) -> (usize, Vec<String>) {
    let mut dice = Dice::new(u64::from(std::process::id()));
    let (mut starting, mut restarted) = (0, Vec::new());
    for kill in 0..kills {
        let mut agent = place.started_by(&mut place.command("run"));
        if kill % NOT_AWAITED_ONE_IN > 0 {
            agent.wait_for(" ready ");
            restarted.extend(changed(before, &agent.services()));
        }
        // The moment of the kill is chance.
        thread::park_timeout(Duration::from_micros(dice.below(LIFE_MS * 1_000)));
        agent.kill();
        starting += usize::from(!agent.log().contains(" ready "));
    }
    (starting, restarted)
}

#[test]
fn an_agent_killed_under_load_loses_no_line_restarts_no_service_and_leaves_no_orphan() {
    let place = place();
    let mut agent = place.start();
    for (name, _) in WRITERS {
        agent.wait_for_state(name, "running");
    }
    let before = agent.services();
    let load = FloodLoad::start(&agent.socket());
    load.wait_for_answer();
    agent.kill();
    let kills = kills(KILLS);
    let (starting, mut restarted) = kill_agents(&place, &before, kills - 1);
    let answers = load.end();

    let mut agent = place.start();
    let written = finish(&place);
    let now = agent.services();
    restarted.extend(changed(&before, &now));
    let orphans = orphans(&place, &now);
    let code = agent.terminate();
    let left = place.processes();

    let (mut totals, mut streams) = (AccountTotals::default(), 0);
    for (writer, lines) in &written {
        totals += account(&place, *writer, lines);
        streams += lines.len();
    }
    println!(
        "kills: {kills}, of these while starting: {starting}, answers: {answers} bytes, services: {}, \
         streams: {streams}, {totals}, restarted: {}, orphans: {}, left after SIGTERM: {}",
        WRITERS.len(),
        restarted.len(),
        orphans.len(),
        left.len(),
    );
    let all = written.iter().flat_map(|(_, lines)| lines).sum();
    assert_eq!(totals, AccountTotals::all_of(all));
    assert_eq!(restarted, [""; 0]);
    assert_eq!(orphans, NOBODY);
    assert_eq!((code, left), (Some(0), NOBODY.to_vec()));

    let agent = place.start();
    for (name, _) in WRITERS {
        check_shown(&place, &agent, name);
    }
}
