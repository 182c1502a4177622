//! The MPS2 board with Arm's AN385 image, a Cortex-M3, as far as lastword's firmware needs it.
//!
//! From bytes to resets: the rings between interrupts and the program, the rule for when a line
//! has drained, the UART on top of both; the clock; the watchdog; what a reset leaves in memory.
//! The rings and the rule know no hardware and are tested on the host.
//!
//! The manuals are the Cortex-M System Design Kit Technical Reference Manual (ARM DDI 0479) and
//! Application Note AN385 (ARM DAI 0385). Registers, addresses and interrupts here were checked
//! against QEMU's models of them (`hw/arm/mps2.c`, `hw/char/cmsdk-apb-uart.c`,
//! `hw/watchdog/cmsdk-apb-watchdog.c`, `hw/misc/mps2-fpgaio.c`, `hw/misc/mps2-scc.c`) and by running
//! on them, not against a real board.
#![cfg_attr(not(test), no_std)]

pub mod drain;
pub mod ring;

#[cfg(target_os = "none")]
pub mod birth;
#[cfg(target_os = "none")]
pub mod board;
#[cfg(target_os = "none")]
pub mod clock;
#[cfg(target_os = "none")]
pub mod fill;
#[cfg(target_os = "none")]
mod interrupts;
#[cfg(target_os = "none")]
pub mod leds;
#[cfg(all(target_os = "none", feature = "test-commands"))]
pub mod overrun;
#[cfg(target_os = "none")]
mod register;
#[cfg(target_os = "none")]
pub mod reset;
#[cfg(target_os = "none")]
pub mod retained;
#[cfg(target_os = "none")]
pub mod sleep;
#[cfg(target_os = "none")]
pub mod uart;
#[cfg(target_os = "none")]
pub mod watchdog;
