//! What all firmware measured here stands on: one UART, a clock, a reset, a panic handler.
//!
//! The registers are those of Arm's MPS2 board with image AN385, which QEMU emulates as
//! `mps2-an385`: what is measured also runs. Every register is polled; there are no interrupts.

#![no_std]

mod job;
mod panic;
mod registers;
mod terminal;
mod uart;

pub use job::{Job, Operation, Staged};
pub use registers::{feed_watchdog, has_watchdog_bitten, identification, reset, uptime_ms};
pub use terminal::Terminal;
pub use uart::Uart;

/// The longest line that any of the measured shells takes.
pub const LINE_BYTES: usize = 128;
/// What those that have a history keep of it.
pub const HISTORY_BYTES: usize = 96;
