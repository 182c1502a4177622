//! UART 0, the "APB UART" of ARM DDI 0479, served by interrupts through two rings.
#![expect(
    unsafe_code,
    reason = "register addresses, and letting interrupts happen"
)]

use crate::clock::{CLOCK_HZ, now_ms};
use crate::drain::Drain;
use crate::interrupts::Interrupt;
use crate::register::Register;
use crate::ring::{Ring, RingEntry};
use crate::sleep::sleep_unless;
use core::convert::Infallible;
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use cortex_m::peripheral::NVIC;
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use lastword_responder::io::{self, LineEvent};

/// Bits a second, without parity and with one stop bit: the hardware can do no other.
pub const BAUD: u32 = 115_200;
/// How many received bytes can wait to be read.
pub const RECEIVE_BYTES: usize = 64;
/// How many bytes can wait to be sent.
pub const TRANSMIT_BYTES: usize = 64;

/// The UART. Reading waits for at least one byte, writing for room for at least one.
pub struct Uart {
    drain: Drain,
    /// Overruns that [`Uart::take_overrun`] has told.
    overruns_told: u32,
    /// The loss in front of the next received byte was told.
    loss_told: bool,
}

impl Uart {
    /// Switches it on. Made once, by the board, with the clock running.
    pub(crate) fn start() -> Self {
        BAUD_DIVISOR.write(CLOCK_HZ / BAUD);
        CONTROL.write(ENABLED);
        receive_first();
        for interrupt in [Interrupt::Uart0Receive, Interrupt::Uart0Transmit] {
            // SAFETY: no critical section relies on these being masked.
            unsafe { NVIC::unmask(interrupt) };
        }
        Self {
            drain: Drain::new(),
            overruns_told: 0,
            loss_told: false,
        }
    }

    /// The next received byte, without waiting.
    pub fn receive(&mut self) -> Option<u8> {
        let byte = RECEIVED.pop()?;
        self.loss_told = false;
        if STATE.read() & RECEIVE_FULL != 0 {
            // One that found the ring full, perhaps: now there is room.
            NVIC::pend(Interrupt::Uart0Receive);
        }
        Some(byte)
    }

    /// Whether a byte waits to be read.
    #[must_use]
    pub fn has_received(&self) -> bool {
        !RECEIVED.is_empty()
    }

    /// Gives as many of the bytes as there is room for to the transmit ring; returns how many.
    pub fn send(&mut self, bytes: &[u8]) -> usize {
        let sent = bytes.iter().take_while(|&&byte| TO_SEND.push(byte)).count();
        if sent > 0 {
            self.drain.restart();
            NVIC::pend(Interrupt::Uart0Transmit);
        }
        sent
    }

    /// How many bytes [`Uart::send`] would take now.
    #[must_use]
    pub fn room(&self) -> usize {
        TRANSMIT_BYTES.saturating_sub(TO_SEND.len())
    }

    /// Whether everything given to it has left, down to the shift register.
    ///
    /// That is: the ring is empty, the transmit buffer is empty (STATE.TXBF clear), and both have
    /// been for as long as one character takes. TXBF tells of the buffer only; a character that has
    /// moved on to the shift register behind it is shown by none of the registers. QEMU has
    /// no shift register: there the wait is for nothing, and does no harm.
    pub fn is_drained(&mut self) -> bool {
        let looks_empty = TO_SEND.is_empty() && STATE.read() & TRANSMIT_FULL == 0;
        self.drain
            .observe(now_ms(), looks_empty, Drain::settle_ms(BAUD))
    }

    /// Whether bytes were lost on the way in since this was last asked.
    pub fn take_overrun(&mut self) -> bool {
        let overruns = OVERRUNS.load(Ordering::Relaxed);
        let lost = overruns != self.overruns_told;
        self.overruns_told = overruns;
        lost
    }
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl Read for Uart {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while !self.has_received() {
            sleep_unless(|| !RECEIVED.is_empty());
        }
        let mut count = 0;
        for place in buffer {
            let Some(byte) = self.receive() else { break };
            *place = byte;
            count += 1;
        }
        Ok(count)
    }
}

impl ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.has_received())
    }
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            let sent = self.send(bytes);
            if sent > 0 {
                return Ok(sent);
            }
            sleep_unless(|| !TO_SEND.is_full());
        }
    }

    /// Waits until [`Uart::is_drained`]; on a line that stalls, for ever.
    fn flush(&mut self) -> Result<(), Infallible> {
        while !self.is_drained() {
            // The clock ends the sleep: what drains tells nobody.
            sleep_unless(|| false);
        }
        Ok(())
    }
}

impl WriteReady for Uart {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!TO_SEND.is_full())
    }
}

impl io::Drain for Uart {
    fn is_drained(&mut self) -> Result<bool, Infallible> {
        Ok(Self::is_drained(self))
    }

