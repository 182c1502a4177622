//! Every kind of board that is a process here answers alike, on every kind of link.

mod reading;

use lastword_tests::every_board::{self, Board, Kind, Part, Wire};
use lastword_tests::process::{Agent, Place};

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

/// Each kind of board, with this part of the list.
fn check(part: Part) {
    part(&OverTcp);
    part(&OnATerminal);
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
