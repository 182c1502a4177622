//! The responder on a line and a board that the test holds in its hands.

mod application;
mod bench;
mod program;

mod frames;
mod lines;
mod power;
