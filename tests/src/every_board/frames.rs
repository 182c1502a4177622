//! What a program sends and gets, byte by byte.

use super::{Board, Kind, Wire};
use lastword_protocol::frame::{self, Class, DELIMITER, Frame, Header, Packet};
use lastword_protocol::hello::{self, Busy, Hello, VersionRefused, Welcome, opcode};
use lastword_protocol::identity::{CURRENT, OLDEST};
use lastword_protocol::message::{self, Reply, Request, SCHEMA_HASH};
use lastword_protocol::refusal::Code;
use lastword_protocol::{ClientId, Nonce, Sequence, Text};
use serde::de::DeserializeOwned;

/// Longest packet here, in bytes.
const PACKET_BYTES: usize = 600;
/// An opcode that nobody has.
const NOBODYS: u8 = 0x7D;
/// The client of the vectors.
const ALICE: ClientId = ClientId(0x0102_0304_0506_0708);
const BOB: ClientId = ClientId(7);

/// The greeting in `WIRE.md`'s examples: version 1, sequence number 1, [`ALICE`], `alice@desk`.
const GREETING: [u8; 35] = [
    0x00, 0x02, 0x10, 0x02, 0x01, 0x01, 0x0C, 0x88, 0x8E, 0x98, 0xA8, 0xC0, 0xE0, 0x80, 0x81, 0x01,
    0x01, 0x01, 0x10, 0x0A, 0x61, 0x6C, 0x69, 0x63, 0x65, 0x40, 0x64, 0x65, 0x73, 0x6B, 0x38, 0xF5,
    0x4C, 0xC2, 0x00,
];

pub(super) fn check(kind: &dyn Kind) {
    sessions(kind.start().as_mut());
    requests(kind.start().as_mut());
    stale_and_damaged(kind.start().as_mut());
    owners(kind.start().as_mut());
}

/// A session is opened once and resumed afterwards.
fn sessions(board: &mut dyn Board) {
    let mut alice = Program::on(board.link());
    let welcome = alice.greeted();
    assert_eq!((welcome.client, welcome.resumed), (ALICE, false));
    let identity = &welcome.identity;
    assert_eq!((identity.oldest, identity.current), (OLDEST, CURRENT));
    assert_eq!(identity.schema, SCHEMA_HASH);
    assert_ne!(welcome.nonce, frame::HELLO_NONCE);
    let again = alice.greeted();
    assert_eq!((again.resumed, again.nonce), (true, welcome.nonce));

    let tomorrows = Hello {
        oldest: CURRENT + 1,
        current: CURRENT + 1,
        ..hello_of(ALICE, false)
    };
    let refused: VersionRefused = alice.greet(Sequence(5), &tomorrows, opcode::VERSION_REFUSED);
    assert_eq!((refused.oldest, refused.current), (OLDEST, CURRENT));
}

/// Each number is answered once, and then with the same bytes.
fn requests(board: &mut dyn Board) {
    let mut alice = Program::on(board.link());
    alice.greeted();
    let uptime = alice.packet(1, &Request::Uptime);
    let first = alice.exchange(&uptime);
    assert!(matches!(alice.reply(&first), Reply::Uptime(_)));
    assert_eq!(alice.exchange(&uptime), first, "the same bytes");
    alice.greeted();
    assert_eq!(alice.exchange(&uptime), first, "resumed");

    let answered = alice.raw(2, NOBODYS, b"");
    assert_eq!(alice.reply(&answered), Reply::Unsupported(NOBODYS));
    for (number, malformed) in [&b""[..], b"\x00", b"\x09\x00\x00\x00\x00\x00\x00"]
        .iter()
        .enumerate()
    {
        let number = 3 + u16::try_from(number).expect("few");
        let answered = alice.raw(number, message::opcode::POWER, malformed);
        let Reply::Refused(refusal) = alice.reply(&answered) else {
            panic!("{malformed:?} is no refusal");
        };
        assert_eq!(refusal.code, Code::BadValue, "{malformed:?}");
    }
    let cancel = alice.packet(6, &Request::PowerCancel(None));
    let answered = alice.exchange(&cancel);
    let Reply::Refused(refusal) = alice.reply(&answered) else {
        panic!("nothing was staged");
    };
    assert_eq!(refusal.code, Code::Unknown);
    assert_eq!(refusal.detail.as_str(), "no power operation is staged");
    assert_eq!(alice.exchange(&cancel), answered, "the same bytes");
}

/// What fails its checksum has no answer and does nothing, nor has text right behind frames.
fn stale_and_damaged(board: &mut dyn Board) {
    let mut alice = Program::on(board.link());
    let nonce = alice.greeted().nonce;
    let reboot = alice.packet(1, &Request::Reboot);
    for place in 1..reboot.len() - 1 {
        let mut damaged = reboot.to_vec();
        damaged[place] ^= 1 << (place % 8);
        alice.wire.send(&damaged);
        // More at once than a small board holds would be lost, and damage nothing.
        alice.greeted();
    }
    alice.nonce = Nonce(nonce.0 ^ 1);
    let stale = alice.packet(1, &Request::Reboot);
    alice.wire.send(&stale);
    alice.wire.send("\nreboot\npower reboot --force\r\n");
    alice.greeted();
    let status = alice.packet(1, &Request::PowerStatus);
    let answered = alice.exchange(&status);
    let Reply::PowerStatus(status) = alice.reply(&answered) else {
        panic!("no power status");
    };
    assert_eq!((status.pending, status.last), (None, None));
}

