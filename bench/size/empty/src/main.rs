//! What every firmware has: start-up, vectors, a loop and the UART. Its size is subtracted from
//! everybody else's.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use size_board::Uart;

#[entry]
fn main() -> ! {
    let mut uart = Uart::new();
    loop {
        let byte = uart.read_byte();
        uart.write_byte(byte);
    }
}
