//! A refusal to prepare keeps its fixed detail and tells its cause, in every dialect and on record.

use lastword_tests::process::{Agent, Place, lastword};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

/// What can be asked of an agent that cannot do it.
struct Refused<'a> {
    agent: &'a Agent,
    command: &'a str,
    method: &'a str,
    code: &'a str,
    detail: &'a str,
    cause: &'a str,
}

impl Refused<'_> {
    #[track_caller]
    fn check(&self) {
        let Self {
            agent,
            command,
            code,
            detail,
            cause,
            ..
        } = self;
        let plain = agent.unix().ask(&format!("{command} --op 7"));
        assert_eq!(
            plain,
            format!("err {code} detail=\"{detail}\" cause=\"{cause}\"")
        );
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": self.method});
        let answer: Value =
            serde_json::from_str(&agent.unix().ask(&call.to_string())).expect("an answer");
        assert_eq!(answer["error"]["message"], *detail, "{answer}");
        assert_eq!(answer["error"]["data"]["cause"], *cause, "{answer}");
        let mut person = agent.unix();
        person.send(format!("mode term\n{command}\r"));
        let said = person.until(cause);
        assert!(said.contains(&format!("{detail}: {cause}")), "{said}");
        let by_frames = Command::new(lastword())
            .args([
                "-u",
                &format!("unix://{}", agent.socket().display()),
                "--json",
            ])
            .args(command.split(' '))
            .output()
            .expect("an answer");
        let answer: Value = serde_json::from_slice(&by_frames.stdout).expect("an answer");
        assert_eq!(answer["error"]["detail"], *detail, "{answer}");
        assert_eq!(answer["error"]["cause"], *cause, "{answer}");
        let status = agent.unix().ask("power status");
        assert!(
            status.ends_with(&format!("last_refusal=\"{cause}\"")),
            "{status}"
        );
    }
}

/// An agent whose configuration says this of power. Nothing of it can be carried out here.
fn place(power: &str) -> Place {
    let place = Place::new();
    let (state, socket) = (place.path("state"), place.path("agent.sock"));
    place.write_config(&format!(
        "state \"{}\"\nlisten {{ unix \"{}\"; }}\npower {{ {power} }}\n",
        state.display(),
        socket.display()
    ));
    place
}

#[test]
fn an_agent_without_a_backend_says_so_and_remembers_it() {
    let place = place("backend \"none\"");
    let mut agent = place.start();
    Refused {
        agent: &agent,
        command: "power reboot",
        method: "power.reboot",
        code: "501 not_here",
        detail: "invalid command",
        cause: "the agent has no power backend",
    }
    .check();
    let before = agent.unix().ask("power status");
    assert_eq!(agent.terminate(), Some(0));
    let record = fs::read(place.path("state/power.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    let cause = "the agent has no power backend";
    assert_eq!(record["refused"]["cause"], cause, "{record}");
    assert_eq!(record["refused"]["operation"], "Reboot", "{record}");
    assert_eq!(place.start().unix().ask("power status"), before);
}

/// A state directory on a full disk, in a mount namespace of its own; then the agent.
const FULL: &str = "mount -t tmpfs -o size=64k tmpfs \"$1\"
    dd if=/dev/zero of=\"$1/ballast\" bs=4k 2>/dev/null || true
    shift; exec \"$@\"";

#[test]
fn an_agent_that_cannot_write_the_staging_down_says_so_and_heals() {
    let place = place("backend \"dry-run\"");
    let state = place.path("state");
    fs::create_dir(&state).unwrap();
    let plain = place.command("run");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-ec", FULL, "sh"]);
    command
        .arg(&state)
        .arg(plain.get_program())
        .args(plain.get_args());
    command.env("RUST_LOG", "info");
    let mut agent = place.started_by(&mut command);
    agent.wait_for_any(&[" ready ", "unshare: ", "mount: "]);
    if !agent.log().contains(" ready ") {
        eprintln!("not shown: a full disk; this needs util-linux and a mount namespace");
        return;
    }
    for (command, method, code, detail) in [
        (
            "power reboot",
            "power.reboot",
            "501 not_here",
            "invalid command",
        ),
        (
            "power shutdown",
            "power.shutdown",
            "501 not_here",
            "invalid command",
        ),
    ] {
        Refused {
            agent: &agent,
            command,
            method,
            code,
            detail,
            cause: "no space left on device",
        }
        .check();
    }
    let graceful = agent.unix().ask("power reboot --graceful");
    let expected = "err 500 internal detail=\"fail\" cause=\"no space left on device\"";
    assert_eq!(graceful, expected);
    // The disk is seen through the agent's own eyes.
    let ballast = format!(
        "/proc/{}/root{}",
        agent.pid(),
        state.join("ballast").display()
    );
    fs::remove_file(ballast).unwrap();
    let reply = agent.unix().ask("power reboot --op 9");
    assert!(reply.starts_with("ok initiated"), "{reply}");
    let status = agent.unix().ask_until("power status", "last_op=9");
    assert!(!status.contains("last_refusal"), "{status}");
    assert_eq!(agent.terminate(), Some(0));
}