/// A line has one owner; a connection is its client's own.
fn owners(board: &mut dyn Board) {
    let mut alice = Program::on(board.link());
    let first = alice.greeted();
    if !board.is_line() {
        let mut bob = Program::on(board.link());
        let welcome: Welcome = bob.greet(Sequence(1), &hello_of(BOB, false), opcode::WELCOME);
        assert_eq!(welcome.client, BOB);
        return;
    }
    let busy: Busy = alice.greet(Sequence(1), &hello_of(BOB, false), opcode::BUSY);
    assert_eq!((busy.owner, busy.name.as_str()), (ALICE, "alice@desk"));
    assert!(busy.idle <= busy.owned, "{busy:?}");
    let taken: Welcome = alice.greet(Sequence(2), &hello_of(BOB, true), opcode::WELCOME);
    assert_eq!(taken.client, BOB);
    // Her frames are of a session that does not own the line: they are not answered.
    let hers = alice.packet(1, &Request::Uptime);
    alice.wire.send(&hers);
    let busy: Busy = alice.greet(Sequence(3), &hello_of(ALICE, false), opcode::BUSY);
    assert_eq!(busy.owner, BOB);
    let goodbye = hello::goodbye::<PACKET_BYTES>(BOB).expect("room");
    alice.wire.send(&goodbye);
    // A board may have forgotten her, and then says so, and sums with another nonce.
    let again = alice.greeted();
    assert_eq!(again.resumed, again.nonce == first.nonce);
    let hers = alice.packet(1, &Request::Uptime);
    let answered = alice.exchange(&hers);
    assert!(matches!(alice.reply(&answered), Reply::Uptime(_)));
}

fn hello_of(client: ClientId, take_over: bool) -> Hello {
    Hello {
        client,
        oldest: OLDEST,
        current: CURRENT,
        take_over,
        name: Text::new(),
    }
}

/// A client that sends what it likes.
struct Program {
    wire: Wire,
    nonce: Nonce,
}

impl Program {
    fn on(wire: Wire) -> Self {
        let nonce = frame::HELLO_NONCE;
        Self { wire, nonce }
    }

    /// Sends the greeting of the vectors, and takes the session.
    #[track_caller]
    fn greeted(&mut self) -> Welcome {
        self.wire.send(GREETING);
        let welcome: Welcome = self.answer_to(Sequence(1), opcode::WELCOME);
        self.nonce = welcome.nonce;
        welcome
    }

    #[track_caller]
    fn greet<T: DeserializeOwned>(
        &mut self,
        sequence: Sequence,
        greeting: &Hello,
        answer: u8,
    ) -> T {
        let packet = hello::ask::<PACKET_BYTES>(sequence, greeting).expect("room");
        self.wire.send(&packet);
        self.answer_to(sequence, answer)
    }

    /// The answer to a greeting.
    #[track_caller]
    fn answer_to<T: DeserializeOwned>(&mut self, sequence: Sequence, opcode: u8) -> T {
        loop {
            let mut bytes = self.wire.frame();
            let frame = self.frame(&mut bytes);
            if frame.header.class != Class::Hello {
                continue;
            }
            assert_eq!(
                (frame.header.sequence, frame.header.opcode),
                (sequence, opcode)
            );
            return hello::decode(&frame).expect("a body of its kind");
        }
    }

    fn frame<'a>(&self, bytes: &'a mut [u8]) -> Frame<'a> {
        let shown = format!("{bytes:02x?}");
        frame::decode(bytes, Some(self.nonce)).unwrap_or_else(|| panic!("no frame: {shown}"))
    }

    fn packet(&self, number: u16, request: &Request) -> Packet<PACKET_BYTES> {
        let header = Header::new(Class::Request, Sequence(number), request.opcode());
        frame::encode(header, self.nonce, |out| request.encode(out).ok()).expect("room")
    }

    /// Asks with a body of any bytes, and returns the reply as it came.
    #[track_caller]
    fn raw(&mut self, number: u16, opcode: u8, body: &[u8]) -> Vec<u8> {
        let header = Header::new(Class::Request, Sequence(number), opcode);
        let packet: Packet<PACKET_BYTES> = frame::encode(header, self.nonce, |out| {
            out.get_mut(..body.len())?.copy_from_slice(body);
            Some(body.len())
        })
        .expect("room");
        self.exchange(&packet)
    }

    /// Sends a packet, and returns the reply as it came.
    #[track_caller]
    fn exchange(&mut self, packet: &[u8]) -> Vec<u8> {
        self.wire.send([&[DELIMITER], packet].concat());
        loop {
            let bytes = self.wire.frame();
            let mut copy = bytes.clone();
            if self.frame(&mut copy).header.class == Class::Reply {
                return bytes;
            }
        }
    }

    #[track_caller]
    fn reply(&self, bytes: &[u8]) -> Reply {
        let mut copy = bytes.to_vec();
        let frame = self.frame(&mut copy);
        Reply::decode(frame.header.opcode, frame.body).expect("a reply")
    }
}
