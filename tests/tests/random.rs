//! Random bytes ask for nothing, what is too long runs nothing, and how a stream is cut up does
//! not matter: the session core of the real agent, in every dialect.

mod commands;
mod noise;
mod oversize;
mod splits;

use lastword_agent::core::clients::FRAME_BYTES;
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::frame::{self, Class, Header, Packet};
use lastword_protocol::hello::{self, Hello, Welcome};
use lastword_protocol::identity::{CURRENT, OLDEST};
use lastword_protocol::message::Request;
use lastword_protocol::{ClientId, Instant, Nonce, Sequence, Text};
use lastword_tests::bench::{Bench, TCP};

/// A client greets.
fn ask_hello() -> Packet<FRAME_BYTES> {
    let hello = Hello {
        client: ClientId(0xC11E),
        oldest: OLDEST,
        current: CURRENT,
        take_over: false,
        name: Text::new(),
    };
    hello::ask(Sequence(1), &hello).expect("it fits")
}

/// What the frames of that client are summed with on a board that nobody has greeted before.
fn nonce() -> Nonce {
    let mut bench = Bench::new(TCP);
    bench.receive(Instant(0), &ask_hello());
    let mut decoder = Decoder::<FRAME_BYTES>::new(Manner::HOST);
    for byte in bench.take_said() {
        if let Step::Frame(frame) = decoder.push(Instant(0), byte) {
            let welcome: Welcome = hello::decode(&frame).expect("a welcome");
            return welcome.nonce;
        }
    }
    panic!("no welcome");
}

/// A client asks.
fn request(nonce: Nonce, sequence: u16, request: &Request) -> Packet<FRAME_BYTES> {
    let header = Header::new(Class::Request, Sequence(sequence), request.opcode());
    frame::encode(header, nonce, |out| request.encode(out).ok()).expect("it fits")
}
