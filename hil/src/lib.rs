//! The host side of lastword: the client library behind the `lastword` command, and the proof of a
//! reboot.
//!
//! The modules are listed from the wire upwards: an [`endpoint`] is [`dial`]led, a [`client`]
//! converses over the stream, a [`ladder`] proves with it that a board rebooted, and the
//! [`command`] puts both on the desk.

pub mod clock;
pub mod dial;
pub mod endpoint;
pub mod escape;

pub mod client;
pub mod ladder;

pub mod command;

#[cfg(test)]
mod fake_board;
