//! A state file that is lost, damaged or out of date: the next agent finds what runs all the same, and no
//! service ever runs twice.

use lastword_tests::process::{Agent, Deadline, Place};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

/// Whether services have a cgroup of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cgroups {
    Delegated,
    None,
}

/// Starts an agent in a mount namespace without the unified hierarchy: it finds no cgroup to divide.
fn start(place: &Place, cgroups: Cgroups) -> Agent {
    if cgroups == Cgroups::Delegated {
        return place.start();
    }
    let plain = place.command("run");
    let mut command = Command::new("unshare");
    let script = "for mount in $(awk '$3 == \"cgroup2\" {print $2}' /proc/mounts); do \
                  umount -l \"$mount\"; done; exec \"$@\"";
    command.args(["--mount", "sh", "-ec", script, "sh"]);
    command.arg(plain.get_program()).args(plain.get_args());
    let set = plain.get_envs();
    command.envs(set.filter_map(|(key, value)| Some((key, value?))));
    let mut agent = place.started_by(&mut command);
    agent.wait_for(" ready ");
    agent
}

/// Whether this test may take mounts away from an agent.
fn may_unmount() -> bool {
    let is_root = geteuid().is_root();
    if !is_root {
        eprintln!("NOT SHOWN: agents without a cgroup; this needs root");
    }
    is_root
}

/// How long the services of a test sleep, in seconds: nobody else on this machine sleeps so long.
fn nap(name: &str) -> String {
    let letters: u32 = name.bytes().map(u32::from).sum();
    format!("{}.{letters}", 1_000_000 + std::process::id())
}

/// The processes that sleep so long, whatever their environment says.
fn sleepers(nap: &str) -> Vec<i32> {
    let wanted = [b"sleep\0", nap.as_bytes(), b"\0"].concat();
    let entries = fs::read_dir("/proc").expect("processes").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_it = |pid: &i32| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|it| it == wanted);
    pids.filter(is_it).collect()
}

/// Ends what a failed test has left.
struct Sleepers(Vec<String>);

impl Drop for Sleepers {
    fn drop(&mut self) {
        for pid in self.0.iter().flat_map(|nap| sleepers(nap)) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// One service that keeps its environment, and one that wipes it.
const SERVICES: [&str; 2] = ["plain", "wiped"];

/// Kills an agent whose services run, does `damage` to its state directory, and counts what runs once the
/// next agent is there.
#[track_caller]
fn check(case: &str, cgroups: Cgroups, damage: impl Fn(&Path)) {
    if cgroups == Cgroups::None && !may_unmount() {
        return;
    }
    let place = Place::with_services();
    let naps = SERVICES.map(|name| nap(&format!("{case}{cgroups:?}{name}")));
    let _left = Sleepers(naps.to_vec());
    place.shell("plain", &format!("exec sleep {}", naps[0]), "");
    place.shell("wiped", &format!("exec env -i sleep {}", naps[1]), "");
    let mut first = start(&place, cgroups);
    for (name, nap) in SERVICES.iter().zip(&naps) {
        let pid = first.wait_for_state(name, "running").pid;
        place.wait_until_written(pid);
        let deadline = Deadline::start();
        while sleepers(nap) != [pid] {
            deadline.check(name, &sleepers(nap));
        }
    }
    let before = naps.each_ref().map(|nap| sleepers(nap));
    first.kill();
    let state = place.path("state");
    damage(&state.join("state.json"));

    let mut next = start(&place, cgroups);
    for (name, nap) in SERVICES.iter().zip(&naps) {
        let deadline = Deadline::start();
        // A new process is not its program at once.
        while next.service(name).pid == 0 || sleepers(nap).is_empty() {
            deadline.check(name, &next.service(name));
        }
        let running = sleepers(nap);
        assert_eq!(
            running,
            [next.service(name).pid],
            "{case}, {cgroups:?}: {name}"
        );
    }
    let after = naps.each_ref().map(|nap| sleepers(nap));
    // Where what they write to is gone, they are replaced.
    if state.join("fifo/plain.out").exists() && !case.contains("directory_that_is_gone") {
        assert_eq!(after, before, "{case}, {cgroups:?}: {}", next.log());
    }
    if state.join("state.json").exists() {
        assert!(state.join("state.json").is_file(), "{case}: {}", next.log());
    }
    next.signal(Signal::SIGINT);
    assert_eq!(
        next.exit().code(),
        Some(0),
        "{case}, {cgroups:?}: {}",
        next.log()
    );
    for nap in &naps {
        assert!(sleepers(nap).is_empty(), "{case}, {cgroups:?}: {nap}");
    }
}

fn newer(file: &Path) {
    let text = fs::read(file).expect("a state");
    let mut state: serde_json::Value = serde_json::from_slice(&text).expect("a state");
    state["format"] = 4_711.into();
    fs::write(file, state.to_string()).expect("a file");
}

fn without_services(file: &Path) {
    let text = fs::read(file).expect("a state");
    let mut state: serde_json::Value = serde_json::from_slice(&text).expect("a state");
    let components = state["components"].as_array_mut().expect("components");
    components.retain(|it| it["kind"] == "system");
    fs::write(file, state.to_string()).expect("a file");
}

fn with_other_nonces(file: &Path) {
    let text = fs::read(file).expect("a state");
    let mut state: serde_json::Value = serde_json::from_slice(&text).expect("a state");
    for component in state["components"].as_array_mut().expect("components") {
        component["nonce"] = "00000000000004d2".into();
        component["pid"] = 0.into();
    }
    fs::write(file, state.to_string()).expect("a file");
}

fn replace(file: &Path, with: impl FnOnce(&Path)) {
    fs::remove_file(file).expect("a state");
    with(file);
}

macro_rules! cases {
    ($($name:ident: $damage:expr),* $(,)?) => {
        $(
            mod $name {
                use super::*;

                #[test]
                fn in_a_cgroup() {
                    check(stringify!($name), Cgroups::Delegated, $damage);
                }

                #[test]
                fn without_a_cgroup() {
                    check(stringify!($name), Cgroups::None, $damage);
                }
            }
        )*
    };
}

cases! {
    one_copy_after_an_empty_state: |file| fs::write(file, "").expect("a file"),
    one_copy_after_a_state_that_is_cut: |file| {
        let text = fs::read(file).expect("a state");
        fs::write(file, &text[..text.len() / 2]).expect("a file");
    },
    one_copy_after_a_state_of_zeros: |file| fs::write(file, [0; 4_096]).expect("a file"),
    one_copy_after_a_state_of_a_newer_format: newer,
    one_copy_after_a_state_that_is_gone: |file| fs::remove_file(file).expect("a state"),
    one_copy_after_a_state_that_is_a_directory: |file| replace(file, |file| {
        fs::create_dir(file).expect("a directory");
        fs::write(file.join("something"), "in it").expect("a file");
    }),
    one_copy_after_a_state_that_cannot_be_opened: |file| replace(file, |file| {
        symlink(file, file).expect("a link to itself");
    }),
    one_copy_after_a_state_without_permissions: |file| {
        fs::set_permissions(file, fs::Permissions::from_mode(0o000)).expect("our own");
    },
    one_copy_after_a_state_that_is_a_fifo: |file| replace(file, |file| {
        nix::unistd::mkfifo(file, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
    }),
    one_copy_after_a_state_that_knows_no_service: without_services,
    one_copy_after_a_state_with_other_nonces: with_other_nonces,
    one_copy_after_a_directory_that_is_gone: |file| {
        fs::remove_dir_all(file.parent().expect("a directory")).expect("our own");
    },
}
