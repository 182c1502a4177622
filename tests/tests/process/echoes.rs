//! Lines on which boards hear what boards say: a tty that echoes, TX on RX, two boards crosswise. The
//! traffic ends by itself, is told once, and whoever comes is served.

use lastword_tests::process::{Agent, Feedback, NullModem, Peer, Place, Simulator, lastword};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use tempfile::TempDir;

/// Starts of the traffic: the line that a script has sent to each board before, and the bytes that the
/// first board receives.
const CASES: [(&str, &[u8]); 10] = [
    ("", b"bogus\n"),
    ("", b"bogus\r"),
    ("", b"mode term\n"),
    ("", b"help\n"),
    ("", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"bogus\"}\n"),
    ("", b"bogus \xff\n"),
    ("mode plain", b"bogus\n"),
    ("mode json", b"bogus\n"),
    ("mode term", b"bogus\n"),
    ("mode term", b"x"),
];

/// A board, and the tty at which it is reached. Everything ends with it.
struct Board {
    tty: PathBuf,
    kind: BoardKind,
}

enum BoardKind {
    Simulated {
        _board: Simulator,
        _place: TempDir,
    },
    OnPty {
        agent: Agent,
        _place: Place,
    },
    OnSerial {
        agent: Agent,
        _place: Place,
        _cable: NullModem,
    },
}

fn simulated() -> Board {
    let place = tempfile::tempdir().expect("a temporary directory");
    let tty = place.path().join("tty");
    let board = Simulator::on_a_terminal(&tty, &[]);
    let kind = BoardKind::Simulated {
        _board: board,
        _place: place,
    };
    Board { tty, kind }
}

fn on_pty() -> Board {
    let place = Place::new();
    let agent = place.start();
    let tty = place.path("tty");
    let kind = BoardKind::OnPty {
        agent,
        _place: place,
    };
    Board { tty, kind }
}

fn on_serial() -> Board {
    let cable = NullModem::new();
    let place = Place::new();
    let device = cable.board_end().display();
    place.configure(&format!("serial \"{device}\""), "");
    let agent = place.start();
    let tty = cable.host_end().to_owned();
    let kind = BoardKind::OnSerial {
        agent,
        _place: place,
        _cable: cable,
    };
    Board { tty, kind }
}

impl Board {
    /// Sets the tty as a person would.
    fn stty(&self, settings: &[&str]) {
        let mut command = Command::new("stty");
        let set = command.arg("-F").arg(&self.tty).args(settings).status();
        assert!(set.expect("coreutils").success(), "stty {settings:?}");
    }

    /// Sends this as a script, and reads the answer.
    fn obeys(&self, line: &str) {
        self.stty(&["raw", "-echo"]);
        let mut script = Peer::open_tty(&self.tty);
        script.send(format!("\n@begin\n{line}\n"));
        script.until("ok @begin\n");
        script.until(if line == "mode term" { "> " } else { "\n" });
    }

    /// Ends the board, and returns the number of warnings of an echo in its log if it is an agent.
    fn warnings(self) -> Option<usize> {
        let (BoardKind::OnPty { mut agent, .. } | BoardKind::OnSerial { mut agent, .. }) =
            self.kind
        else {
            return None;
        };
        assert_eq!(agent.terminate(), Some(0));
        Some(agent.log().matches("the line echoes").count())
    }

    /// Checks that a frame client, a script and a person are served, one after the other, on a line that is
    /// one again.
    #[track_caller]
    fn serves(&self, behind: &str) {
        self.stty(&["raw", "-echo"]);
        let output = Command::new(lastword())
            .args(["-u", &format!("serial://{}", self.tty.display()), "status"])
            .env_remove("LASTWORD_URL")
            .output()
            .expect("the command's binary");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(output.status.code(), Some(0), "{said} behind {behind:?}");
        let mut line = Peer::open_tty(&self.tty);
        line.send("\nmode plain\n@script uptime\n");
        line.until("ok @script uptime_ms=");
        line.send("mode term\n");
        line.until("> ");
        line.send("uptime\r");
        line.until("uptime: ");
        line.until("> ");
    }
}

