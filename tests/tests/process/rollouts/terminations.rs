//! SIGTERM in each phase of a rollout: the agent ends at once, and the next one goes on where it was.

use super::bench::{BuiltFile, RolloutBench, activate, status, told, wait_for};
use lastword_tests::process::{Agent, Deadline};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

/// The longest time from SIGTERM to the end of the agent.
const TERMINATION_LIMIT: Duration = Duration::from_secs(2);
/// A function for the shell that stays in a phase if the file `hold` names it, or it and the generation that comes.
const HOLD: &str = r#"hold() {
    case "$(cat PLACE/hold 2>/dev/null)" in
        "$1" | "$1 $LASTWORD_GENERATION")
            echo $$ >PLACE/held.new
            mv PLACE/held.new PLACE/held
            exec sleep 1000
    esac
}
"#;
/// Programs around the agent's own switch.
const HOOKS: &str = r#"
    before-switch "/bin/sh" "-c" ". PLACE/hold.sh; hold before-switch"
    after-switch "/bin/sh" "-c" ". PLACE/hold.sh; hold after-switch"
"#;
/// Programs in place of it.
const COMMANDS: &str = r#"commands {
    realise "/bin/sh" "-c" ". PLACE/hold.sh; hold realise"
    set "/bin/sh" "-c" "cp \"$LASTWORD_TREE/system\" PLACE/profile"
    switch "/bin/sh" "-c" ". PLACE/hold.sh; hold switch; cp PLACE/profile PLACE/running; hold switched"
    verify "/bin/sh" "-c" "for tree in $LASTWORD_TREES/*; do cmp -s $tree/system PLACE/running && basename $tree; done; true"
    rollback "/bin/sh" "-c" ". PLACE/hold.sh; hold rollback; cp \"$LASTWORD_TREE/system\" PLACE/running"
    deferred 100
}"#;

/// The length of a file that takes a while.
const LARGE_BYTES: u64 = 8 << 20;

const STARTED: &str = "activation-started";
const COMPLETED: &str = "activation-completed 0";
const CONVERGED: &str = "soak-completed";
const SOAK_FAILED: &str = "activation-failed -4";
const ROLLED_BACK: &str = "rollback-completed 0";

/// A board on which a first version is kept, and a second one is there.
struct TerminationBench {
    bench: RolloutBench,
    first: BuiltFile,
    second: BuiltFile,
    has_service: bool,
}

impl TerminationBench {
    /// The second version's self-test is this.
    fn new(self_test: &str) -> (Self, Agent) {
        let (bench, agent) = start(HOOKS);
        let first = bench.build("1.0", "exit 0", "");
        bench.ship(&agent, &first);
        let place = bench.path("").display().to_string();
        let second = bench.build("2.0", &self_test.replace("PLACE", &place), "");
        bench.push(&second);
        let bench = Self {
            bench,
            first,
            second,
            has_service: true,
        };
        (bench, agent)
    }

    /// The board's own programs switch.
    fn with_commands() -> (Self, Agent) {
        let (bench, agent) = start(COMMANDS);
        let check = "check \"self\" { exec \"bin/self-test\"; interval \"100ms\"; }";
        let [first, second] = ["1.0", "2.0"].map(|version| {
            bench.write("tree/system", &format!("system {version}\n"), 0o644);
            let built = bench.build_without_services(version, check);
            bench.push(&built);
            built
        });
        activate(&agent, &first);
        wait_for(&agent, "converged");
        let bench = Self {
            bench,
            first,
            second,
            has_service: false,
        };
        (bench, agent)
    }

    /// Has the next program stay in a phase, which the name of a generation may follow.
    fn hold(&self, phase: &str) {
        self.bench.write("hold", phase, 0o644);
    }

    /// Waits until a program stays in its phase; returns its process.
    fn wait_until_held(&self, agent: &Agent) -> String {
        let deadline = Deadline::start();
        loop {
            if let Ok(pid) = fs::read_to_string(self.bench.path("held")) {
                return pid.trim().to_owned();
            }
            deadline.check("a program that is held", &status(agent));
        }
    }

    /// Ends an agent whose events up to now are `before`, and starts the next one, which ends the rollout in a state and
    /// tells `after`.
    #[track_caller]
    fn terminate_and_go_on(&self, mut agent: Agent, end: &str, [before, after]: [&[&str]; 2]) {
        // The first version's are before them.
        assert_eq!(told(&agent)[3..], *before);
        let (code, took) = agent.terminate_timed();
        assert_eq!(code, Some(0), "{}", agent.log());
        assert!(took < TERMINATION_LIMIT, "{took:?}: {}", agent.log());
        fs::remove_file(self.bench.path("hold")).expect("a file");
        let agent = self.bench.place.start();
        let ended = wait_for(&agent, end);
        assert_eq!(ended["target"], self.second.generation);
        assert!(ended["attempts"].as_u64() <= Some(2), "{ended}");
        assert_eq!(told(&agent), after);
        let expected = if end == "converged" {
            &self.second
        } else {
            &self.first
        };
        assert_eq!(current(&agent), expected.generation);
        if self.has_service {
            agent.wait_for_state("gateway", "running");
            let deadline = Deadline::start();
            while self.bench.place.processes().len() != 1 {
                deadline.check("one process", &agent.services());
            }
        }
    }

