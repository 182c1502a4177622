//! The golden vectors of protocol version 1.
//!
//! If a test here fails, change the code and leave the test: boards in the field speak these
//! bytes. Vectors are appended, never edited. They were worked out from `WIRE.md` and not printed
//! by this crate, and `WIRE.md` quotes them line by line.
//!
//! A vector is a field a line: its bytes in hexadecimal (`55*3` stands for `55 55 55`), and behind
//! the semicolon what they say.

mod announcements;
mod enums;
#[cfg(feature = "services")]
mod events;
mod frames;
#[cfg(feature = "services")]
mod generations;
mod hellos;
mod malformed;
mod power_replies;
mod replies;
mod requests;
mod runs;
#[cfg(feature = "services")]
mod services;
mod sizes;
#[cfg(feature = "services")]
mod streams;
mod transfers;

use crate::witness::{Of, saw};
use lastword_protocol::identity::{
    BoardKind, BootSource, Capabilities, Cause, Identity, NAME_BYTES,
};
use lastword_protocol::message::{BadBody, BadRequest, Reply, Request};
use lastword_protocol::power::{Backend, Evidence, LastOperation, Operation, Outcome};
use lastword_protocol::{BootId, ClientId, Generation, Nonce, OperationId, Text};

/// Longer than any body here.
const ROOM: usize = 1_024;

/// This boot: 00112233-4455-6677-8899-aabbccddeeff.
const BOOT: BootId = BootId([
    0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF,
]);
/// Another boot: f0e0d0c0-b0a0-9080-7060-504030201000.
const OTHER_BOOT: BootId = BootId([
    0xF0, 0xE0, 0xD0, 0xC0, 0xB0, 0xA0, 0x90, 0x80, 0x70, 0x60, 0x50, 0x40, 0x30, 0x20, 0x10, 0x00,
]);
const CLIENT: ClientId = ClientId(0x0102_0304_0506_0708);
/// Of the first session of [`CLIENT`] in [`BOOT`].
const NONCE: Nonce = Nonce(0x3015_9CE4);

/// The bytes of a vector.
#[track_caller]
fn bytes(vector: &str) -> Vec<u8> {
    let fields = vector
        .lines()
        .map(|line| line.split_once(';').map_or(line, |(hex, _)| hex));
    let mut bytes = Vec::new();
    for token in fields.flat_map(str::split_whitespace) {
        let (hex, count) = token.split_once('*').unwrap_or((token, "1"));
        assert_eq!(hex.len(), 2, "{token:?} is no byte");
        let byte = u8::from_str_radix(hex, 16).expect("two hexadecimal digits");
        bytes.extend(std::iter::repeat_n(byte, count.parse().expect("a count")));
    }
    bytes
}

/// `request` has this opcode and body; bytes behind the body change nothing, and no part of it
/// is enough.
#[track_caller]
fn check_request(request: &Request, opcode: u8, vector: &str) {
    let body = bytes(vector);
    let mut out = [0; ROOM];
    let length = request.encode(&mut out).expect("room");
    saw(Of::Request(opcode), &body);
    assert_eq!(request.opcode(), opcode);
    assert_eq!(out[..length], body, "encoding {request:?}");
    assert_eq!(Request::decode(opcode, &body).as_ref(), Ok(request));
    let longer = [body.as_slice(), b"\xFF\x00"].concat();
    assert_eq!(Request::decode(opcode, &longer).as_ref(), Ok(request));
    for cut in 0..body.len() {
        let truncated = Request::decode(opcode, &body[..cut]);
        assert_eq!(truncated, Err(BadRequest::Malformed(opcode)), "{cut} bytes");
    }
}

/// As [`check_request`], for a reply.
#[track_caller]
fn check_reply(reply: &Reply, opcode: u8, vector: &str) {
    let body = bytes(vector);
    let mut out = [0; ROOM];
    let length = reply.encode(&mut out).expect("room");
    saw(Of::Reply(opcode), &body);
    assert_eq!(reply.opcode(), opcode);
    assert_eq!(out[..length], body, "encoding {reply:?}");
    assert_eq!(Reply::decode(opcode, &body).as_ref(), Ok(reply));
    let longer = [body.as_slice(), b"\xFF\x00"].concat();
    assert_eq!(Reply::decode(opcode, &longer).as_ref(), Ok(reply));
    for cut in 0..body.len() {
        let truncated = Reply::decode(opcode, &body[..cut]);
        assert_eq!(truncated, Err(BadBody::Malformed(opcode)), "{cut} bytes");
    }
}

fn text<const N: usize>(text: &str) -> Text<N> {
    Text::try_from(text).expect("it fits")
}

/// A board as it is on most days.
fn small_identity() -> Identity {
    Identity {
        oldest: 1,
        current: 1,
        boot: BOOT,
        boot_source: BootSource::Kernel,
        cause: Cause::Unknown,
        kind: BoardKind::Linux,
        name: text("lab7"),
        firmware: text("0.1.0"),
        build: text(""),
        backend: Backend::DryRun,
        mtu: 512,
        window: 8,
        capabilities: Capabilities(0),
        schema: 0xC0FF_EE00,
        last: None,
        active: None,
        pending: None,
    }
}

/// Every field at its longest, every option there.
fn full_identity() -> Identity {
    Identity {
        oldest: 1,
        current: 1,
        boot: BOOT,
        boot_source: BootSource::RetainedCounter,
        cause: Cause::Requested,
        kind: BoardKind::Mcu,
        name: text(&"n".repeat(NAME_BYTES)),
        firmware: text(&"v".repeat(NAME_BYTES)),
        build: text(&"é".repeat(NAME_BYTES / 2)),
        backend: Backend::Mcu,
        mtu: u16::MAX,
        window: u8::MAX,
        capabilities: Capabilities(u32::MAX),
        schema: u32::MAX,
        last: Some(done_before()),
        active: Some(Generation(counting_from(0xA0))),
        pending: Some(Generation(counting_from(0xC0))),
    }
}

/// The operation that ended the boot before this one.
const fn done_before() -> LastOperation {
    LastOperation {
        id: OperationId(7),
        operation: Operation::Reboot,
        outcome: Outcome::Done(Evidence::PeerAcked),
        boot: OTHER_BOOT,
    }
}

fn counting_from(first: u8) -> [u8; 32] {
    let mut next = first;
    [(); 32].map(|()| {
        let byte = next;
        next = next.wrapping_add(1);
        byte
    })
}
