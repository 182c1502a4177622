//! Who owns a serial line, and how the line gets free again.

use lastword_tests::process::{Simulator, lastword};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

fn board() -> (TempDir, Simulator) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let tty = directory.path().join("tty");
    let board = Simulator::on_a_terminal(&tty, &[]);
    (directory, board)
}

fn command(board: &Simulator, name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(lastword());
    command
        .args(["-u", &board.endpoint(), "--name", name])
        .args(arguments)
        .env_remove("LASTWORD_URL");
    command
}

fn run(board: &Simulator, name: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command(board, name, arguments)
        .output()
        .expect("the command's binary");
    let said = [stdout, stderr].concat();
    (status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// Alice waits for a reboot that is a minute away, and has heard that it is staged.
fn waiting(board: &Simulator) -> Child {
    let mut child = command(
        board,
        "alice@desk",
        &["power", "reboot", "--in", "60s", "--wait"],
    )
    .stdout(Stdio::null())
    .stderr(Stdio::piped())
    .spawn()
    .expect("the command's binary");
    let mut told = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    while !line.contains("accepted") {
        line.clear();
        assert_ne!(told.read_line(&mut line).expect("a pipe"), 0);
    }
    child.stderr = Some(told.into_inner());
    child
}

fn end(child: &mut Child, signal: Signal) -> Option<i32> {
    let pid = i32::try_from(child.id()).expect("a process id");
    kill(Pid::from_raw(pid), signal).expect("a running process");
    child.wait().expect("a child").code()
}

#[test]
fn who_is_interrupted_gives_the_line_free() {
    for (signal, code) in [
        (Signal::SIGINT, 130),
        (Signal::SIGTERM, 143),
        (Signal::SIGHUP, 129),
    ] {
        let (_directory, board) = board();
        let mut alice = waiting(&board);
        assert_eq!(end(&mut alice, signal), Some(code));
        let (code, said) = run(&board, "bob@shop", &["power", "cancel"]);
        assert_eq!(code, Some(0), "{signal}: {said}");
        assert!(!said.contains("alice"), "{signal}: {said}");
    }
}

#[test]
fn who_is_killed_keeps_neither_power_from_others_nor_the_line_from_its_own_user() {
    let (_directory, board) = board();
    let mut alice = waiting(&board);
    end(&mut alice, Signal::SIGKILL);
    let (code, said) = run(&board, "bob@shop", &["status"]);
    assert_eq!(code, Some(1), "{said}");
    for part in ["owned by alice@desk for ", " s, idle for ", "--take-over"] {
        assert!(said.contains(part), "{said}");
    }
    let (code, said) = run(&board, "bob@shop", &["power", "status"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("pending_phase=scheduled") || said.contains("scheduled"),
        "{said}"
    );
    let (code, said) = run(&board, "bob@shop", &["power", "cancel"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ok cancelled"), "{said}");
    let (code, said) = run(&board, "alice@desk", &["status"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("taking the line back"), "{said}");
    let (code, said) = run(&board, "bob@shop", &["status"]);
    assert_eq!(code, Some(0), "she said goodbye: {said}");
}
