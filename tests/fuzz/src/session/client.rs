//! A client that keeps the rules, and at times repeats itself.

pub(super) mod ask;

use super::action::Mishap;
use super::ledger::Ledger;
use ask::Asked;
use lastword_agent::core::clients::FRAME_BYTES;
use lastword_agent::core::transfers::ObjectAsk;
use lastword_agent::core::world::{Ask, Way};
use lastword_protocol::frame::{self, Class, Header, Packet};
use lastword_protocol::hello::{self, Hello};
use lastword_protocol::identity::{CURRENT, OLDEST};
use lastword_protocol::message::{Request, TransferRequest};
use lastword_protocol::{BootId, ClientId, Nonce, OperationId, Sequence, Text};

/// How many requests a client can send again.
const KEPT: usize = 16;

/// One client.
pub(super) struct Client {
    id: ClientId,
    /// Of the session that it was welcomed to.
    nonce: Option<Nonce>,
    next: Sequence,
    hellos: u16,
    sent: Vec<(Nonce, Sequence, Packet<FRAME_BYTES>)>,
}

impl Client {
    pub(super) fn new(number: u64) -> Self {
        Self {
            id: ClientId(0xC11E_0000 + number),
            nonce: None,
            next: Sequence(1),
            hellos: 0,
            sent: Vec::new(),
        }
    }

    /// A hello, under a number of its own.
    pub(super) fn hello(&mut self, take_over: bool) -> Packet<FRAME_BYTES> {
        self.hellos = self.hellos.wrapping_add(1);
        let hello = Hello {
            client: self.id,
            oldest: OLDEST,
            current: CURRENT,
            take_over,
            name: Text::new(),
        };
        hello::ask(Sequence(self.hellos), &hello).expect("room")
    }

    pub(super) fn goodbye(&self) -> Packet<FRAME_BYTES> {
        hello::goodbye(self.id).expect("room")
    }

    /// Hears a welcome to some client: an answer to an earlier hello is dropped.
    pub(super) fn welcomed(&mut self, id: ClientId, number: Sequence, nonce: Nonce) {
        if id == self.id && number == Sequence(self.hellos) {
            self.nonce = Some(nonce);
        }
    }

    /// A request under the number that is so far ahead of the next; `None` before a welcome.
    pub(super) fn ask(
        &mut self,
        boot: BootId,
        ahead: i8,
        asked: &Asked<'_>,
        ledger: &mut Ledger,
    ) -> Option<Packet<FRAME_BYTES>> {
        let nonce = self.nonce?;
        let sequence = Sequence(self.next.0.wrapping_add_signed(ahead.into()));
        if ahead >= 0 {
            self.next = sequence.next();
        }
        let mut body = [0; 128];
        let (opcode, length) = asked.write(boot, &mut body);
        let body = &body[..length];
        let power = match Request::decode(opcode, body).map(Way::from) {
            Ok(Way::Ask(ask)) => Some(ask),
            Ok(Way::Transfer(request)) => match request {
                TransferRequest::Put { hash, size, .. } => {
                    Some(Ask::Object(ObjectAsk::Put(hash, size)))
                }
                TransferRequest::Get { hash, from, .. } => {
                    Some(Ask::Object(ObjectAsk::Get(hash, from)))
                }
                TransferRequest::Commit(_) | TransferRequest::Cancel(_) => None,
            },
            Ok(Way::Look(_) | Way::Events(_) | Way::Unknown(_)) | Err(_) => None,
        };
        ledger.sent(OperationId::assigned(nonce, sequence), power);
        let header = Header::new(Class::Request, sequence, opcode);
        let packet = frame::encode(header, nonce, |out| {
            out.get_mut(..length)?.copy_from_slice(body);
            Some(length)
        });
        let packet = packet.expect("room");
        if self.sent.len() == KEPT {
            self.sent.remove(0);
        }
        self.sent.push((nonce, sequence, packet.clone()));
        Some(packet)
    }

    /// The newest request of the session that it is in.
    pub(super) fn newest(&self) -> Option<(Nonce, Sequence, Packet<FRAME_BYTES>)> {
        let newest = Sequence(self.next.0.wrapping_sub(1));
        let is = |sent: &&(Nonce, Sequence, _)| Some(sent.0) == self.nonce && sent.1 == newest;
        self.sent.iter().rev().find(is).cloned()
    }

    /// An earlier request as it went out.
    pub(super) fn again(&self, back: u8) -> Option<Packet<FRAME_BYTES>> {
        let back = usize::from(back).checked_rem(self.sent.len())?;
        let (_, _, packet) = self.sent.iter().rev().nth(back)?;
        Some(packet.clone())
    }
}

/// What arrives of a packet.
pub(super) fn damaged(packet: &Packet<FRAME_BYTES>, mishap: Mishap) -> Vec<u8> {
    let mut bytes = packet.to_vec();
    match mishap {
        Mishap::None => {}
        Mishap::Twice => bytes.extend_from_slice(packet),
        Mishap::Flipped(bit) => {
            let bit = usize::from(bit) % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        Mishap::Cut(count) => bytes.truncate(usize::from(count)),
    }
    bytes
}
