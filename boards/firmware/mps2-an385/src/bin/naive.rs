//! What lastword is measured beside: firmware that acknowledges and resets without looking whether
//! the acknowledgement has left. Same driver, same ring; it exists to be seen losing.
//!
//! At start it says `boot N`, and why if the boot before did not end as asked. Then lines, each
//! ended by LF:
//!
//! - `reboot`: puts the acknowledgement into the ring and resets at once;
//! - `reboot 250`: waits 250 ms in between, as Zephyr's `MCUmgr` does by default
//!   (`CONFIG_MCUMGR_GRP_OS_RESET_MS`);
//! - `fill`: sends dots until the line takes no more, and leaves the ring to the next reply;
//! - `hang`: stops feeding the watchdog;
//! - anything else comes back, after `echo `.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use mps2_an385::board::Board;
use mps2_an385::clock::now_ms;
use mps2_an385::fill::fill;
use mps2_an385::reset::reset;
use mps2_an385::retained::{Mark, RETAINED_BYTES, Retained};
use mps2_an385::sleep::sleep_unless;
use mps2_an385::uart::Uart;
use mps2_an385::watchdog::Watchdog;

/// The delay of `reboot 250`.
const DELAY_MS: u64 = 250;
/// The longest line, in bytes.
const LINE_BYTES: usize = 48;

#[entry]
fn main() -> ! {
    let Some(mut board) = Board::take() else {
        reset()
    };
    let boot = count_boot(&mut board.retained);
    let mut console = Console {
        uart: board.uart,
        watchdog: board.watchdog,
    };
    console.say(b"\nboot ");
    console.say_number(boot);
    console.say(match board.mark {
        None => b"\n",
        Some(Mark::Watchdog) => b" after watchdog\n",
        Some(Mark::Fault) => b" after fault\n",
    });
    let mut line = Line::new();
    loop {
        let byte = console.hear();
        if byte == b'\n' {
            console.obey(line.text());
            line = Line::new();
        } else {
            line.push(byte);
        }
    }
}

/// Counts this boot in retained memory: a mark, the count, its complement.
fn count_boot(retained: &mut Retained) -> u32 {
    let mut bytes = retained.load();
    let word = |at: usize| {
        let word = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>);
        word.map_or(0, |word| u32::from_le_bytes(*word))
    };
    let valid = word(0) == COUNTED && word(4) == !word(8);
    let boot = if valid { word(4).wrapping_add(1) } else { 1 };
    bytes = [0; RETAINED_BYTES];
    let words = [COUNTED, boot, !boot].map(u32::to_le_bytes);
    for (place, byte) in bytes.iter_mut().zip(words.as_flattened()) {
        *place = *byte;
    }
    retained.store(&bytes);
    boot
}

/// Tells a counted boot from what memory holds after power came.
const COUNTED: u32 = 0x4E41_4956;

/// The line, and the watchdog to be fed while waiting for it.
struct Console {
    uart: Uart,
    watchdog: Watchdog,
}

impl Console {
    fn obey(&mut self, line: Option<&[u8]>) {
        match line {
            None => self.say(b"err 413 too_long\n"),
            Some(b"") => (),
            Some(b"reboot") => {
                self.say(b"ok initiated operation=reboot after=0\n");
                reset()
            }
            Some(b"reboot 250") => {
                self.say(b"ok initiated operation=reboot after=250\n");
                self.wait(DELAY_MS);
                reset()
            }
            Some(b"fill") => fill(&mut self.uart, || self.watchdog.feed()),
            Some(b"hang") => hang(),
            Some(other) => {
                self.say(b"echo ");
                self.say(other);
                self.say(b"\n");
            }
        }
        if self.uart.take_overrun() {
            self.say(b"overrun\n");
        }
    }

    /// The next byte; waits for it.
    fn hear(&mut self) -> u8 {
        loop {
            self.watchdog.feed();
            if let Some(byte) = self.uart.receive() {
                return byte;
            }
            sleep_unless(|| self.uart.has_received());
        }
    }

    /// Puts bytes into the ring; waits for room, and for nothing else.
    fn say(&mut self, bytes: &[u8]) {
        for byte in bytes {
            while self.uart.send(&[*byte]) == 0 {
                self.watchdog.feed();
                sleep_unless(|| self.uart.room() > 0);
            }
        }
    }

    fn say_number(&mut self, number: u32) {
        if number >= 10 {
            self.say_number(number / 10);
        }
        let [digit, ..] = (number % 10).to_le_bytes();
        self.say(&[b'0' + digit]);
    }

    fn wait(&mut self, delay_ms: u64) {
        let until = now_ms() + delay_ms;
        while now_ms() < until {
            self.watchdog.feed();
            sleep_unless(|| false);
        }
    }
}

/// Sleeps, so that the machine that emulates this need not spin.
fn hang() -> ! {
    loop {
        sleep_unless(|| false);
    }
}

/// A line on its way in. One that is too long is refused whole.
struct Line {
    bytes: [u8; LINE_BYTES],
    length: usize,
}

impl Line {
    const fn new() -> Self {
        Self {
            bytes: [0; LINE_BYTES],
            length: 0,
        }
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
        }
        self.length = self.length.saturating_add(1);
    }

    /// What it says; nothing if it was too long.
    fn text(&self) -> Option<&[u8]> {
        self.bytes.get(..self.length)
    }
}
