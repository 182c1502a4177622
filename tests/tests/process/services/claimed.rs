//! Processes that only say that they are of a service: whom the agent believes, and whom it leaves alone.

use lastword_tests::process::{Agent, Deadline, Place};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use std::fs;
use std::process::{Child, Command};

/// A process with the environment of a service called `stays`, started by nobody's agent.
struct Claimant(Child);

impl Claimant {
    /// Starts it by way of another program, such as `setpriv`; returns once it is `sleep`. `STATE` stands for the
    /// state directory.
    fn start(place: &Place, by: &[&str]) -> Self {
        let state = place.path("state").canonicalize().expect("a directory");
        let state = state.display().to_string();
        let by: Vec<_> = by
            .iter()
            .map(|word| word.replace("STATE", &state))
            .collect();
        let mut command = Command::new("setsid");
        command.args(&by).args(["sleep", "1000"]);
        command.env_clear().envs([
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            ("LASTWORD_SERVICE", "stays"),
            ("LASTWORD_NONCE", &format!("{:016x}", std::process::id())),
            ("LASTWORD_STATE", &state),
        ]);
        let claimant = Self(command.spawn().expect("setsid"));
        let deadline = Deadline::start();
        let path = format!("/proc/{}/cmdline", claimant.0.id());
        while !fs::read(&path).is_ok_and(|it| it.starts_with(b"sleep\0")) {
            deadline.check("sleep", &by);
        }
        claimant
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).expect("a process id")
    }

    fn runs(&mut self) -> bool {
        self.0.try_wait().expect("our own child").is_none()
    }
}

impl Drop for Claimant {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A place whose agent has been there and has left nothing.
fn place() -> Place {
    let place = Place::with_services();
    place.shell("stays", "exec sleep 1000", "");
    let mut agent = place.start();
    agent.wait_for_state("stays", "running");
    agent.signal(Signal::SIGINT);
    assert_eq!(agent.exit().code(), Some(0));
    place
}

/// Starts an agent beside a claimant that it has to leave alone, and to start its own service.
#[track_caller]
fn check_left_alone(by: &[&str]) {
    if !geteuid().is_root() {
        eprintln!("NOT SHOWN: {by:?}; this needs root");
        return;
    }
    let place = place();
    let mut claimant = Claimant::start(&place, by);
    let mut agent = place.start();
    let running = agent.wait_for_state("stays", "running");
    assert_ne!(running.pid, claimant.pid(), "{by:?}");
    agent.signal(Signal::SIGINT);
    assert_eq!(agent.exit().code(), Some(0));
    let _ = place.run_to_end("down");
    assert!(claimant.runs(), "{by:?}: {}", agent.log());
}

#[test]
fn another_users_process_is_left_alone() {
    check_left_alone(&[
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ]);
}

#[test]
fn a_process_whose_path_leads_to_another_directory_is_left_alone() {
    check_left_alone(&[
        "unshare",
        "--mount",
        "sh",
        "-ec",
        "mount -t tmpfs none 'STATE'; exec \"$@\"",
        "sh",
    ]);
}

/// The one process of the service, which is not the claimant.
fn only_one(agent: &Agent, claimant: &mut Claimant) {
    let deadline = Deadline::start();
    while claimant.runs() {
        deadline.check("end of the copy", &claimant.pid());
    }
    assert_ne!(agent.service("stays").pid, claimant.pid());
}

#[test]
fn a_copy_beside_the_recorded_process_is_ended() {
    let place = Place::with_services();
    place.shell("stays", "exec sleep 1000", "");
    let mut first = place.start();
    let pid = first.wait_for_state("stays", "running").pid;
    place.wait_until_written(pid);
    first.kill();
    let mut copy = Claimant::start(&place, &["env"]);
    let next = place.start();
    assert_eq!(next.service("stays").pid, pid);
    only_one(&next, &mut copy);
}

#[test]
fn of_two_copies_none_is_certain_and_a_new_one_starts() {
    let place = Place::with_services();
    place.shell("stays", "exec sleep 1000", "");
    let mut first = place.start();
    let pid = first.wait_for_state("stays", "running").pid;
    place.wait_until_written(pid);
    first.kill();
    fs::remove_file(place.path("state/state.json")).expect("a state");
    let mut copy = Claimant::start(&place, &["env"]);
    let next = place.start();
    let new = next.wait_for_state("stays", "running");
    assert_ne!(new.pid, pid);
    only_one(&next, &mut copy);
    assert_eq!(place.processes(), [new.pid]);
}

#[test]
fn one_copy_without_a_record_is_adopted() {
    let place = place();
    let claimant = Claimant::start(&place, &["env"]);
    let agent = place.start();
    let shown = agent.service("stays");
    assert_eq!(shown.pid, claimant.pid());
    assert!(
        ["adopted", "running"].contains(&shown.state.as_str()),
        "{shown:?}"
    );
}

#[test]
fn a_process_that_sees_no_such_directory_holds_its_service_back_and_is_not_touched() {
    if !geteuid().is_root() {
        eprintln!("NOT SHOWN: a process without the directory; this needs root");
        return;
    }
    let place = place();
    let hidden = "mount -t tmpfs none \"$(dirname \"$(dirname 'STATE')\")\"; exec \"$@\"";
    let mut claimant = Claimant::start(&place, &["unshare", "--mount", "sh", "-ec", hidden, "sh"]);
    let mut agent = place.start();
    agent.wait_for_state("stays", "failed");
    let told = format!("process {} may be of an earlier start", claimant.pid());
    agent.unix().ask_until("svc status stays", &told);
    assert!(claimant.runs());

    agent.kill();
    let down = place.run_to_end("down");
    let said = String::from_utf8_lossy(&down.stderr).into_owned();
    assert_eq!(down.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!("stays (process {})", claimant.pid())),
        "{said}"
    );
    assert!(claimant.runs());

    let agent = place.start();
    agent.wait_for_state("stays", "failed");
    kill(Pid::from_raw(claimant.pid()), Signal::SIGKILL).expect("our own child");
    assert!(!claimant.0.wait().expect("our own child").success());
    let _ = agent.call("start", &serde_json::json!({"name": "stays"}));
    agent.wait_for_state("stays", "running");
}

#[test]
fn the_services_of_an_agent_whose_state_was_copied_are_left_alone() {
    let place = Place::with_services();
    place.shell("stays", "exec sleep 1000", "");
    let agent = place.start();
    let pid = agent.wait_for_state("stays", "running").pid;
    place.wait_until_written(pid);
    let other = Place::with_services();
    other.shell("stays", "exec sleep 1000", "");
    let copied = Command::new("cp")
        .arg("-r")
        .arg(place.path("state"))
        .arg(other.path(""))
        .status();
    assert!(copied.expect("cp").success());
    fs::remove_dir_all(other.path("state/fifo")).expect("FIFOs");
    let mut second = other.start();
    let theirs = second.wait_for_state("stays", "running").pid;
    assert_ne!(theirs, pid);
    second.signal(Signal::SIGINT);
    assert_eq!(second.exit().code(), Some(0), "{}", second.log());
    assert_eq!(agent.service("stays").pid, pid);
    assert_eq!(place.processes(), [pid]);
}
