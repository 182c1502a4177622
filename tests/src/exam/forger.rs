//! The planted fault: a board that answers one request with what it answered another.

use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::frame::{self, Class, Frame, HELLO_NONCE, Header};
use lastword_protocol::hello::{self, Welcome, opcode};
use lastword_protocol::{Instant, Nonce};

/// The longest packet, in bytes.
const PACKET_BYTES: usize = 2_048;

/// Reads what a board says, and now and then says something else in its place.
#[derive(Debug)]
pub(super) struct Forger {
    one_in: u64,
    replies: u64,
    decoder: Box<Decoder<PACKET_BYTES>>,
    nonce: Nonce,
    /// The opcode and body of the reply before.
    earlier: Option<(u8, Vec<u8>)>,
}

impl Forger {
    pub(super) fn new(one_in: u64) -> Self {
        Self {
            one_in,
            replies: 0,
            decoder: Box::new(Decoder::new(Manner::HOST_STREAM)),
            nonce: HELLO_NONCE,
            earlier: None,
        }
    }

    /// What is to be passed on in place of this.
    pub(super) fn pass(&mut self, said: Vec<u8>) -> Vec<u8> {
        let mut forged = None;
        for byte in &said {
            // Nothing ends here by silence: the line behind this is whole.
            let Step::Frame(frame) = self.decoder.push(Instant(0), *byte) else {
                continue;
            };
            let (header, body) = (frame.header, frame.body.to_vec());
            match header.class {
                Class::Hello => {
                    if let Some(nonce) = welcomed(&frame) {
                        self.nonce = nonce;
                        self.decoder.enter(Some(nonce));
                    }
                }
                Class::Reply => forged = self.forge(header, body).or(forged),
                _ => {}
            }
        }
        forged.unwrap_or(said)
    }

    /// A reply with this one's number and the earlier one's body, if it is time for it and they
    /// differ.
    fn forge(&mut self, header: Header, body: Vec<u8>) -> Option<Vec<u8>> {
        self.replies += 1;
        let own = (header.opcode, body);
        let earlier = self.earlier.replace(own.clone());
        let (opcode, body) = earlier.filter(|earlier| *earlier != own)?;
        if !self.replies.is_multiple_of(self.one_in) {
            return None;
        }
        let header = Header { opcode, ..header };
        let packet = frame::encode::<PACKET_BYTES>(header, self.nonce, |out| {
            out.get_mut(..body.len())?.copy_from_slice(&body);
            Some(body.len())
        });
        packet.ok().map(|packet| packet.to_vec())
    }
}

fn welcomed(frame: &Frame<'_>) -> Option<Nonce> {
    let is_welcome = frame.header.opcode == opcode::WELCOME;
    is_welcome.then(|| hello::decode::<Welcome>(frame).map(|welcome| welcome.nonce))?
}
