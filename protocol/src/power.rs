//! The staged power operation: what may be asked, what is remembered of it, and the one machine
//! that Linux agent and microcontroller step to carry it out.

mod desk;
mod machine;
mod order;

pub use desk::{Answer, Board, Desk, FAIL, INVALID_COMMAND, Origin, Verdict};
pub use machine::{Effect, Event, Order, Phase, Staged};
pub use order::{
    Backend, Evidence, LastOperation, Operation, Outcome, PowerRequest, REASON_BYTES, Standdown,
};
