//! What happens to a service, what is to be done about it, and what it looks like.

pub use lastword_protocol::message::service::ServiceState as Shown;

use crate::core::service::service_file::StopSignal;
use lastword_protocol::{Instant, Millis};
use std::fmt;

/// When something happens: on the agent's clock, and on the wall's for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// On the agent's monotonic clock.
    pub now: Instant,
    /// Milliseconds since 1970-01-01T00:00:00Z, as far as the board knows.
    pub unix_ms: u64,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With this code.
    Code(i32),
    /// Of this signal.
    Signal(i32),
    /// Nobody told: it was not this agent's child.
    Unknown,
}

impl Exit {
    /// Whether the policy `on-failure` calls it one. What is not known might be one.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        !matches!(self, Self::Code(0))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// What happens to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody wants it to run. Unasked ends before this are forgotten. Means nothing while it is
    /// being stopped.
    Start,
    /// It is to run because the agent starts, or its file is new or another. As [`Event::Start`], but a start
    /// that comes to nothing follows the policy.
    Autostart,
    /// Somebody wants it stopped.
    Stop,
    /// Somebody wants it stopped with this grace, not its file's. What is left of a stop that is
    /// under way gets no longer by that.
    StopWithin(Millis),
    /// No grace is left: kill what is there.
    Kill,
    /// It runs since before this agent did, for so long.
    Adopted(Millis),
    /// Its process is there.
    Spawned,
    /// No process came of it, for this reason.
    SpawnFailed(String),
    /// No process came of it, because descriptors, processes or memory have run out.
    Exhausted(String),
    /// It is not ready, for this reason.
    Obstructed(String),
    /// The probe says that it is ready.
    Ready,
    /// Its main process has ended.
    Exited(Exit),
    /// The stop hook has ended, with this trouble if with any.
    HookEnded(Option<String>),
    /// Nothing is left in its process group.
    Empty,
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Start the process; answer with [`Event::Spawned`], [`Event::SpawnFailed`] or [`Event::Exhausted`].
    Spawn,
    /// Probe until it is ready; answer with [`Event::Ready`]. The next effect ends that.
    Probe,
    /// Run the stop hook; answer with [`Event::HookEnded`].
    RunHook,
    /// If the group is empty, answer with [`Event::Empty`] at once. Otherwise send it this signal, and
    /// answer when it is. What is left of the hook goes with it.
    Clear(StopSignal),
    /// Kill everything in the group, hook and strays too; answer with [`Event::Empty`] when it is empty.
    Kill,
}
