//! The board as the responder wants it: one small trait after the other.

use lastword_protocol::Instant;
use lastword_protocol::power::{Evidence, Operation};
use lastword_responder::{Birth, Clock, Power, RETAINED_BYTES, Retained, Watchdog};
use mps2_an385::board::Board;
use mps2_an385::leds::Leds;
use mps2_an385::retained::Mark;
use mps2_an385::uart::Uart;
use mps2_an385::{birth, clock, reset, retained, watchdog};

/// All of the board but its line.
pub(crate) struct Hardware {
    pub(crate) watchdog: watchdog::Watchdog,
    pub(crate) leds: Leds,
    retained: retained::Retained,
    mark: Option<Mark>,
    #[cfg(feature = "test-commands")]
    pub(crate) mischief: crate::mischief::Mischief,
}

impl Hardware {
    /// Takes the board apart: its line, and the rest.
    pub(crate) fn new(board: Board) -> (Uart, Self) {
        let hardware = Self {
            watchdog: board.watchdog,
            leds: board.leds,
            retained: board.retained,
            mark: board.mark,
            #[cfg(feature = "test-commands")]
            mischief: crate::mischief::Mischief::default(),
        };
        (board.uart, hardware)
    }
}

impl Clock for Hardware {
    fn now(&mut self) -> Instant {
        Instant(clock::now_ms())
    }
}

impl Power for Hardware {
    fn can(&mut self, operation: Operation) -> bool {
        // Its power is a plug.
        matches!(operation, Operation::Reboot | Operation::GracefulReboot)
    }

    fn fire(&mut self, _operation: Operation, _evidence: Evidence) -> u16 {
        reset::reset()
    }
}

impl Retained for Hardware {
    fn load(&mut self) -> [u8; RETAINED_BYTES] {
        self.retained.load()
    }

    fn store(&mut self, bytes: &[u8; RETAINED_BYTES]) -> bool {
        self.retained.store(bytes);
        true
    }
}

impl Birth for Hardware {
    fn unique(&mut self) -> [u8; 12] {
        let mut unique = [0; 12];
        for (place, byte) in unique.iter_mut().zip(birth::image()) {
            *place = byte;
        }
        unique
    }

    fn chance(&mut self) -> u32 {
        birth::chance()
    }

    fn watchdog_bit(&mut self) -> bool {
        self.mark == Some(Mark::Watchdog)
    }
}

impl Watchdog for Hardware {
    fn feed(&mut self) {
        self.watchdog.feed();
    }
}
