//! The board's hardware, as the responder wants it.

use crate::memory::{Memory, SERIAL_BYTES};
use lastword_protocol::Instant;
use lastword_protocol::power::{Evidence, Operation};
use lastword_responder::{Birth, Clock, Power, RETAINED_BYTES, Retained, Watchdog};
use std::time::Duration;

/// The hardware, and what the application keeps.
#[derive(Debug)]
pub(crate) struct Hardware {
    memory: Memory,
    /// The time since this boot.
    pub(crate) now: Instant,
    /// What was fired. Nothing happens after that.
    pub(crate) fired: Option<(Operation, Evidence)>,
    pub(crate) led: bool,
    /// How many numbers were counted in this boot.
    pub(crate) tally: u32,
    /// For how long the far end is to hold the line.
    pub(crate) hold: Option<Duration>,
}

impl Hardware {
    pub(crate) const fn new(memory: Memory) -> Self {
        Self {
            memory,
            now: Instant(0),
            fired: None,
            led: false,
            tally: 0,
            hold: None,
        }
    }

    /// The same board behind a reset: what it retains is all it has.
    pub(crate) fn reset(self) -> Self {
        Self::new(self.memory)
    }
}

impl Clock for Hardware {
    fn now(&mut self) -> Instant {
        self.now
    }
}

impl Power for Hardware {
    /// There is nothing to be stopped first.
    fn can(&mut self, _: Operation) -> bool {
        true
    }

    /// Comes back, which no reset does: whoever runs the board ends the boot, and until then
    /// nothing is kept any more.
    fn fire(&mut self, operation: Operation, evidence: Evidence) -> u16 {
        self.fired = Some((operation, evidence));
        0
    }
}

impl Retained for Hardware {
    fn load(&mut self) -> [u8; RETAINED_BYTES] {
        self.memory.load()
    }

    fn store(&mut self, bytes: &[u8; RETAINED_BYTES]) -> bool {
        self.fired.is_some() || self.memory.store(bytes)
    }
}

impl Birth for Hardware {
    fn unique(&mut self) -> [u8; SERIAL_BYTES] {
        self.memory.serial()
    }

    fn chance(&mut self) -> u32 {
        rand::random()
    }

    fn watchdog_bit(&mut self) -> bool {
        false
    }
}

impl Watchdog for Hardware {
    fn feed(&mut self) {}
}
