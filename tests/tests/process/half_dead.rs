//! An agent that has lost a task ends at once and says which: whoever started it starts it again.

use lastword_agent::edge::failpoint;
use lastword_tests::process::Place;
use nix::unistd::Pid;
use std::io::Write;
use std::os::unix::net::UnixStream;

/// Has an agent panic at `point`, by doing everything that passes such a point.
fn check(point: &str, who: &str) {
    let place = Place::with_services();
    place.shell("stays", "exec sleep 1000", "");
    place.shell("ends", "true", "autostart #false");
    let mut first = place.start();
    let pid = first.wait_for_state("stays", "running").pid;
    place.wait_until_written(pid);
    first.kill();

    let panic = format!("panic@{point}");
    let mut agent = place.start_to_die(&panic);
    let socket = agent.socket();
    agent.wait_for_any(&[" ready "]);
    if let Ok(mut stream) = UnixStream::connect(&socket) {
        // It may be gone before all of it is written.
        let _ = stream.write_all(b"svc start ends\nreboot --in 1h\nsvc stop stays\n");
        let code = agent.exit().code();
        assert_eq!(code, Some(101), "{point}: {}", agent.log());
        drop(stream);
    }
    let code = agent.exit().code();
    let log = agent.log();
    assert_eq!(code, Some(101), "{point}: {log}");
    let told = format!("lastwordd: {who} panicked at ");
    let line = log.lines().find(|line| line.starts_with(&told));
    let line = line.unwrap_or_else(|| panic!("{point}: no {told:?} in {log}"));
    assert!(
        line.ends_with(&format!("as asked for at {point}")),
        "{line}"
    );
    // As if it was killed: the next one adopts.
    let next = place.start();
    if point != "in-logs" {
        assert_eq!(next.service("stays").pid, pid, "{point}");
    }
}

macro_rules! points {
    ($($name:ident: $point:literal in $who:literal),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                check($point, $who);
            }
        )*

        #[test]
        fn every_task_has_a_test() {
            assert_eq!(failpoint::IN_TASKS, [$($point),*]);
        }
    };
}

points! {
    a_supervisor_that_panics_ends_the_agent: "in-supervisor" in "task supervisor",
    a_service_task_that_panics_ends_the_agent: "in-service" in "task service",
    a_power_task_that_panics_ends_the_agent: "in-power" in "task power",
    a_preparation_that_panics_ends_the_agent: "in-power-work" in "thread without a name",
    a_listener_that_panics_ends_the_agent: "in-listener" in "task listener",
    a_session_that_panics_ends_the_agent: "in-session" in "task session",
    a_reaper_that_panics_ends_the_agent: "in-reaper" in "task reaper",
    a_log_thread_that_panics_ends_the_agent: "in-logs" in "thread logs",
    a_start_that_panics_ends_the_agent: "in-start" in "thread main",
}

/// What whoever starts a process may hand on to it, by way of coreutils' `env`.
const HANDED_ON: [&[&str]; 4] = [
    &["--block-signal"],
    &["--ignore-signal"],
    &["--block-signal", "--ignore-signal"],
    &["--ignore-signal=CHLD"],
];

#[test]
fn signals_that_were_blocked_or_ignored_are_heard_and_not_handed_on() {
    for handed_on in HANDED_ON {
        let place = Place::with_services();
        place.shell("stays", "exec sleep 1000", "");
        place.shell("ends", "exit 3", "restart { policy \"never\" }");
        let plain = place.command("run");
        let mut command = std::process::Command::new("env");
        command
            .args(handed_on)
            .arg(plain.get_program())
            .args(plain.get_args());
        command.env_clear();
        command.envs(
            plain
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        );
        let mut agent = place.started_by(&mut command);
        agent.wait_for(" ready ");
        let pid = agent.wait_for_state("stays", "running").pid;
        agent.wait_for_state("ends", "stopped");
        let status = agent.unix().ask("svc status ends");
        let told = agent.call("status", &serde_json::json!({"name": "ends"}));
        assert_eq!(told["last_exit"], 3, "{handed_on:?}: {status}");
        for kind in ["SigBlk", "SigIgn"] {
            assert_eq!(mask(pid, kind), 0, "{handed_on:?}: {kind} of a service");
        }
        agent.signal(nix::sys::signal::Signal::SIGHUP);
        agent.wait_for("reloaded");
        assert_eq!(agent.terminate(), Some(0), "{handed_on:?}");
    }
}

fn mask(pid: i32, kind: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(kind));
    let digits = line.expect("a mask").trim_start_matches(':').trim();
    u64::from_str_radix(digits, 16).expect("a number")
}

#[test]
fn sighup_has_the_service_files_read_anew_and_ends_nothing() {
    let place = Place::with_services();
    place.shell("stays", "exec sleep 1000", "");
    let mut agent = place.start();
    let pid = agent.wait_for_state("stays", "running").pid;
    place.shell("new", "exec sleep 1000", "");
    for _ in 0..3 {
        agent.signal(nix::sys::signal::Signal::SIGHUP);
    }
    agent.wait_for("added=1");
    agent.wait_for_state("new", "running");
    assert_eq!(agent.service("stays").pid, pid);
    assert!(nix::sys::signal::kill(Pid::from_raw(pid), None).is_ok());
    assert_eq!(agent.terminate(), Some(0));
}
