//! The host's command against a real agent, end to end.

use lastword_tests::process::{Agent, Place, lastword};
use serde_json::Value;
use std::fs::{self, File};
use std::process::Command;

/// Exit code, standard output, standard error.
fn run(endpoint: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(lastword())
        .args(["-u", endpoint])
        .args(arguments)
        .env_remove("LASTWORD_URL")
        .output()
        .expect("the command's binary");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn tcp(agent: &Agent) -> String {
    format!("tcp://{}", agent.address())
}

#[test]
fn a_script_gets_a_line_and_exit_code_0_over_every_link() {
    let place = Place::new();
    let agent = place.start();
    let unix = format!("unix://{}", place.path("agent.sock").display());
    let serial = format!("serial://{}", place.path("tty").display());
    for endpoint in [tcp(&agent), unix, serial] {
        let (code, out, err) = run(&endpoint, &["status"]);
        assert_eq!(code, Some(0), "{endpoint}: {out} {err}");
        assert!(out.starts_with("ok uptime_ms="), "{endpoint}: {out}");
        assert_eq!(out.lines().count(), 1, "{endpoint}: {out}");
    }
}

#[test]
fn a_program_gets_an_object() {
    let place = Place::new();
    let agent = place.start();
    let (code, out, err) = run(&tcp(&agent), &["--json", "hello"]);
    assert_eq!(code, Some(0), "{out} {err}");
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(object["name"], "board1", "{out}");
    assert_eq!(object["backend"], "dry-run", "{out}");
    let (code, out, _) = run(&tcp(&agent), &["--json", "power", "cancel"]);
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &object["error"]["code"]),
        (Some(1), &Value::from(404)),
        "{out}"
    );
}

#[test]
fn a_no_of_the_board_is_exit_code_1() {
    let place = Place::new();
    let agent = place.start();
    let (code, out, err) = run(&tcp(&agent), &["power", "cancel"]);
    assert_eq!(code, Some(1), "{out} {err}");
    assert!(out.starts_with("err 404 unknown"), "{out}");
}

#[test]
fn a_board_that_is_not_there_is_exit_code_2() {
    let place = Place::new();
    let nowhere = format!("unix://{}", place.path("nobody.sock").display());
    let (code, out, err) = run(&nowhere, &["status"]);
    assert_eq!(code, Some(2), "{out} {err}");
    assert!(err.contains("cannot reach unix://"), "{err}");
}

#[test]
fn what_is_wrong_is_said_once_where_both_streams_end_in_one_file() {
    let place = Place::new();
    let nowhere = format!("unix://{}", place.path("nobody.sock").display());
    for (line, said) in [
        ("status", "cannot reach unix://"),
        ("statsu", "want=\"status\""),
    ] {
        let path = place.path("both");
        let both = File::create(&path).unwrap();
        let mut asked = Command::new(lastword());
        asked.args(["-u", &nowhere, line]);
        asked.stdout(both.try_clone().unwrap()).stderr(both);
        assert!(!asked.status().unwrap().success(), "{line}");
        let text = fs::read_to_string(path).unwrap();
        assert_eq!(
            (text.lines().count(), text.contains(said)),
            (1, true),
            "{text}"
        );
    }
}

#[test]
fn what_makes_no_sense_is_exit_code_3_and_nothing_is_sent() {
    let place = Place::new();
    let nowhere = format!("unix://{}", place.path("nobody.sock").display());
    for arguments in [
        &["statsu"][..],
        &["power", "reboot", "--in", "soon"],
        &["status", "--wait"],
        &["--nope"],
    ] {
        let (code, out, err) = run(&nowhere, arguments);
        assert_eq!(code, Some(3), "{arguments:?}: {out} {err}");
    }
    let (_, _, err) = run(&nowhere, &["statsu"]);
    assert!(err.contains("Did you mean: status?"), "{err}");
}

/// The words that the command keeps for itself, as its help lists them.
fn own_words(help: &str) -> Vec<&str> {
    let words = help.split_once("unless they stand behind `--`: ");
    let words = words.and_then(|(_, words)| words.split_once('.'));
    words.expect(help).0.split_whitespace().collect()
}

#[test]
fn every_line_behind_two_dashes_reaches_the_board() {
    let place = Place::new();
    let agent = place.start();
    let unix = format!("unix://{}", place.path("agent.sock").display());
    let serial = format!("serial://{}", place.path("tty").display());
    let (_, help, _) = run(&unix, &["--help"]);
    let words = own_words(&help);
    assert!(
        words.contains(&"console") && words.contains(&"--wait"),
        "{help}"
    );
    for endpoint in [tcp(&agent), unix, serial] {
        for word in &words {
            // No command of the agent's: that is for the agent to say.
            let (code, out, err) = run(&endpoint, &["--", word]);
            assert_eq!(code, Some(1), "{endpoint} {word}: {out} {err}");
            assert!(out.starts_with("err 4"), "{endpoint} {word}: {out}");
            assert_eq!(out.lines().count(), 1, "{endpoint} {word}: {out}");
        }
        let (code, out, err) = run(&endpoint, &["power", "reboot", "--", "--wait"]);
        assert_eq!(code, Some(1), "{endpoint}: {out} {err}");
        let (code, out, err) = run(&endpoint, &["--", "status"]);
        assert_eq!(code, Some(0), "{endpoint}: {out} {err}");
    }
    let (code, out, _) = run(&tcp(&agent), &["--json", "--", "console"]);
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &object["ok"]),
        (Some(1), &Value::from(false)),
        "{out}"
    );
    let status = agent.tcp().ask("power status");
    assert!(status.ends_with("pending=none"), "{status}");
}

#[test]
fn a_dry_run_is_accepted_and_its_proof_fails() {
    let place = Place::new();
    let agent = place.start();
    let (code, out, err) = run(&tcp(&agent), &["power", "reboot"]);
    assert_eq!(code, Some(0), "{out} {err}");
    assert!(
        out.starts_with("ok initiated operation=reboot backend=dry-run"),
        "{out}"
    );
    agent
        .tcp()
        .ask_until("power status", "last_outcome=dry_run");
    let (code, out, err) = run(
        &tcp(&agent),
        &["power", "reboot", "--wait", "--timeout", "20s"],
    );
    assert_eq!(code, Some(1), "{out} {err}");
    assert!(err.contains("not rebooted: reboot dry_run"), "{out} {err}");
    let wait = ["reboot", "--wait", "--json", "--timeout", "20s"];
    let (code, out, err) = run(&tcp(&agent), &wait);
    assert_eq!(code, Some(1), "{out} {err}");
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(object["proof"]["verdict"], "not_rebooted", "{out}");
}
