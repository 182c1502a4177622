//! Linux boards that are QEMU machines: a real kernel that really resets, on any desk and in CI,
//! without KVM.
//!
//! Read the modules in this order: [`prerequisites`] lists and installs what the host lacks,
//! [`Image`] makes the kernel and initrd from Debian packages and an agent, [`Options`] says how
//! one board differs from the next, and [`VirtualBoard`] runs it. Everything that resets here
//! resets inside QEMU.
//!
//! The agent has `/dev/ttyS1` of the board and its TCP port 7450; `/dev/ttyS0` is the console and
//! is kept in a file.

pub mod prerequisites;

mod program;

pub use program::ProgramError;

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

pub mod qmp;

pub use qmp::{BoardEvent, BoardEventKind, Events};

mod machine;

mod error;

pub use error::BoardError;

mod board;

pub use board::VirtualBoard;

mod reach;
