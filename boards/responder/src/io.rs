//! Drivers: what moves a responder's bytes over `embedded-io`.
//!
//! | driver | reading | writing | the drain |
//! | --- | --- | --- | --- |
//! | [`poll`] | never waits | never waits | asks [`Drain::is_drained`] |
//! | [`turn`] | never waits | waits for the line | `flush()` |
//! | `run` (feature `async`) | awaits | awaits | awaits `flush()` |
//!
//! `flush()` has to mean what `embedded-io` says: everything has reached its destination, the byte
//! in the shift register too. A driver whose `flush` returns earlier loses last words.

#[cfg(feature = "async")]
mod asynchronous;
mod blocking;
mod polling;

#[cfg(feature = "async")]
pub use asynchronous::run;
pub use blocking::turn;
pub use polling::{Drain, poll};

/// How many bytes are moved at a time.
const WINDOW_BYTES: usize = 16;
