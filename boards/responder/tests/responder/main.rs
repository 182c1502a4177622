//! The responder on a line and a board that the test holds in its hands.

mod bench;
mod lines;
mod power;