    /// Holds a phase of the second version's activation, and has the agent ended there.
    #[track_caller]
    fn check(&self, agent: Agent, phase: &str, end: &str, events: [&[&str]; 2]) {
        self.hold(phase);
        activate(&agent, &self.second);
        self.check_held(agent, end, events);
    }

    #[track_caller]
    fn check_held(&self, agent: Agent, end: &str, events: [&[&str]; 2]) {
        let held = self.wait_until_held(&agent);
        self.terminate_and_go_on(agent, end, events);
        assert!(!is_running(&held), "process {held} has outlived its agent");
    }
}

fn start(more: &str) -> (RolloutBench, Agent) {
    let bench = RolloutBench::configured(more);
    let place = bench.path("").display().to_string();
    bench.write("hold.sh", &HOLD.replace("PLACE", &place), 0o644);
    let agent = bench.place.start();
    (bench, agent)
}

/// Returns the generation that the agent says the board runs.
fn current(agent: &Agent) -> Value {
    let listed = agent.call("gen.list", &json!({}));
    let mut listed = listed.as_array().expect("a list").iter();
    let current = listed.find(|it| it["role"] == "current");
    current.expect("a generation")["generation"].clone()
}

/// Returns whether a process is there that has not exited.
fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state stands behind the name, which is in parentheses.
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[test]
fn sigterm_while_the_program_realises() {
    let (bench, agent) = TerminationBench::with_commands();
    let events: [&[&str]; 2] = [&[STARTED], &[COMPLETED, CONVERGED]];
    bench.check(agent, "realise", "converged", events);
}

#[test]
fn sigterm_while_the_tree_is_built() {
    let (bench, agent) = start(HOOKS);
    let first = bench.build("1.0", "exit 0", "");
    bench.ship(&agent, &first);
    // Long enough that the copy and its hash take a while.
    bench.write("tree/share/large", "", 0o644);
    let large = fs::File::create(bench.path("tree/share/large")).expect("a file");
    large.set_len(LARGE_BYTES).expect("a length");
    let second = bench.build("2.0", "exit 0", "");
    bench.push(&second);
    let unfinished = format!("generations/trees/{}.new/share/large", second.generation);
    let unfinished = bench.path(&unfinished);
    let bench = TerminationBench {
        bench,
        first,
        second,
        has_service: true,
    };
    bench.hold("the tree");
    activate(&agent, &bench.second);
    let deadline = Deadline::start();
    while !unfinished.exists() {
        deadline.check("a tree that is being built", &status(&agent));
    }
    let events: [&[&str]; 2] = [&[STARTED], &[COMPLETED, CONVERGED]];
    bench.terminate_and_go_on(agent, "converged", events);
}

#[test]
fn sigterm_while_before_switch_is_asked() {
    let (bench, agent) = TerminationBench::new("exit 0");
    let events: [&[&str]; 2] = [&[STARTED], &[COMPLETED, CONVERGED]];
    bench.check(agent, "before-switch", "converged", events);
}

#[test]
fn sigterm_before_and_after_the_pointer_moves() {
    for phase in ["switch", "switched"] {
        let (bench, agent) = TerminationBench::with_commands();
        let events: [&[&str]; 2] = [&[STARTED], &[COMPLETED, CONVERGED]];
        bench.check(agent, phase, "converged", events);
    }
}

#[test]
fn sigterm_while_after_switch_runs() {
    let (bench, agent) = TerminationBench::new("exit 0");
    let events: [&[&str]; 2] = [&[STARTED], &[COMPLETED, CONVERGED]];
    bench.check(agent, "after-switch", "converged", events);
}

#[test]
fn sigterm_while_it_soaks() {
    let (bench, agent) = TerminationBench::new(". PLACE/hold.sh; hold soaking; exit 0");
    let events: [&[&str]; 2] = [&[STARTED, COMPLETED], &[CONVERGED]];
    bench.check(agent, "soaking", "converged", events);
}

#[test]
fn sigterm_while_it_rolls_back() {
    let (bench, agent) = TerminationBench::new("exit 7");
    let phase = format!("after-switch {}", bench.first.generation);
    let events: [&[&str]; 2] = [&[STARTED, COMPLETED, SOAK_FAILED], &[ROLLED_BACK]];
    bench.check(agent, &phase, "reverted", events);
}

#[test]
fn sigterm_while_the_program_rolls_back() {
    let (bench, agent) = TerminationBench::with_commands();
    activate(&agent, &bench.second);
    wait_for(&agent, "converged");
    bench.hold("rollback");
    let _ = agent.call("gen.rollback", &json!({}));
    let events: [&[&str]; 2] = [&[STARTED, COMPLETED, CONVERGED], &[ROLLED_BACK]];
    bench.check_held(agent, "reverted", events);
}
