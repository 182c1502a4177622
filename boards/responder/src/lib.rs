//! The board side of lastword, for microcontrollers: frames, lines for scripts and people, and a
//! power operation that never fires before its acknowledgement has left, over one UART. No
//! allocation, no operating system, no `unsafe`.
#![no_std]
#[cfg(test)]
extern crate std;

mod about;
mod application;
mod boot;
mod frames;
mod hardware;
mod house;
pub mod io;
mod responder;
#[cfg(feature = "shell")]
mod shell;
mod text;
mod told;
mod window;

pub use about::About;
pub use application::{Application, Said};
pub use hardware::{Birth, Board, Clock, Power, RETAINED_BYTES, Retained, Watchdog};
pub use responder::Responder;
#[cfg(feature = "shell")]
pub use shell::Shell;
pub use text::{FramesOnly, Text};
