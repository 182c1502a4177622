//! An agent that is killed again and again while its services write.

mod under_load;

use super::NOBODY;
use lastword_tests::process::{Agent, Place, Shown};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs::{File, OpenOptions};
use std::io::Write;

/// How many services write.
const SERVICES: usize = 50;
/// How many lines each writes when it is told to.
const BURST: u64 = 200;
/// How often the agent is killed, unless [`VARIABLE`] says otherwise.
const KILLS: usize = 5;
/// `cargo xtask services-kill` has it killed more often.
const VARIABLE: &str = "LASTWORD_TEST_KILLS";
/// How many lines are asked for at once.
const PAGE: usize = 10_000;

/// Small files, so that there are rotations, and all of them kept.
const LOG: &str = "log { max-size \"16KiB\"; keep 1000; ring \"16KiB\" }";

/// Services that write numbered lines, as many as they are told to.
struct Writers {
    place: Place,
    orders: Vec<File>,
    asked: u64,
}

impl Writers {
    fn new() -> Self {
        let place = Place::with_services();
        let orders = (0..SERVICES).map(|index| {
            let orders = format!("{}.orders", name(index));
            mkfifo(&place.path(&orders), Mode::S_IRWXU).expect("a temporary directory");
            let script = format!(
                "exec 3<>{orders}; last=0; line=0; while read -r more <&3; do \
                 last=$((last + more)); while [ $line -lt $last ]; do \
                 line=$((line + 1)); echo \"line $line\"; done; done"
            );
            place.shell(&name(index), &script, LOG);
            let mut both = OpenOptions::new();
            both.read(true)
                .write(true)
                .open(place.path(&orders))
                .expect("a temporary directory")
        });
        let orders = orders.collect();
        Self {
            place,
            orders,
            asked: 0,
        }
    }

    /// Tells each to write on.
    fn write_on(&mut self) {
        for orders in &mut self.orders {
            writeln!(orders, "{BURST}").expect("its orders");
        }
        self.asked += BURST;
    }

    /// Every number from the first to the last, once each, in the files.
    fn check_files(&self) {
        for index in 0..SERVICES {
            let logged = self.place.logged(&name(index));
            let lines = logged.split_inclusive(|byte| *byte == b'\n');
            let numbered = (1..).zip(lines);
            let mut odd = numbered
                .clone()
                .filter(|(number, line)| *line != format!("line {number}\n").as_bytes());
            assert_eq!(odd.next(), None, "{}", name(index));
            assert_eq!(numbered.count() as u64, self.asked, "{}", name(index));
        }
    }

    /// And in what the agent shows.
    fn check_shown(&self, agent: &Agent) {
        for index in 0..SERVICES {
            let (mut expected, mut from) = (1..=self.asked, 0);
            loop {
                let read = agent.lines(&name(index), from, PAGE);
                assert_eq!(read.missed, 0, "{} from {from}", name(index));
                if read.texts.is_empty() {
                    break;
                }
                for text in read.texts {
                    let line = expected.next().map(|line| format!("line {line}"));
                    assert_eq!(Some(text), line, "{}", name(index));
                }
                from = read.next;
            }
            assert_eq!(expected.next(), None, "{}", name(index));
        }
    }
}

fn name(index: usize) -> String {
    format!("writer-{index:02}")
}

/// All of them, once each runs.
fn running(agent: &Agent) -> Vec<Shown> {
    for index in 0..SERVICES {
        agent.wait_for_state(&name(index), "running");
    }
    agent.services()
}

/// Returns the number of kills: `usual` times, unless [`VARIABLE`] says otherwise.
fn kills(usual: usize) -> usize {
    let told = std::env::var(VARIABLE).ok();
    told.map_or(usual, |kills| kills.parse().expect("a number"))
}

#[test]
fn an_agent_killed_while_they_write_loses_no_line_and_restarts_none() {
    let mut writers = Writers::new();
    let mut agent = writers.place.start();
    let before = running(&agent);
    let kills = kills(KILLS);
    for kill in 0..kills {
        let watched = name(kill % SERVICES);
        let next = agent.next_line(&watched);
        writers.write_on();
        // By turns at once, and while they are at it.
        if kill % 2 == 1 {
            agent.wait_for_line(&watched, next + BURST / 2);
        }
        agent.kill();
        agent = writers.place.start();
        assert_eq!(agent.services(), before, "after {} kills", kill + 1);
    }
    for index in 0..SERVICES {
        agent.wait_for_line(&name(index), writers.asked);
    }
    writers.check_files();
    writers.check_shown(&agent);
    println!(
        "kills: {kills}, services: {SERVICES}, lines of each: {}",
        writers.asked
    );
    let _ = agent.call("stop", &serde_json::json!({"all": true}));
    assert_eq!(writers.place.processes(), NOBODY);
}
