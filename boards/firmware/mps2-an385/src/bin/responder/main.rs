//! The board's firmware: lastword's responder on UART 0, with an application of the board's own.
#![no_std]
#![no_main]

mod application;
mod hardware;
#[cfg(feature = "test-commands")]
mod mischief;

use cortex_m_rt::entry;
use hardware::Hardware;
use lastword_protocol::Millis;
use lastword_protocol::identity::BoardKind;
use lastword_protocol::power::Backend;
use lastword_responder::io::poll;
use lastword_responder::{About, Responder, Shell};
use mps2_an385::board::Board;
use mps2_an385::reset::reset;
use mps2_an385::sleep::sleep_unless;
use mps2_an385::uart::{BAUD, TRANSMIT_BYTES, Uart};

#[expect(
    clippy::cast_possible_truncation,
    reason = "the ring is far smaller, see below"
)]
const ABOUT: About = About {
    kind: BoardKind::Mcu,
    name: "mps2-an385",
    firmware: env!("CARGO_PKG_VERSION"),
    build: env!("TARGET"),
    backend: Backend::Mcu,
    baud: BAUD,
    transmit_bytes: TRANSMIT_BYTES as u16,
    drain_cap: Millis(2_000),
};

const _: () = assert!(TRANSMIT_BYTES <= 1024);

/// The longest line, in bytes.
const LINE_BYTES: usize = 128;
/// The room for lines typed before, in bytes.
const HISTORY_BYTES: usize = 128;
/// The longest frame on the wire, in bytes.
const FRAME_BYTES: usize = 192;
/// How many replies are kept.
const REPLIES: usize = 2;

// A hello has to fit, or no client is ever welcome.
const _: () = assert!(ABOUT.frame_bytes() <= FRAME_BYTES);

type Side = Responder<Shell<LINE_BYTES, HISTORY_BYTES>, FRAME_BYTES, REPLIES>;

#[entry]
fn main() -> ! {
    let Some(board) = Board::take() else { reset() };
    let (mut uart, mut hardware) = Hardware::new(board);
    let mut responder = start(&mut hardware);
    loop {
        // This line never goes away: it has no error, and marks what is lost.
        let Ok(()) = poll(&mut responder, &mut uart, &mut hardware);
        #[cfg(feature = "test-commands")]
        if responder.wants_input() {
            hardware
                .mischief
                .carry_out(&mut uart, &mut hardware.watchdog);
        }
        sleep_unless(|| has_work(&responder, &uart));
    }
}

/// Begins the boot. Apart from `main`, which never gives back the stack on which the shell is made
/// before it has its place.
#[inline(never)]
fn start(hardware: &mut Hardware) -> Side {
    Side::start(&ABOUT, Shell::new(application::COMMANDS, BAUD), hardware)
}

/// Whether another turn would do something, and the clock's next tick need not be waited for.
fn has_work(responder: &Side, uart: &Uart) -> bool {
    if responder.wants_input() {
        uart.has_received()
    } else {
        !responder.awaits_drain() && uart.room() > 0
    }
}
