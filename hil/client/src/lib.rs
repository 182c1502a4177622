//! The host side of lastword: a client for boards over any link, and the proof of a reboot.
//!
//! The modules are listed from the wire upwards: an [`endpoint`] is [`dial`]led, a [`client`]
//! converses over the stream, a [`ladder`] proves with it that a board rebooted.

pub mod clock;
pub mod dial;
pub mod endpoint;
pub mod escape;

pub mod client;
pub mod ladder;

#[cfg(test)]
mod fake_board;
