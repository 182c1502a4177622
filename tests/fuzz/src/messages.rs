//! Any bytes as the body of any message.
//!
//! - Decoding never panics. What decodes is written in no more bytes than it was read from, and
//!   reads back; bytes behind it change nothing, and no part of it is enough.
//! - Framed, it reads back as well; and with up to 32 neighbouring bits flipped, or under any other
//!   nonce, never: that much CRC-32 guarantees.

use crate::input::Bytes;
use lastword_protocol::frame::{
    self, CHECKSUM_BYTES, Class, Frame, HEADER_BYTES, HELLO_NONCE, Header, Packet,
};
use lastword_protocol::hello::{self, Busy, Hello, VersionRefused, Welcome};
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::{ClientId, Nonce, Sequence};
use std::fmt::Debug;

/// Longer than any body.
const BODY: usize = 512;
const PACKET: usize = frame::wire_bytes(BODY);
/// The most neighbouring bits that CRC-32 is sure to see flipped.
const BURST_BITS: usize = 32;

/// A body as written, and its length.
type Written = Option<usize>;

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut input = Bytes::new(data);
    let class = input.pick(&[Class::Request, Class::Reply, Class::Hello]);
    let opcode = input.byte();
    let session = Nonce(input.word());
    let sequence = Sequence(input.short());
    let damage = Damage {
        at: input.short(),
        bits: input.word(),
    };
    let body = input.rest();
    let mut room = [0; BODY];
    let Some(length) = round_trip(class, opcode, body, &mut room) else {
        return;
    };
    let header = Header {
        flags: damage.at.to_le_bytes()[0],
        ..Header::new(class, sequence, opcode)
    };
    check_frame(header, session, &room[..length], damage);
}

/// Reads `body` as the message that class and opcode name; `None` if it is none, else the length
/// of what was written into `room`.
fn round_trip(class: Class, opcode: u8, body: &[u8], room: &mut [u8; BODY]) -> Written {
    match class {
        Class::Request => check(
            body,
            room,
            |body| Request::decode(opcode, body).ok(),
            |request, out| {
                assert_eq!(request.opcode(), opcode);
                request.encode(out).ok()
            },
        ),
        Class::Reply => check(
            body,
            room,
            |body| Reply::decode(opcode, body).ok(),
            |reply, out| {
                assert_eq!(reply.opcode(), opcode);
                reply.encode(out).ok()
            },
        ),
        _ => hello_round_trip(opcode, body, room),
    }
}

/// As [`round_trip`], for the messages of a hello, which are written as whole frames only.
fn hello_round_trip(opcode: u8, body: &[u8], room: &mut [u8; BODY]) -> Written {
    let number = Sequence(9);
    match opcode {
        hello::opcode::ASK => check_hello(body, room, opcode, |it: &Hello| hello::ask(number, it)),
        hello::opcode::WELCOME => check_hello(body, room, opcode, |it: &Welcome| {
            hello::welcome(number, it)
        }),
        hello::opcode::BUSY => check_hello(body, room, opcode, |it: &Busy| hello::busy(number, it)),
        hello::opcode::GOODBYE => {
            check_hello(body, room, opcode, |it: &ClientId| hello::goodbye(*it))
        }
        hello::opcode::VERSION_REFUSED => {
            // What a board refuses is its own versions, so that not every body can be written.
            hello_body::<VersionRefused>(opcode, body);
            None
        }
        _ => None,
    }
}

fn check_hello<T: serde::de::DeserializeOwned + PartialEq + Debug>(
    body: &[u8],
    room: &mut [u8; BODY],
    opcode: u8,
    frame_it: impl Fn(&T) -> Result<Packet<PACKET>, frame::TooLong>,
) -> Written {
    check(
        body,
        room,
        |body| hello_body(opcode, body),
        |value, out| {
            let mut packet = frame_it(value).ok()?;
            let frame = frame::decode(between(&mut packet), None)?;
            assert_eq!(frame.header.opcode, opcode);
            out.get_mut(..frame.body.len())?.copy_from_slice(frame.body);
            Some(frame.body.len())
        },
    )
}

fn hello_body<T: serde::de::DeserializeOwned>(opcode: u8, body: &[u8]) -> Option<T> {
    let header = Header::new(Class::Hello, Sequence(0), opcode);
    let nonce = frame::HELLO_NONCE;
    hello::decode(&Frame {
        header,
        body,
        nonce,
    })
}

/// Checks what `read` makes of `body`, if it makes anything of it.
fn check<T: PartialEq + Debug>(
    body: &[u8],
    room: &mut [u8; BODY],
    read: impl Fn(&[u8]) -> Option<T>,
    write: impl Fn(&T, &mut [u8]) -> Written,
) -> Written {
    let value = read(body)?;
    let length = write(&value, room).expect("room for the longest");
    assert!(length <= body.len(), "{value:?} has grown");
    assert_eq!(read(&room[..length]).as_ref(), Some(&value));
    let last = body.last().copied().unwrap_or_default();
    for cut in [usize::from(last) % length.max(1), length.saturating_sub(1)] {
        let is_enough = cut < length && read(&room[..cut]).is_some();
        assert!(
            !is_enough,
            "{cut} bytes of {length} are enough for {value:?}"
        );
    }
    room[length] = body.first().copied().unwrap_or(0xFF);
    assert_eq!(read(&room[..=length]).as_ref(), Some(&value));
    Some(length)
}

