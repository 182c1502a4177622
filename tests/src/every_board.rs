//! What every kind of board answers alike, whatever it is made of: one list of what is said to it,
//! and what it has to say.
//!
//! The expected answers stand in the lists word for word. What tells one board from the next is
//! taken out of the answers first, by key (see [`Identity`]), and nothing else is.

mod conversation;
mod frames;
mod normal;
mod plain;
mod power;
mod sorter;
mod term;
mod wire;

pub use normal::Identity;
pub use sorter::{Sorted, Sorter};
pub use wire::Wire;

use lastword_protocol::identity::Cause;

/// A kind of board.
pub trait Kind {
    /// Switches on a board that has never been asked anything.
    fn start(&self) -> Box<dyn Board>;
}

/// A board that is on.
pub trait Board {
    /// Opens a link, or takes the line, of which there is one.
    fn link(&mut self) -> Wire;

    /// Waits for the boot that follows on a reboot that was asked for over this link, and returns
    /// a link to it: by default the same line, on which the next boot announces itself. Never
    /// called where the reboot is a dry run.
    fn next_boot(&mut self, mut link: Wire) -> Wire {
        while link.announced().cause != Cause::Requested {}
        link
    }

    /// Whether it has one line and no connections.
    fn is_line(&self) -> bool;
}

/// A part of the list: what it says is asserted by panicking.
pub type Part = fn(&dyn Kind);

/// What a script says and hears.
pub fn plain(kind: &dyn Kind) {
    plain::check(kind.start().as_mut());
}

/// What a person sees.
pub fn term(kind: &dyn Kind) {
    term::check_first_line(kind.start().as_mut());
    term::check(kind.start().as_mut());
}

/// What a program sends and gets, byte by byte.
pub fn frames(kind: &dyn Kind) {
    frames::check(kind);
}

/// What is done to power, up to an operation that is carried out, or is not in a dry run.
pub fn power(kind: &dyn Kind) {
    power::check(kind.start().as_mut());
}
