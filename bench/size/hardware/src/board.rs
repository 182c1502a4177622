//! The rest of the board, one small trait after the other.

use crate::retained;
use lastword_protocol::identity::BoardKind;
use lastword_protocol::message::Application as Message;
use lastword_protocol::power::{Backend, Evidence, Operation};
use lastword_protocol::{Instant, Millis};
use lastword_responder::{
    About, Application, Birth, Clock, Power, RETAINED_BYTES, Retained, Said, Watchdog,
};
use size_board::{feed_watchdog, has_watchdog_bitten, identification, reset, uptime_ms};

/// What is fixed about this board.
pub const ABOUT: About = About {
    kind: BoardKind::Mcu,
    name: "board1",
    firmware: "size-0.1.0",
    build: "",
    backend: Backend::Mcu,
    baud: 115_200,
    transmit_bytes: 2,
    drain_cap: Millis(2_000),
};

/// All of the board but its line.
#[derive(Default)]
pub struct Board {
    /// The clock's 32 bits, as they were last seen, and how often they went round.
    seen_ms: u32,
    rounds: u32,
    #[cfg(feature = "transfer")]
    objects: crate::store::RamStore,
}

impl Clock for Board {
    fn now(&mut self) -> Instant {
        let now_ms = uptime_ms();
        if now_ms < self.seen_ms {
            self.rounds = self.rounds.wrapping_add(1);
        }
        self.seen_ms = now_ms;
        Instant(u64::from(self.rounds) << 32 | u64::from(now_ms))
    }
}

impl Power for Board {
    fn can(&mut self, operation: Operation) -> bool {
        // Its power is a plug.
        matches!(operation, Operation::Reboot | Operation::GracefulReboot)
    }

    fn fire(&mut self, _: Operation, _: Evidence) -> u16 {
        reset()
    }
}

impl Retained for Board {
    fn load(&mut self) -> [u8; RETAINED_BYTES] {
        retained::load()
    }

    fn store(&mut self, bytes: &[u8; RETAINED_BYTES]) -> bool {
        retained::store(bytes);
        true
    }
}

impl Birth for Board {
    fn unique(&mut self) -> [u8; 12] {
        let mut unique = [0; 12];
        for (place, word) in unique.as_chunks_mut().0.iter_mut().zip(identification()) {
            *place = word.to_le_bytes();
        }
        unique
    }

    fn chance(&mut self) -> u32 {
        uptime_ms()
    }

    fn watchdog_bit(&mut self) -> bool {
        has_watchdog_bitten()
    }
}

impl Watchdog for Board {
    fn feed(&mut self) {
        feed_watchdog();
    }
}

impl Application for Board {
    fn ask(&mut self, _: &Message) -> Said {
        Said::Unknown
    }

    #[cfg(feature = "transfer")]
    fn object_store(&mut self) -> Option<&mut dyn lastword_responder::ObjectStore> {
        Some(&mut self.objects)
    }
}
