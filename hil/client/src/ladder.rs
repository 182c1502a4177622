//! The proof that a board rebooted: a ladder of rungs, each with its time.
//!
//! Accepted: the board's acknowledgement is here. Link quiet: nobody answers any more. Boot seen:
//! a board answers with another boot id, and its uptime is shorter than the time since it was
//! asked. [`Ladder`] decides, [`prove`] carries out, a [`Proof`] is what there is to show.
//!
//! A power-off ends at link quiet, and claims no more than that.

mod climb;
mod machine;
mod proof;
#[cfg(test)]
mod tests;

pub use climb::{ProofError, ProofOptions, RungSink, power_request, prove};
pub use machine::{Action, Event, Ladder, Plan};
pub use proof::{Check, Checks, Proof, Rung, Verdict};
