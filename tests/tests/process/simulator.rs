//! The simulated board: resets that are proven, a line that takes its time, and what is left behind.

use lastword_tests::process::{Peer, Simulator, lastword, lastword_sim};
use nix::sys::signal::Signal;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

fn place() -> (TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let tty = directory.path().join("tty");
    (directory, tty)
}

/// A board on each kind of line.
fn boards(tty: &Path, arguments: &[&str]) -> [Simulator; 2] {
    [
        Simulator::on_a_terminal(tty, arguments),
        Simulator::over_tcp(arguments),
    ]
}

/// The host's command: what it says, which has to be this exit code.
#[track_caller]
fn check(board: &Simulator, arguments: &[&str], code: i32) -> String {
    let output = Command::new(lastword())
        .args(["-u", &board.endpoint()])
        .args(arguments)
        .env_remove("LASTWORD_URL")
        .output()
        .expect("the command's binary");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    said
}

/// The value of a key in an answer.
#[track_caller]
fn value<'a>(answer: &'a str, key: &str) -> &'a str {
    let word = answer
        .split_whitespace()
        .find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    word.unwrap_or_else(|| panic!("no {key} in {answer:?}"))
}

/// A link in plain, whatever it was before, behind whatever was said before.
fn plain(board: &Simulator) -> Peer {
    let mut line = board.line();
    line.send("\n@begin\n");
    line.until("ok @begin\n");
    line
}

#[test]
fn a_command_of_its_own_is_asked_behind_two_dashes() {
    let (_directory, tty) = place();
    for board in boards(&tty, &[]) {
        check(&board, &["led", "on"], 3);
        assert_eq!(check(&board, &["--", "led", "on"], 0), "ok led=on\n");
        assert_eq!(check(&board, &["--", "led; uptime"], 0).lines().count(), 3);
        check(&board, &["--", "led", "up"], 1);
        check(&board, &["status"], 0);
    }
}

#[test]
fn a_reboot_is_proven_by_a_new_boot_on_every_line() {
    let (_directory, tty) = place();
    for board in boards(&tty, &["--name", "desk"]) {
        let before = check(&board, &["hello"], 0);
        assert_eq!(value(&before, "name"), "desk");
        assert_eq!(value(&before, "kind"), "sim");
        let boot = value(&before, "boot");
        let proof = check(&board, &["power", "reboot", "--wait"], 0);
        assert!(proof.contains("\nrebooted: boot "), "{proof}");
        assert!(proof.contains(&format!("before {boot}")), "{proof}");
        let after = check(&board, &["hello"], 0);
        assert_ne!(value(&after, "boot"), boot);
        assert_eq!(value(&after, "cause"), "requested");
        assert_eq!(value(&after, "last_outcome"), "done");
        assert_eq!(value(&after, "last_evidence"), "uart_empty");
        assert_eq!(value(&after, "last_boot"), boot);
    }
}

#[test]
fn a_reboot_is_proven_over_a_line_that_loses() {
    let arguments = [
        "--fault",
        "drop=1e-3,flip=1e-3,duplicate=1e-3",
        "--seed",
        "4",
    ];
    let board = Simulator::over_tcp(&arguments);
    for _ in 0..3 {
        // A goodbye may be lost, too.
        let reboot = ["--take-over", "power", "reboot", "--wait"];
        let proof = check(&board, &reboot, 0);
        assert!(proof.contains("\nrebooted: boot "), "{proof}");
    }
}

#[test]
fn a_dry_run_is_not_taken_for_a_reboot() {
    let (_directory, tty) = place();
    for board in boards(&tty, &["--dry-run"]) {
        let proof = check(
            &board,
            &["power", "reboot", "--wait", "--timeout", "20s"],
            1,
        );
        assert!(proof.contains("not rebooted: reboot dry_run"), "{proof}");
    }
}

#[test]
fn a_shutdown_ends_the_process_once_its_acknowledgement_is_read() {
    let (_directory, tty) = place();
    for mut board in boards(&tty, &[]) {
        let mut line = plain(&board);
        line.send("power shutdown --op 7\n");
        let answer = line.line();
        assert_eq!(answer, "ok initiated operation=shutdown backend=mcu op=7");
        drop(line);
        assert_eq!(board.exit().code(), Some(0), "{}", board.log());
        assert!(!tty.is_symlink());
    }
}

