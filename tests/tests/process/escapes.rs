//! Names and lines that hold what a terminal acts on: nobody is shown any of it as it is.

use lastword_shell::escape::is_hidden;
use lastword_tests::process::{Agent, Place, lastword, lastword_sim, lastwordd};
use serde_json::json;
use std::fs;
use std::process::{Command, Output};

/// An escape sequence, a bell, what is the beginning of one in one character, text turned around, and ends of
/// lines as editors know them.
const HOSTILE: &str = "x\u{1b}]0;p\u{7}\u{9b}31m\u{202e}dne\u{2066}\u{85}\u{2028}\u{2029}y";

/// `said` is text of lines, in which nothing is hidden and something is told of the hostile name.
#[track_caller]
fn check(what: &str, said: &[u8]) {
    let said = std::str::from_utf8(said).unwrap_or_else(|error| panic!("{what}: {error}"));
    let hidden: Vec<_> = said
        .chars()
        .filter(|it| is_hidden(*it) && !matches!(it, '\n' | '\r'))
        .collect();
    assert!(hidden.is_empty(), "{what}: {hidden:?} in {said:?}");
    assert!(said.contains("202e"), "{what}: {said:?}");
}

fn check_both(what: &str, output: &Output) {
    let said = [&output.stdout[..], &output.stderr].concat();
    check(what, &said);
}

/// A file's name with an end of line in it, which may look like a line of its own.
fn hostile_file() -> String {
    format!("{HOSTILE}\nlastwordd: ok.kdl")
}

#[test]
fn names_of_files_are_shown_safely_by_check_the_log_and_a_reload() {
    let place = Place::with_services();
    fs::write(place.path("services").join(hostile_file()), "command \"x\"").expect("a file");
    let output = place.run_to_end("check");
    check("check", &output.stderr);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("\nlastwordd: ok"));
    let mut agent = place.start();
    for (what, said) in [
        ("plain", agent.unix().ask("svc reload")),
        ("json", raw_call(&agent, "reload")),
    ] {
        check(what, said.as_bytes());
    }
    check("lastword", &asked(&agent, &["svc", "reload"]).stdout);
    check(
        "lastword --json",
        &asked(&agent, &["--json", "svc", "reload"]).stdout,
    );
    agent.terminate();
    let log = agent.log();
    for line in log.lines().filter(|line| line.contains("202e")) {
        check("log", line.as_bytes());
        assert!(line.contains("ERROR"), "an event is one line: {line}");
    }
    assert!(log.contains("202e"), "{log}");
}

/// The line that answers a call.
fn raw_call(agent: &Agent, method: &str) -> String {
    let mut peer = agent.unix();
    peer.send(format!(
        "{}\n",
        json!({"jsonrpc": "2.0", "id": 1, "method": method})
    ));
    peer.line()
}

/// What the command prints.
fn asked(agent: &Agent, words: &[&str]) -> Output {
    let board = format!("unix://{}", agent.socket().display());
    let mut command = Command::new(lastword());
    command.args(["-u", &board]).args(words);
    command.output().expect("the command")
}

#[test]
fn lines_of_logs_are_shown_safely_in_every_dialect() {
    let place = Place::with_services();
    let file = place.path("said");
    fs::write(&file, format!("{HOSTILE}\n")).expect("a file");
    place.shell(
        "says",
        &format!("cat {}; exec sleep 1000", file.display()),
        "",
    );
    let agent = place.start();
    agent.wait_for_line("says", 1);
    let mut script = agent.unix();
    script.send("svc logs says\n");
    let plain = script.until("\nok\n");
    check("plain", plain.as_bytes());
    let mut term = agent.unix();
    term.send(b"mode term\n");
    term.send("svc logs says\r");
    let shown = term.until("y\r\n");
    check("term", term_rows(&shown).as_bytes());
    let mut peer = agent.unix();
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "svc.logs", "params": {"name": "says"}});
    peer.send(format!("{call}\n"));
    let said = peer.line();
    check("json", said.as_bytes());
    let answer: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(
        answer["result"]["lines"][0]["line"], HOSTILE,
        "and it is the same text"
    );
    for words in [
        &["svc", "logs", "says"][..],
        &["--json", "svc", "logs", "says"],
    ] {
        check_both(&format!("{words:?}"), &asked(&agent, words));
    }
    let _ = agent.call("stop", &json!({"all": true}));
}

/// What follows the line that was typed, which has escapes of our own around the prompt.
fn term_rows(shown: &str) -> &str {
    shown.rsplit_once("[out]").map_or(shown, |(_, row)| row)
}

#[test]
fn words_of_a_command_line_are_shown_safely_by_all_three_programs() {
    for program in [lastwordd(), lastword(), lastword_sim()] {
        let output = Command::new(&program).arg(format!("--{HOSTILE}")).output();
        check_both(
            &program.display().to_string(),
            &output.expect("the program"),
        );
    }
    let config = format!("/nowhere/{HOSTILE}");
    for subcommand in ["check", "run", "down"] {
        let mut command = Command::new(lastwordd());
        let output = command.args([subcommand, "--config", &config]).output();
        check_both(subcommand, &output.expect("the program"));
    }
    let board = format!("unix:///nowhere/{HOSTILE}");
    for words in [&["status"][..], &["--json", "status"], &["console"]] {
        let mut command = Command::new(lastword());
        let output = command.args(["-u", &board]).args(words).output();
        check_both(&format!("{words:?}"), &output.expect("the program"));
    }
    let state = format!("/nowhere/{HOSTILE}");
    let mut command = Command::new(lastword_sim());
    let output = command.args(["--pty", &state]).output();
    check_both("lastword-sim", &output.expect("the program"));
}
