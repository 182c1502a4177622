//! The responder on a line and a board that the test holds in its hands.

mod application;
mod bench;
mod program;

mod boot;
mod echoes;
mod frames;
mod lines;
mod power;
mod time;
mod unasked;

#[cfg(feature = "term")]
mod drivers;
mod exactly_once;
mod queue;
#[cfg(feature = "transfer")]
mod transfer;