    fn take_line_event(&mut self) -> Option<LineEvent> {
        let follows_loss = RECEIVED.front().is_some_and(|entry| entry.follows_loss);
        let is_news = follows_loss && !self.loss_told;
        self.loss_told = follows_loss;
        is_news.then_some(LineEvent::InputLost)
    }
}

/// Takes what has been received. Without room in the ring the byte stays where it is, and the
/// program asks again when it has read; the hardware notes when the next one overruns it.
pub(crate) extern "C" fn receive_interrupt() {
    // First: what comes from here on raises it again.
    INTERRUPT_CLEAR.write(RECEIVE_INTERRUPT);
    while STATE.read() & RECEIVE_FULL != 0 && !RECEIVED.is_full() {
        let [byte, ..] = DATA.read().to_le_bytes();
        // Behind the byte: whatever was lost up to here is told now.
        if STATE.read() & RECEIVE_OVERRUN != 0 {
            STATE.write(RECEIVE_OVERRUN);
            let overruns = OVERRUNS.load(Ordering::Relaxed).wrapping_add(1);
            OVERRUNS.store(overruns, Ordering::Relaxed);
            NEAR_LOSS.store(OVERRUN_REACH, Ordering::Relaxed);
        }
        #[cfg(feature = "test-commands")]
        if crate::overrun::strikes() {
            let near = NEAR_LOSS.load(Ordering::Relaxed);
            NEAR_LOSS.store(near.max(crate::overrun::mark()), Ordering::Relaxed);
            continue;
        }
        let near = NEAR_LOSS.load(Ordering::Relaxed);
        NEAR_LOSS.store(near.saturating_sub(1), Ordering::Relaxed);
        let follows_loss = near > 0;
        RECEIVED.push_entry(RingEntry { byte, follows_loss });
    }
}

/// Sends on from the ring. The program raises it when it has put something in, so that nobody else
/// takes from the ring or writes the data register.
pub(crate) extern "C" fn transmit_interrupt() {
    INTERRUPT_CLEAR.write(TRANSMIT_INTERRUPT);
    while STATE.read() & TRANSMIT_FULL == 0 {
        let Some(byte) = TO_SEND.pop() else { break };
        DATA.write(u32::from(byte));
    }
}

/// Reads the data register once: under QEMU the first byte after a reset was seen to wait for up to a
/// second otherwise. With this clock ticking no such wait was measured, with the read or without.
/// A byte that is already there is kept: the register is 0 after a reset.
fn receive_first() {
    let full = STATE.read() & RECEIVE_FULL != 0;
    let [byte, ..] = DATA.read().to_le_bytes();
    if full || byte != 0 {
        RECEIVED.push(byte);
    }
}

static RECEIVED: Ring<RECEIVE_BYTES> = Ring::new();
static TO_SEND: Ring<TRANSMIT_BYTES> = Ring::new();
/// In front of how many of the next bytes some may be missing. Used by the interrupt only.
static NEAR_LOSS: AtomicU8 = AtomicU8::new(0);
/// An overrun has its place in front of the byte behind which it is told or of one of the next two: which
/// of two bytes it costs is not documented, and another may have arrived before the flag was read.
const OVERRUN_REACH: u8 = 3;
/// Counted by the interrupt, wrapping.
static OVERRUNS: AtomicU32 = AtomicU32::new(0);

// The "APB UART" of ARM DDI 0479.
const BASE: usize = 0x4000_4000;
// SAFETY: the UART's registers, for good; they touch no memory.
const DATA: Register = unsafe { Register::at(BASE) };
// SAFETY: as above.
const STATE: Register = unsafe { Register::at(BASE + 0x4) };
// SAFETY: as above.
const CONTROL: Register = unsafe { Register::at(BASE + 0x8) };
/// INTSTATUS when read, INTCLEAR when written.
// SAFETY: as above.
const INTERRUPT_CLEAR: Register = unsafe { Register::at(BASE + 0xC) };
// SAFETY: as above.
const BAUD_DIVISOR: Register = unsafe { Register::at(BASE + 0x10) };

/// STATE.TXBF.
const TRANSMIT_FULL: u32 = 1 << 0;
/// STATE.RXBF.
const RECEIVE_FULL: u32 = 1 << 1;
/// STATE.RXOR; writing it clears it.
const RECEIVE_OVERRUN: u32 = 1 << 3;

/// CTRL: transmitter, receiver, and an interrupt for each.
const ENABLED: u32 = 0b1111;

const TRANSMIT_INTERRUPT: u32 = 1 << 0;
const RECEIVE_INTERRUPT: u32 = 1 << 1;

// The smallest that the hardware accepts.
const _: () = assert!(CLOCK_HZ / BAUD >= 16);
