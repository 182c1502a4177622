//! Every kind of board that is a process here answers alike, on every kind of link.

mod reading;

use lastword_tests::every_board::{self, Board, Kind, Part, Wire};
use lastword_tests::process::{Agent, Place, Simulator};
use std::path::Path;
use tempfile::TempDir;

/// An agent reached over TCP.
struct OverTcp;

/// An agent on a pseudo-terminal.
struct OnATerminal;

/// An agent in a place of its own.
struct Running {
    agent: Agent,
    is_line: bool,
    _place: Place,
}

impl Running {
    fn start(is_line: bool) -> Box<dyn Board> {
        let place = Place::new();
        Box::new(Self {
            agent: place.start(),
            is_line,
            _place: place,
        })
    }
}

impl Kind for OverTcp {
    fn start(&self) -> Box<dyn Board> {
        Running::start(false)
    }
}

impl Kind for OnATerminal {
    fn start(&self) -> Box<dyn Board> {
        Running::start(true)
    }
}

impl Board for Running {
    fn link(&mut self) -> Wire {
        Wire::new(if self.is_line {
            self.agent.pty()
        } else {
            self.agent.tcp()
        })
    }

    fn is_line(&self) -> bool {
        self.is_line
    }
}

/// A simulated board on a pseudo-terminal.
struct SimulatedOnATerminal;

/// A simulated board behind a TCP port.
struct SimulatedOverTcp;

/// A simulated board, which really resets, as far as it is a board.
struct Simulated {
    simulator: Simulator,
    _directory: TempDir,
}

impl Simulated {
    fn start(simulator: impl FnOnce(&Path) -> Simulator) -> Box<dyn Board> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Box::new(Self {
            simulator: simulator(&directory.path().join("tty")),
            _directory: directory,
        })
    }
}

impl Kind for SimulatedOnATerminal {
    fn start(&self) -> Box<dyn Board> {
        Simulated::start(|tty| Simulator::on_a_terminal(tty, &[]))
    }
}

impl Kind for SimulatedOverTcp {
    fn start(&self) -> Box<dyn Board> {
        Simulated::start(|_| Simulator::over_tcp(&[]))
    }
}

impl Board for Simulated {
    fn link(&mut self) -> Wire {
        Wire::new(self.simulator.line())
    }

    fn next_boot(&mut self, mut link: Wire) -> Wire {
        link.until("boot loader: starting the responder\r\n");
        link.announced();
        link
    }

    fn is_line(&self) -> bool {
        true
    }
}

/// Each kind of board, with this part of the list.
fn check(part: Part) {
    part(&OverTcp);
    part(&OnATerminal);
    part(&SimulatedOnATerminal);
    part(&SimulatedOverTcp);
}

#[test]
fn every_board_answers_a_script_alike() {
    check(every_board::plain);
}

#[test]
fn every_board_shows_a_person_the_same() {
    check(every_board::term);
}

#[test]
fn every_board_answers_frames_alike() {
    check(every_board::frames);
}

#[test]
fn every_board_takes_the_same_care_of_its_power() {
    check(every_board::power);
}
