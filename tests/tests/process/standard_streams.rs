//! Standard error and standard output that fail, stall or are closed: they stop nothing.

use lastword_tests::process::{Place, RawProcess, lastword_sim, lastwordd};
use nix::sys::signal::Signal;
use std::fs::{File, OpenOptions};
use std::io::{PipeReader, Read, pipe};
use std::process::{Command, Stdio};

fn full() -> File {
    let full = OpenOptions::new().write(true).open("/dev/full");
    full.expect("/dev/full")
}

fn agent(place: &Place) -> Command {
    let mut command = place.command("run");
    command.env("RUST_LOG", "trace");
    command
}

/// An agent does what it is asked for and ends well.
fn serves(place: &Place, agent: &mut RawProcess) {
    let mut peer = agent.connect(&place.path("agent.sock"));
    for id in 1..4 {
        let reply = peer.ask(&format!("power reboot --op {id} --in 1h"));
        assert!(reply.starts_with("ok initiated"), "{reply}");
        let reply = peer.ask("power cancel");
        assert!(reply.starts_with("ok cancelled"), "{reply}");
    }
    drop(peer);
    agent.signal(Signal::SIGTERM);
    assert_eq!(agent.exit().code(), Some(0));
}

#[test]
fn an_agent_whose_standard_error_takes_nothing_serves() {
    let place = Place::new();
    let mut agent = RawProcess::start(agent(&place).stderr(full()));
    serves(&place, &mut agent);
}

#[test]
fn an_agent_whose_standard_error_nobody_reads_any_more_serves() {
    let place = Place::new();
    let (reader, writer) = pipe().expect("a pipe");
    let mut agent = RawProcess::start(agent(&place).stderr(writer));
    let reader = until(reader, " ready ");
    drop(reader);
    serves(&place, &mut agent);
}

#[test]
fn an_agent_whose_standard_error_is_read_no_further_serves_and_tells_what_was_lost() {
    let place = Place::new();
    let (reader, writer) = pipe().expect("a pipe");
    let mut agent = RawProcess::start(agent(&place).stderr(writer));
    let reader = until(reader, " ready ");
    let mut peer = agent.connect(&place.path("agent.sock"));
    // Each is logged: more than pipe and queue hold.
    for id in 1..3_000 {
        assert!(
            peer.ask(&format!("power reboot --op {id} --in 1h"))
                .starts_with("ok ")
        );
        assert!(peer.ask("power cancel").starts_with("ok cancelled"));
    }
    drop(peer);
    let reader = until(reader, "lines of this log were lost");
    let mut again = agent.connect(&place.path("agent.sock"));
    assert!(again.ask("uptime").starts_with("ok "));
    drop(again);
    // And it ends though nobody reads again.
    agent.signal(Signal::SIGTERM);
    assert_eq!(agent.exit().code(), Some(0));
    drop(reader);
}

#[test]
fn a_simulated_board_whose_standard_error_fails_or_stalls_serves() {
    for how in ["full", "gone", "stalled"] {
        let directory = tempfile::tempdir().expect("a directory");
        let tty = directory.path().join("tty");
        let (reader, writer) = pipe().expect("a pipe");
        let mut command = Command::new(lastword_sim());
        command
            .env_clear()
            .env("RUST_LOG", "trace")
            .arg("--pty")
            .arg(&tty);
        let mut board = match how {
            "full" => RawProcess::start(command.stderr(full())),
            _ => RawProcess::start(command.stderr(writer)),
        };
        drop(command);
        let reader = (how == "stalled").then_some(reader);
        let mut line = board.terminal(&tty);
        line.send("\n@begin\n");
        line.until("ok @begin\n");
        for _ in 0..3 {
            assert!(line.ask("power status").starts_with("ok "), "{how}");
        }
        board.signal(Signal::SIGTERM);
        assert_eq!(board.exit().code(), Some(0), "{how}");
        drop(reader);
    }
}

#[test]
fn commands_that_end_by_themselves_say_so_by_their_exit_code_whoever_listens() {
    let place = Place::new();
    let wrong = Place::new();
    wrong.write_config("listen { nothing; }\n");
    let cases: [(&Place, &str, i32, i32); 4] = [
        // With a reader that is gone, and where standard output cannot be written.
        (&place, "check", 0, 1),
        (&place, "down", 0, 1),
        (&wrong, "check", 3, 3),
        (&wrong, "run", 3, 3),
    ];
    for (place, subcommand, gone, unwritten) in cases {
        let run = |out: Stdio| {
            let mut command = place.command(subcommand);
            RawProcess::start(command.stdout(out).stderr(full()))
                .exit()
                .code()
        };
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        assert_eq!(run(writer.into()), Some(gone), "{subcommand}");
        assert_eq!(run(full().into()), Some(unwritten), "{subcommand}");
    }
    let mut help = Command::new(lastwordd());
    let help = RawProcess::start(help.arg("--help").stdout(full()).stderr(full())).exit();
    assert_eq!(help.code(), Some(0));
}

/// Reads until a line holds this.
fn until(reader: PipeReader, part: &str) -> PipeReader {
    // A byte at a time: what comes behind the line stays in the pipe.
    let mut reader = reader;
    let mut line = Vec::new();
    loop {
        let mut byte = [0];
        let count = reader.read(&mut byte).expect("a pipe");
        assert!(count > 0, "it has ended before {part:?}");
        if byte == *b"\n" {
            if String::from_utf8_lossy(&line).contains(part) {
                return reader;
            }
            line.clear();
        } else {
            line.extend(byte);
        }
    }
}
