//! A whole life of the agent's core: sessions on four links, three clients, the power desk, the
//! staged machine and the supervisor of three services, driven as the edge drives them, by a list of [`Action`]s.
//!
//! - Nothing panics, no output grows without bound, no deadline stays behind.
//! - An operation fires at most once, on the evidence it was given behind a written acknowledgement
//!   (or [`Evidence::Forced`] if its request said so), and never once it is called off.
//! - Each request runs at most once, was sent by somebody, and has one answer, byte for byte.
//! - A service runs once at most, and what is said to run or to be down is.
//! - Behind its last word a session says nothing; before that, every line of a script gets one final.
//!
//! [`Evidence::Forced`]: lastword_protocol::power::Evidence::Forced

mod action;
mod bench;
mod board;
mod client;
mod heard;
mod ledger;
mod link;
mod script;
mod services;

use crate::input::Bytes;
use action::Action;
use bench::Bench;
use std::env;
use std::sync::LazyLock;

/// Set `LASTWORD_FUZZ_SHOW` to see what an input does.
static SHOW: LazyLock<bool> = LazyLock::new(|| env::var_os("LASTWORD_FUZZ_SHOW").is_some());

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut input = Bytes::new(data);
    let mut bench = Bench::new(input.byte());
    while !input.is_empty() {
        let action = Action::read(&mut input);
        if *SHOW {
            eprintln!("{action:?}");
        }
        bench.act(action);
    }
    bench.settle();
}
