//! What a board's own application is asked and answers: opcodes and bodies that only it knows.

use super::{BadBody, decode};
use crate::codec::{Field, Writer};
use serde::{Serialize, de::DeserializeOwned};

/// The longest body of an application's request or reply, in bytes.
pub const APPLICATION_BYTES: usize = 64;

/// A request or reply of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    opcode: u8,
    body: heapless::Vec<u8, APPLICATION_BYTES>,
}

impl Application {
    /// The first opcode that belongs to applications; the last is `0xFF`.
    pub const FIRST: u8 = 0x80;

    /// A message with this body, in postcard's format.
    ///
    /// # Errors
    ///
    /// [`BadBody::Malformed`] if the opcode is below [`Application::FIRST`], [`BadBody::TooLong`] if
    /// the body takes more than [`APPLICATION_BYTES`].
    pub fn new<T: Serialize>(opcode: u8, body: &T) -> Result<Self, BadBody> {
        let mut room = [0; APPLICATION_BYTES];
        let body = postcard::to_slice(body, &mut room).map_err(|_| BadBody::TooLong)?;
        Self::from_bytes(opcode, body)
    }

    /// A message with these bytes for a body.
    ///
    /// # Errors
    ///
    /// As [`Application::new`].
    pub fn from_bytes(opcode: u8, body: &[u8]) -> Result<Self, BadBody> {
        if opcode < Self::FIRST {
            return Err(BadBody::Malformed(opcode));
        }
        let mut message = Self::empty(opcode);
        if message.fill(body) {
            Ok(message)
        } else {
            Err(BadBody::TooLong)
        }
    }

    /// A message that is to be filled where it is. The opcode is an application's.
    pub(super) const fn empty(opcode: u8) -> Self {
        let body = heapless::Vec::new();
        Self { opcode, body }
    }

    /// Takes a body; whether there was room for it.
    pub(super) fn fill(&mut self, body: &[u8]) -> bool {
        self.body.extend_from_slice(body).is_ok()
    }

    /// Which message it is.
    #[must_use]
    pub const fn opcode(&self) -> u8 {
        self.opcode
    }

    /// Its body.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// Reads its body, which postcard wrote; bytes behind the last known field are ignored.
    ///
    /// # Errors
    ///
    /// [`BadBody::Malformed`] if it is no `T`.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, BadBody> {
        decode(self.opcode, &self.body)
    }
}

impl Field for Application {
    fn write(&self, out: &mut Writer<'_>) {
        out.array(&self.body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{BadRequest, Reply, Request};

    #[test]
    fn an_application_reads_back_what_was_written() {
        let sent = Application::new(0x80, &(7_u8, 300_u16)).unwrap();
        assert_eq!((sent.opcode(), sent.bytes()), (0x80, &[7, 0xAC, 2][..]));
        assert_eq!(sent.body(), Ok((7_u8, 300_u16)));
        let mut room = [0; 8];
        let length = Request::Application(sent.clone())
            .encode(&mut room)
            .unwrap();
        let body = &room[..length];
        let mut request = Request::Identity;
        assert_eq!(request.read_any(0x80, body), Ok(()));
        assert_eq!(request, Request::Application(sent.clone()));
        assert_eq!(Reply::decode_any(0x80, body), Ok(Reply::Application(sent)));
    }

    #[test]
    fn an_opcode_of_the_protocol_is_no_applications() {
        let low = Application::FIRST - 1;
        assert_eq!(
            Application::from_bytes(low, &[]),
            Err(BadBody::Malformed(low))
        );
    }

    #[test]
    fn a_body_over_the_limit_is_refused_and_not_cut() {
        let long = [0; APPLICATION_BYTES + 1];
        let full = &long[..APPLICATION_BYTES];
        assert!(Application::from_bytes(0xFF, full).is_ok());
        assert_eq!(Application::from_bytes(0xFF, &long), Err(BadBody::TooLong));
        assert_eq!(
            Request::Identity.read_any(0xFF, &long),
            Err(BadRequest::Malformed(0xFF))
        );
    }
}
