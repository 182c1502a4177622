//! The staged power operation: what may be asked, what is remembered of it, and the one machine
//! that Linux agent and microcontroller step to carry it out.

macro_rules! shown_as_word {
    ($($name:ty),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    )*};
}

mod desk;
mod machine;
mod order;
mod outcome;

pub use desk::{Answer, Board, Desk, FAIL, INVALID_COMMAND, Origin, Verdict};
pub use machine::{Effect, Event, Order, Phase, Staged};
pub use order::{Backend, Operation, PowerRequest, REASON_BYTES};
pub use outcome::{Evidence, LastOperation, Outcome, Standdown};
