//! A client that speaks frames, and sends what it likes.

use crate::bench::Bench;
use lastword_protocol::frame::{self, Class, DELIMITER, HELLO_NONCE, Header, Packet};
use lastword_protocol::hello::{self, Hello, Welcome};
use lastword_protocol::identity::{CURRENT, OLDEST};
use lastword_protocol::message::{self, Reply, Request};
use lastword_protocol::{ClientId, Nonce, Sequence, Text};
use serde::de::DeserializeOwned;

/// Longer than any board here takes.
pub(crate) const PACKET_BYTES: usize = 600;

/// A client and its session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    pub(crate) client: ClientId,
    pub(crate) nonce: Nonce,
}

/// A frame that came from the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) header: Header,
    pub(crate) body: Vec<u8>,
}

impl Program {
    pub(crate) const fn new(client: u64) -> Self {
        let client = ClientId(client);
        let nonce = HELLO_NONCE;
        Self { client, nonce }
    }

    /// A client that has its session.
    #[track_caller]
    pub(crate) fn welcomed(client: u64, bench: &mut Bench) -> Self {
        let mut program = Self::new(client);
        program.enter(bench);
        program
    }

    /// Greets, is welcomed, and takes the session.
    #[track_caller]
    pub(crate) fn enter(&mut self, bench: &mut Bench) -> Welcome {
        let welcome: Welcome = self.greet(bench, false, hello::opcode::WELCOME);
        assert_eq!(welcome.client, self.client);
        self.nonce = welcome.nonce;
        welcome
    }

    /// Greets, and reads the answer, which has to be of this kind.
    #[track_caller]
    pub(crate) fn greet<T: DeserializeOwned>(
        &self,
        bench: &mut Bench,
        take_over: bool,
        opcode: u8,
    ) -> T {
        let heard = self.exchange(bench, &self.hello(Sequence(7), CURRENT, take_over));
        let [answer] = &heard[..] else {
            panic!("one answer is wanted: {heard:?}");
        };
        let header = Header::new(Class::Hello, Sequence(7), opcode);
        assert_eq!(answer.header, header);
        message_of(answer)
    }

    pub(crate) fn hello(
        &self,
        sequence: Sequence,
        oldest: u8,
        take_over: bool,
    ) -> Packet<PACKET_BYTES> {
        let hello = Hello {
            client: self.client,
            oldest: oldest.max(OLDEST),
            current: oldest.max(CURRENT),
            take_over,
            name: Text::try_from("desk").expect("short"),
        };
        hello::ask(sequence, &hello).expect("room")
    }

    /// A request, as it goes over the wire.
    pub(crate) fn packet(&self, number: u16, request: &Request) -> Packet<PACKET_BYTES> {
        let mut body = [0; PACKET_BYTES];
        let length = request.encode(&mut body).expect("room");
        self.raw(Class::Request, number, request.opcode(), &body[..length])
    }

    /// A frame that need not be anything.
    pub(crate) fn raw(
        &self,
        class: Class,
        number: u16,
        opcode: u8,
        body: &[u8],
    ) -> Packet<PACKET_BYTES> {
        let header = Header::new(class, Sequence(number), opcode);
        let packet = frame::encode(header, self.nonce, |room| {
            room.get_mut(..body.len())?.copy_from_slice(body);
            Some(body.len())
        });
        packet.expect("room")
    }

    /// Sends bytes, and reads the frames that come back.
    pub(crate) fn exchange(&self, bench: &mut Bench, bytes: &[u8]) -> Vec<Heard> {
        let mut heard = bench.exchange(bytes);
        self.read(&mut heard)
    }

    /// Asks, and returns the one reply.
    #[track_caller]
    pub(crate) fn ask(&self, bench: &mut Bench, number: u16, request: &Request) -> Reply {
        let heard = self.exchange(bench, &self.packet(number, request));
        let [reply] = &heard[..] else {
            panic!("one reply is wanted: {heard:?}");
        };
        reply.reply(number)
    }

    /// The frames in what was heard; besides, there may be announcements and nothing else.
    pub(crate) fn read(&self, heard: &mut [u8]) -> Vec<Heard> {
        let shown = format!("{heard:02x?}");
        let candidates = heard.split_mut(|byte| *byte == DELIMITER);
        let is_text = |it: &[u8]| it.is_empty() || it.starts_with(b"\r\n! 0 board ");
        let candidates = candidates.filter(|candidate| !is_text(candidate));
        candidates
            .map(|candidate| {
                let frame = frame::decode(candidate, Some(self.nonce));
                let frame = frame.unwrap_or_else(|| panic!("no frame among {shown}"));
                Heard {
                    header: frame.header,
                    body: frame.body.to_vec(),
                }
            })
            .collect()
    }
}

impl Heard {
    /// The reply to the request with this number.
    #[track_caller]
    pub(crate) fn reply(&self, number: u16) -> Reply {
        assert_eq!(
            (self.header.class, self.header.sequence),
            (Class::Reply, Sequence(number))
        );
        Reply::decode_any(self.header.opcode, &self.body).expect("a reply")
    }
}

#[track_caller]
pub(crate) fn message_of<T: DeserializeOwned>(heard: &Heard) -> T {
    let frame = frame::Frame {
        nonce: frame::HELLO_NONCE,
        header: heard.header,
        body: &heard.body,
    };
    hello::decode(&frame).expect("a body of its kind")
}

/// A number for the application to double.
pub(crate) fn double(number: u32) -> Request {
    let message = message::Application::new(crate::application::DOUBLE, &number);
    Request::Application(message.expect("room"))
}
