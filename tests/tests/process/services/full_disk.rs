//! A state directory on a disk that is full: what was started and answered is found by the next agent.

use lastword_tests::process::{Agent, Place};
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::{Child, Command, Stdio};

/// A mount namespace in which the state directory is a small disk, and a process that keeps it.
struct SmallDisk(Child);

impl SmallDisk {
    /// `None`, and said so, where this user may not mount.
    fn mount(place: &Place) -> Option<Self> {
        let state = place.path("state");
        fs::create_dir(&state).expect("a temporary directory");
        let script =
            "mount -t tmpfs -o size=256k,mode=700 tmpfs \"$1\"; echo mounted; exec sleep 1000";
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-ec", script, "sh"])
            .arg(&state);
        let mut keeper = command.stdout(Stdio::piped()).spawn().ok()?;
        let mut line = String::new();
        let mut told = std::io::BufReader::new(keeper.stdout.take().expect("a pipe"));
        let _ = std::io::BufRead::read_line(&mut told, &mut line);
        let keeper = Self(keeper);
        if line != "mounted\n" {
            eprintln!("NOT SHOWN: a full disk; this needs root and util-linux");
            return None;
        }
        Some(keeper)
    }

    /// A path in there, seen from here.
    fn path(&self, place: &Place, name: &str) -> std::path::PathBuf {
        let state = place.path("state").join(name);
        let below = state.strip_prefix("/").expect("absolute");
        format!("/proc/{}/root", self.0.id())
            .parse::<std::path::PathBuf>()
            .expect("a path")
            .join(below)
    }

    fn start(&self, place: &Place) -> Agent {
        let plain = place.command("run");
        let mut command = Command::new("nsenter");
        command
            .arg("--mount")
            .arg("--target")
            .arg(self.0.id().to_string());
        command
            .arg("--")
            .arg(plain.get_program())
            .args(plain.get_args());
        command.env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.envs(
            plain
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        );
        let mut agent = place.started_by(&mut command);
        agent.wait_for(" ready ");
        agent
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_service_that_was_started_on_a_full_disk_runs_once_under_the_next_agent() {
    let place = Place::with_services();
    let Some(disk) = SmallDisk::mount(&place) else {
        return;
    };
    let mut first = disk.start(&place);
    let mut ballast = OpenOptions::new();
    let ballast = ballast.create_new(true).write(true);
    let mut ballast = ballast.open(disk.path(&place, "ballast")).expect("a file");
    while ballast.write(&[0; 4_096]).is_ok_and(|written| written > 0) {}

    place.shell("new", "exec sleep 1000", "");
    let reloaded = first.call("reload", &json!({}));
    assert_eq!(reloaded["added"], json!(["new"]), "{reloaded}");
    let pid = first.wait_for_state("new", "running").pid;
    first.wait_for("state.json cannot be written");
    let written = fs::read_to_string(disk.path(&place, "state.json")).expect("the old one");
    assert!(
        !written.contains("\"new\""),
        "the disk is not full: {written}"
    );
    first.kill();

    let mut next = disk.start(&place);
    assert_eq!(place.processes(), [pid], "{}", next.log());
    assert_eq!(next.service("new").pid, pid);
    // Once there is room it is written down.
    drop(ballast);
    fs::remove_file(disk.path(&place, "ballast")).expect("a file");
    next.wait_for("state.json is written again");
    let written = fs::read_to_string(disk.path(&place, "state.json")).expect("a state");
    assert!(written.contains("\"new\""), "{written}");
    next.signal(nix::sys::signal::Signal::SIGINT);
    assert_eq!(next.exit().code(), Some(0));
}