#[test]
fn a_line_that_is_held_delays_the_reset_and_nothing_is_lost() {
    let (_directory, tty) = place();
    for mut board in boards(&tty, &[]) {
        let mut line = plain(&board);
        assert_eq!(line.ask("hold 200ms"), "ok");
        board.wait_for("held");
        line.send("reboot --op 7\n");
        let answer = line.line();
        assert_eq!(answer, "ok initiated operation=reboot backend=mcu op=7");
        line.until("boot loader: starting the responder\r\n");
        assert!(board.wait_for("fired").contains("lost=0"));
    }
}

#[test]
fn a_board_with_a_file_keeps_count_through_the_end_of_its_process() {
    let (directory, tty) = place();
    let file = directory.path().join("memory");
    let arguments = ["--state", file.to_str().expect("a path of ours")];
    let mut board = Simulator::on_a_terminal(&tty, &arguments);
    let first = check(&board, &["hello"], 0);
    assert_eq!(value(&first, "cause"), "power_on");
    check(&board, &["power", "reboot", "--op", "9", "--wait"], 0);
    board.kill();
    assert!(tty.is_symlink(), "nobody was there to remove it");
    let board = Simulator::on_a_terminal(&tty, &arguments);
    let second = check(&board, &["hello"], 0);
    assert_eq!(value(&second, "cause"), "external");
    assert_eq!(value(&second, "last_op"), "9");
    assert_eq!(value(&second, "last_boot"), value(&first, "boot"));
    // The same board, two boots later.
    let ids = [&first, &second].map(|hello| value(hello, "boot").replace('-', ""));
    let [boots_then, boots_now] = ids.each_ref().map(|id| {
        let count = u32::from_str_radix(&id[24..], 16).expect("hexadecimal");
        count.swap_bytes()
    });
    assert_eq!(ids[0][..24], ids[1][..24]);
    assert_eq!(boots_now, boots_then.wrapping_add(2));
}

#[test]
fn sigterm_and_sigint_end_it_well_and_tidy() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let (_directory, tty) = place();
        for mut board in boards(&tty, &[]) {
            board.signal(signal);
            assert_eq!(board.exit().code(), Some(0), "{}", board.log());
        }
        assert!(!tty.is_symlink(), "{signal}");
    }
}

#[test]
fn what_was_said_to_somebody_else_is_not_read_by_the_next() {
    let (_directory, tty) = place();
    let mut board = Simulator::on_a_terminal(&tty, &[]);
    let mut first = plain(&board);
    // Which is said only once everything before has left.
    first.send("@mine help; hold 1ms\n");
    board.wait_for("held");
    drop(first);
    board.wait_for("present=false");
    let mut second = board.line();
    second.send("\n@new uptime\n");
    let heard = second.until("ok @new uptime_ms=");
    assert!(!heard.contains("@mine"), "{heard:?}");
}

#[test]
fn a_line_has_one_peer_at_a_time_and_the_next_begins_anew() {
    let board = Simulator::over_tcp(&[]);
    let mut first = board.line();
    first.send("uptime\r");
    first.until("sim> ");
    let mut second = board.line();
    assert_eq!(second.rest(), "", "refused");
    // Half of a line, and the dialect, are gone with whoever typed them.
    first.send("rebo");
    first.until("rebo");
    first.half_close();
    assert_eq!(first.rest(), "");
    let mut third = board.line();
    third.send("\n@3 led\n");
    third.until("ok @3 led=off\n");
}

#[test]
fn what_makes_no_sense_is_told_and_nothing_is_started() {
    let (directory, tty) = place();
    let taken = directory.path().join("taken");
    fs::write(&taken, "mine").expect("a temporary directory");
    let taken = taken.to_str().expect("a path of ours");
    let tty = tty.to_str().expect("a path of ours");
    for (arguments, code, why) in [
        (&[][..], 3, "--pty <PATH>|--tcp <ADDRESS:PORT>"),
        (&["--pty", tty, "--tcp", "127.0.0.1:0"], 3, "cannot be used"),
        (
            &["--pty", tty, "--fault", "dorp=1"],
            3,
            "there are drop, flip",
        ),
        (&["--pty", tty, "--baud", "0"], 3, "50..=10000000"),
        (&["--pty", tty, "--name", ""], 3, "1 to 32 bytes"),
        (&["--tcp", "0.0.0.0:0"], 1, "--allow-unauthenticated"),
        (&["--pty", taken], 1, "something that is no link is there"),
        (&["--pty", tty, "--state", taken], 1, "no board's memory"),
    ] {
        let output = Command::new(lastword_sim())
            .args(arguments)
            .output()
            .expect("the binary");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
    assert!(!Path::new(tty).is_symlink());
}
