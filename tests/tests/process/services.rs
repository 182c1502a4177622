//! Services of a real agent: what programs are told of them, what survives its death, what ends
//! with it, and what is left of those that do not want to be stopped.

mod changed;
mod claimed;
mod client;
mod died;
mod down;
mod endings;
mod full_disk;
mod killed;
mod lost_state;
mod ports;
mod scarce;
mod scarce_survivors;
mod starting;
mod stopping;
mod told;
mod typed;
mod unruly;
mod users;
mod waiting;

/// The processes of services that are all stopped.
const NOBODY: [i32; 0] = [];
