//! The board as a program gets it: everything started, once.

use crate::clock;
use crate::leds::Leds;
use crate::retained::{self, Mark, Retained};
use crate::uart::Uart;
use crate::watchdog::Watchdog;

/// What a program has of the board.
pub struct Board {
    /// The line.
    pub uart: Uart,
    /// It runs, and wants to be fed.
    pub watchdog: Watchdog,
    /// The user LEDs.
    pub leds: Leds,
    /// Memory that a reset leaves alone.
    pub retained: Retained,
    /// Why the boot before this one ended, if this firmware ended it without having been asked.
    pub mark: Option<Mark>,
}

impl Board {
    /// Starts clock, watchdog and UART; nothing the second time.
    #[must_use]
    pub fn take() -> Option<Self> {
        let core = cortex_m::Peripherals::take()?;
        let mark = retained::take_mark();
        let watchdog = Watchdog::start();
        clock::start(core.SYST);
        Some(Self {
            uart: Uart::start(),
            watchdog,
            leds: Leds::new(),
            retained: Retained::new(),
            mark,
        })
    }
}
