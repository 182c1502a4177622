//! The registers, each at its fixed address.
//!
//! Sources: Arm DUI 0479 (CMSDK APB UART), Arm DAI 0385 (AN385: memory map, FPGA system control),
//! Armv7-M architecture reference manual (AIRCR), the same in Armv6-M.

const UART0: usize = 0x4000_4000;
const UART_DATA: usize = UART0;
const UART_STATE: usize = UART0 + 0x04;
const UART_CONTROL: usize = UART0 + 0x08;
const UART_BAUD_DIVIDER: usize = UART0 + 0x10;

/// The transmit buffer is full.
const STATE_TRANSMIT_FULL: u32 = 1;
/// The receive buffer is full.
const STATE_RECEIVE_FULL: u32 = 1 << 1;
/// Transmitter and receiver enabled.
const CONTROL_BOTH: u32 = 0b11;
/// 115200 baud at 25 MHz.
const BAUD_115200: u32 = 217;

const LEDS: usize = 0x4002_8000;
const CLOCK_100_HZ: usize = 0x4002_8014;

const WATCHDOG_CLEAR: usize = 0x4000_800C;
const RESET_CAUSE: usize = 0x4001_F010;
/// The watchdog asked for the last reset.
const CAUSE_WATCHDOG: u32 = 1 << 1;
const SCC_AID: usize = 0x4002_FFF8;
const SCC_ID: usize = 0x4002_FFFC;

const AIRCR: usize = 0xE000_ED0C;
/// The key, and SYSRESETREQ.
const AIRCR_RESET: u32 = 0x05FA_0004;

/// Milliseconds since the board started, in steps of ten.
#[must_use]
pub fn uptime_ms() -> u32 {
    read(CLOCK_100_HZ).wrapping_mul(10)
}

/// Resets the board.
pub fn reset() -> ! {
    loop {
        write(AIRCR, AIRCR_RESET);
    }
}

/// Makes the watchdog count from its start again.
pub fn feed_watchdog() {
    write(WATCHDOG_CLEAR, 1);
}

/// Whether the last reset was the watchdog's.
#[must_use]
pub fn has_watchdog_bitten() -> bool {
    read(RESET_CAUSE) & CAUSE_WATCHDOG != 0
}

/// What identifies the board. On this one that is its image; others have a number of the chip there.
#[must_use]
pub fn identification() -> [u32; 2] {
    [read(SCC_ID), read(SCC_AID)]
}

pub(crate) fn show_fault() {
    write(LEDS, 1);
}

/// Enables the UART. What the receiver held from before the reset is dropped.
pub(crate) fn enable_uart() {
    write(UART_BAUD_DIVIDER, BAUD_115200);
    write(UART_CONTROL, CONTROL_BOTH);
    read(UART_DATA);
}

pub(crate) fn is_received() -> bool {
    read(UART_STATE) & STATE_RECEIVE_FULL != 0
}

pub(crate) fn receive() -> u8 {
    read(UART_DATA).to_le_bytes()[0]
}

pub(crate) fn is_transmit_full() -> bool {
    read(UART_STATE) & STATE_TRANSMIT_FULL != 0
}

pub(crate) fn transmit(byte: u8) {
    write(UART_DATA, u32::from(byte));
}

fn read(address: usize) -> u32 {
    // SAFETY: the addresses above are registers of this board, aligned; reading one has no effect
    // on memory.
    unsafe { core::ptr::with_exposed_provenance::<u32>(address).read_volatile() }
}

fn write(address: usize, value: u32) {
    // SAFETY: as above; none of them makes the board access memory.
    unsafe { core::ptr::with_exposed_provenance_mut::<u32>(address).write_volatile(value) }
}
