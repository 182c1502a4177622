//! Boards that are QEMU machines, on any desk and in CI, without KVM: a Linux board with a real
//! kernel that really resets, and a microcontroller with real firmware that does.
//!
//! Read the modules in this order: [`prerequisites`] lists and installs what the host lacks, and
//! [`VirtualBoard`] is what all kinds share: power, a UART, QEMU's orders and events.
//! [`LinuxBoard`] starts from an [`Image`], kernel and initrd made from Debian packages and an
//! agent, and [`Options`] say how one differs from the next; [`McuBoard`] starts from firmware.
//! Everything that resets here resets inside QEMU.
//!
//! On Linux the agent has `/dev/ttyS1` of the board, which is the UART that a board is spoken to
//! over, and its TCP port 7450; `/dev/ttyS0` is the console and is kept in a file. A
//! microcontroller has the one UART.

pub mod prerequisites;

mod program;

pub use program::ProgramError;

pub mod qmp;

pub use qmp::{BoardEventKind, Events, QmpEvent};

mod error;

pub use error::BoardError;

mod machine;

mod board;

pub use board::{Kind, VirtualBoard};

mod packages;

mod kernel;

mod guest;

pub use guest::GuestFile;

mod initrd;

mod image;

pub use image::{Image, ImageError};

mod options;

pub use options::{Network, Options};

mod command_line;

mod disk;

mod namespace;

mod linux;

pub use linux::{Linux, LinuxBoard};

mod reach;

mod mcu;

pub use mcu::{Mcu, McuBoard};