/// What befalls a frame: the bits set here are flipped, from bit `at` on.
#[derive(Clone, Copy)]
struct Damage {
    at: u16,
    bits: u32,
}

/// Flips at most [`BURST_BITS`] neighbouring bits.
fn flip(bytes: &mut [u8], damage: Damage) {
    let count = bytes.len() * 8;
    let first = usize::from(damage.at) % count;
    // Whatever the input, at least the first is flipped.
    let bits = damage.bits | 1;
    for offset in 0..BURST_BITS.min(count - first) {
        let bit = first + offset;
        bytes[bit / 8] ^= u8::from(bits >> offset & 1 == 1) << (bit % 8);
    }
}

fn check_frame(header: Header, session: Nonce, body: &[u8], damage: Damage) {
    let write = |out: &mut [u8]| {
        out.get_mut(..body.len())?.copy_from_slice(body);
        Some(body.len())
    };
    let packet: Packet<PACKET> = frame::encode(header, session, write).expect("room");
    let nonce = match header.class {
        Class::Hello => frame::HELLO_NONCE,
        _ => session,
    };
    let frame = Frame {
        header,
        body,
        nonce,
    };
    let read = |packet: &Packet<PACKET>, nonce| {
        let mut packet = packet.clone();
        frame::decode(between(&mut packet), nonce).map(|frame| (frame.header, frame.body.to_vec()))
    };
    let whole = read(&packet, Some(session));
    assert_eq!(whole, Some((frame.header, frame.body.to_vec())));

    if header.class != Class::Hello {
        let other = Nonce(session.0 ^ (damage.bits | 1));
        assert_eq!(read(&packet, Some(other)), None, "under another nonce");
        assert_eq!(read(&packet, None), None, "under no nonce");
    }
    let plain = plain(&packet);
    let end = plain.len() - CHECKSUM_BYTES;
    assert_eq!(&plain[HEADER_BYTES..end], body, "read by another codec");
    let mut flipped = plain.clone();
    flip(&mut flipped, damage);
    check_flipped(&plain, &flipped, session);

    // The same on the wire: a flipped length of COBS moves what it pleases, so that CRC-32
    // guarantees nothing, unless what comes of it is again a burst.
    let mut damaged = packet;
    flip(between(&mut damaged), damage);
    if !between(&mut damaged).contains(&frame::DELIMITER)
        && let Some(flipped) = unstuffed(between(&mut damaged))
        && is_burst(&plain, &flipped)
    {
        check_flipped(&plain, &flipped, session);
    }
}

/// `flipped` differs from a frame's plain bytes in a burst: it must not be read.
fn check_flipped(plain: &[u8], flipped: &[u8], session: Nonce) {
    let is_hello = |plain: &[u8]| plain[0] & 0x0F == Class::Hello as u8;
    // From a hello or to one, the nonce that is summed differs as well: no guarantee.
    if is_hello(plain) != is_hello(flipped) && session != HELLO_NONCE {
        return;
    }
    let mut stuffed = vec![0; corncobs::max_encoded_len(flipped.len())];
    let length = corncobs::encode_buf(flipped, &mut stuffed);
    let candidate = &mut stuffed[..length - 1];
    assert_eq!(
        frame::decode(candidate, Some(session)),
        None,
        "{plain:02x?}"
    );
}

/// Whether the two differ, in a window of [`BURST_BITS`] bits.
fn is_burst(one: &[u8], other: &[u8]) -> bool {
    let differs = |bit: &usize| (one[bit / 8] ^ other[bit / 8]) >> (bit % 8) & 1 == 1;
    let mut bits = (0..one.len() * 8).filter(differs);
    if one.len() != other.len() {
        return false;
    }
    let Some(first) = bits.next() else {
        return false;
    };
    bits.next_back()
        .is_none_or(|last| last - first < BURST_BITS)
}

/// The plain bytes of a whole frame: header, body, checksum.
fn plain(packet: &Packet<PACKET>) -> Vec<u8> {
    let mut packet = packet.clone();
    unstuffed(between(&mut packet)).expect("whole")
}

fn unstuffed(candidate: &mut [u8]) -> Option<Vec<u8>> {
    let length = corncobs::decode_in_place(candidate).ok()?;
    candidate.get(..length).map(<[u8]>::to_vec)
}

/// What stands between the two delimiters.
fn between(packet: &mut Packet<PACKET>) -> &mut [u8] {
    let end = packet.len() - 1;
    &mut packet[1..end]
}
