//! Every test that needs more than one part of lastword.
//!
//! In simulated time, on links that can stall, garble and lose: [`line`] is about the simulated
//! line itself, [`last_word`] about the promise, [`policies`] about it beside what others do, [`stand_down`] and [`sockets`] about where there
//! is no evidence, [`schedule`] about delays and second thoughts, [`exactly_once`] about lines
//! that lose, [`ladder`] about the proof. Mostly without any time but a number: [`random`] is about
//! bytes that mean nothing, [`lossy`] is the campaign that counts what ran, [`exam`] one that whole boards sit, [`splice`]
//! one that sends more than a port takes.
//!
//! In real time, with the real binaries: [`process`], and [`every_board`], the list that every kind
//! of board is held against.

mod line;

mod storage;

mod last_word;
mod policies;
mod sockets;
mod stand_down;

mod orders;
mod schedule;

mod exactly_once;
mod exam;
mod ladder;
mod lossy;
mod random;
mod splice;

mod every_board;
mod process;

use lastword_protocol::Millis;
use lastword_tests::board::Options;

/// A board for text tests: it says nothing unasked, and gives a slow line the time it takes.
const QUIET: Options = Options {
    drain_cap: Millis(60_000),
    announce: false,
    boot_time: None,
    fire_fails: None,
    at_once: false,
};
