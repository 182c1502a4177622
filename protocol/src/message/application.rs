//! What a board's own application is asked and answers: opcodes and bodies that only it knows.

use super::{BadBody, decode, encode};
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
        let length = encode(body, &mut room)?;
        Self::from_bytes(opcode, room.get(..length).unwrap_or_default())
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
        let body = heapless::Vec::from_slice(body).map_err(|_| BadBody::TooLong)?;
        Ok(Self { opcode, body })
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

    /// Writes its body, and returns the length.
    ///
    /// # Errors
    ///
    /// [`BadBody::TooLong`] if `out` is too small.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, BadBody> {
        let room = out.get_mut(..self.body.len()).ok_or(BadBody::TooLong)?;
        room.copy_from_slice(&self.body);
        Ok(self.body.len())
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
        assert_eq!(
            Request::decode_any(0x80, body),
            Ok(Request::Application(sent.clone()))
        );
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
            Request::decode_any(0xFF, &long),
            Err(BadRequest::Malformed(0xFF))
        );
    }
}
