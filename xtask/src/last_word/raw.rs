//! Packets of a client that need not behave.

use anyhow::Result;
use lastword_protocol::frame::{self, Class, DELIMITER, Header};
use lastword_protocol::hello::{self, Hello};
use lastword_protocol::identity::{CURRENT, OLDEST};
use lastword_protocol::message::Request;
use lastword_protocol::{ClientId, Nonce, Sequence, Text};

/// Longest packet, in bytes.
pub(super) const PACKET_BYTES: usize = 600;

/// A greeting that takes the line, with a delimiter in front.
pub(super) fn greeting(client: ClientId) -> Result<Vec<u8>> {
    let hello = Hello {
        client,
        oldest: OLDEST,
        current: CURRENT,
        take_over: true,
        name: Text::new(),
    };
    let packet = hello::ask::<PACKET_BYTES>(Sequence(1), &hello)?;
    Ok([&[DELIMITER], &packet[..]].concat())
}

/// The packet of a request.
pub(super) fn request(nonce: Nonce, number: u16, request: &Request) -> Result<Vec<u8>> {
    let header = Header::new(Class::Request, Sequence(number), request.opcode());
    let packet = frame::encode::<PACKET_BYTES>(header, nonce, |out| request.encode(out).ok())?;
    Ok(packet.to_vec())
}