/// Makes the traffic in each way, on boards of their own, all at the same time: it is mostly waiting.
fn check<const BOARDS: usize>(
    boards: impl Fn() -> [Board; BOARDS] + Sync,
    wire: impl Fn(&[Board; BOARDS]) -> Feedback + Sync,
) {
    thread::scope(|scope| {
        for (before, first) in CASES {
            let (boards, wire) = (&boards, &wire);
            scope.spawn(move || check_case(before, first, boards(), wire));
        }
    });
}

fn check_case<const BOARDS: usize>(
    before: &str,
    first: &[u8],
    boards: [Board; BOARDS],
    wire: impl Fn(&[Board; BOARDS]) -> Feedback,
) {
    if !before.is_empty() {
        for board in &boards {
            board.obeys(before);
        }
    }
    let mut feedback = wire(&boards);
    let said = feedback.exchange(first);
    let first = String::from_utf8_lossy(first);
    let case = format!("{before:?}, {first:?}: {said:?}");
    for said in &said {
        assert!(said.len() < MOST_BYTES, "{case}");
        assert!(told(said) <= 1, "{case}");
    }
    assert!(said.iter().any(|said| told(said) == 1), "{case}");
    if BOARDS == 1 {
        // A script is served though the wiring is as it was.
        let script = &feedback.exchange(b"\nmode plain\n@here uptime\n")[0];
        assert!(script.contains("ok @here uptime_ms="), "{script:?} {case}");
        assert!(told(script) == 0, "{script:?} {case}");
    }
    drop(feedback);
    for (board, said) in boards.into_iter().zip(&said) {
        board.serves(&case);
        let warnings = board.warnings();
        assert!(warnings.is_none_or(|it| it == told(said)), "{case}");
    }
}

/// Counts how often a board tells that its line echoes. Where it shows a person what another board says,
/// that stands behind a prompt.
fn told(said: &str) -> usize {
    said.lines()
        .filter(|line| *line == "! 0 line state=echo")
        .count()
}

fn check_echoing_tty(board: fn() -> Board) {
    let wire = |[board]: &[Board; 1]| {
        board.stty(&["sane"]);
        Feedback::echoing_tty(&board.tty)
    };
    check(|| [board()], wire);
}

fn check_loopback(board: fn() -> Board) {
    check(|| [board()], |[board]| Feedback::loopback(&board.tty));
}

fn check_crosswise(near: fn() -> Board, far: fn() -> Board) {
    let wire = |[near, far]: &[Board; 2]| Feedback::crosswise(&near.tty, &far.tty);
    check(|| [near(), far()], wire);
}

#[test]
fn a_simulated_board_on_a_tty_that_echoes_falls_silent() {
    check_echoing_tty(simulated);
}

#[test]
fn an_agent_on_a_pty_that_echoes_falls_silent() {
    check_echoing_tty(on_pty);
}

#[test]
fn an_agent_whose_serial_line_ends_at_a_tty_that_echoes_falls_silent() {
    check_echoing_tty(on_serial);
}

#[test]
fn a_simulated_board_with_tx_on_rx_falls_silent() {
    check_loopback(simulated);
}

#[test]
fn an_agent_on_a_pty_with_tx_on_rx_falls_silent() {
    check_loopback(on_pty);
}

#[test]
fn an_agent_on_a_serial_line_with_tx_on_rx_falls_silent() {
    check_loopback(on_serial);
}

#[test]
fn two_simulated_boards_crosswise_fall_silent() {
    check_crosswise(simulated, simulated);
}

#[test]
fn two_agents_crosswise_fall_silent() {
    check_crosswise(on_pty, on_serial);
}

#[test]
fn an_agent_and_a_simulated_board_crosswise_fall_silent() {
    check_crosswise(simulated, on_serial);
}

/// The most bytes that a board says until it is silent.
const MOST_BYTES: usize = 8_000;
