//! The frame codec: bytes to frame and back, without a link.

use crate::figure::{Bar, Figure};
use crate::setting::Setting;
use crate::span::Rounds;
use crate::wire::FRAME_BYTES;
use anyhow::{Context, Result};
use lastword_protocol::frame::{self, Class, Frame, Header, Packet, TooLong, wire_bytes};
use lastword_protocol::message::{Initiated, Reply};
use lastword_protocol::power::{Backend, Operation};
use lastword_protocol::{Nonce, OperationId, Sequence};
use std::hint::black_box;

const NONCE: Nonce = Nonce(0x5EED_1234);
const SEQUENCE: Sequence = Sequence(7);
/// The body of a long frame.
const LONG_BYTES: u16 = 1_024;
const LONG_FRAME: usize = wire_bytes(LONG_BYTES as usize);

/// Measures encoding and decoding, of small frames and of long ones.
///
/// # Errors
///
/// If a frame does not read back as written.
pub fn measure(setting: &Setting) -> Result<Vec<Figure>> {
    let rounds = Rounds::new(setting.quick);
    let initiated = Reply::Initiated(Initiated {
        operation: Operation::Reboot,
        backend: Backend::DryRun,
        id: OperationId(7),
    });
    let mut figures = Vec::new();
    small(
        rounds,
        "an ACK",
        &Reply::Done,
        Some(Bar::AtMost(25.0)),
        &mut figures,
    )?;
    small(rounds, "`Initiated`", &initiated, None, &mut figures)?;
    let fast = Some(Bar::Above(1.0));
    long(
        rounds,
        "1 KiB of random bytes",
        &random_bytes(),
        fast,
        &mut figures,
    )?;
    let zeros = vec![0; LONG_BYTES.into()];
    long(rounds, "1 KiB of zeros", &zeros, None, &mut figures)?;
    Ok(figures)
}

/// Measures a reply on its way to the wire and back.
fn small(
    rounds: Rounds,
    name: &str,
    reply: &Reply,
    bar: Option<Bar>,
    figures: &mut Vec<Figure>,
) -> Result<()> {
    let mut packet = Packet::<FRAME_BYTES>::new();
    let write = |packet: &mut Packet<FRAME_BYTES>, reply: &Reply| {
        let header = Header::new(Class::Reply, black_box(SEQUENCE), reply.opcode());
        frame::encode_into(packet, header, black_box(NONCE), |out| {
            reply.encode(out).ok()
        })
    };
    let encode = rounds.measure(|| {
        let done = write(black_box(&mut packet), black_box(reply));
        let _ = black_box(done);
        black_box(&packet);
    });
    write(&mut packet, reply)?;
    let candidate = between(&packet);
    let mut buffer = [0; FRAME_BYTES];
    let read = |candidate: &mut [u8]| {
        let frame = frame::decode(candidate, black_box(Some(NONCE)))?;
        Some(Reply::decode(frame.header.opcode, frame.body))
    };
    let decode = rounds.measure(|| {
        black_box(&read(fill(&mut buffer, black_box(candidate))));
    });
    let found = read(fill(&mut buffer, candidate)).context("no frame")??;
    anyhow::ensure!(found == *reply, "{found:?} was {reply:?}");
    let measured = "reply to bytes, in a packet as long as the agent's";
    figures.extend(encode.figures(&format!("encode {name}"), bar, measured));
    let measured = "bytes to reply, with a copy of the bytes, which decoding overwrites";
    figures.extend(decode.figures(&format!("decode {name}"), bar, measured));
    Ok(())
}

/// Measures a frame with a body of [`LONG_BYTES`].
fn long(
    rounds: Rounds,
    name: &str,
    body: &[u8],
    bar: Option<Bar>,
    figures: &mut Vec<Figure>,
) -> Result<()> {
    let mut packet = Packet::<LONG_FRAME>::new();
    let encode = rounds.measure(|| {
        let _ = black_box(write(black_box(&mut packet), black_box(body)));
        black_box(&packet);
    });
    write(&mut packet, body)?;
    let candidate = between(&packet);
    let mut buffer = [0; LONG_FRAME];
    let decode = rounds.measure(|| {
        black_box(read(fill(&mut buffer, black_box(candidate))));
    });
    let found = read(fill(&mut buffer, candidate)).context("no frame")?;
    anyhow::ensure!(found.body == body, "another body came back");
    let bytes = LONG_BYTES.into();
    let measured = "body to frame, bytes of the body a second";
    figures.extend(encode.rates(&format!("encode {name}"), bytes, bar, measured));
    let measured = "frame to body, with a copy of the frame, which decoding overwrites";
    figures.extend(decode.rates(&format!("decode {name}"), bytes, bar, measured));
    Ok(())
}

fn write(packet: &mut Packet<LONG_FRAME>, body: &[u8]) -> Result<(), TooLong> {
    let header = Header::new(Class::Data, black_box(SEQUENCE), 0);
    frame::encode_into(packet, header, black_box(NONCE), |out| {
        out.get_mut(..body.len())?.copy_from_slice(body);
        Some(body.len())
    })
}

fn read(candidate: &mut [u8]) -> Option<Frame<'_>> {
    frame::decode(candidate, black_box(Some(NONCE)))
}

/// A fresh copy of the bytes, for the decoder to overwrite.
fn fill<'a>(buffer: &'a mut [u8], bytes: &[u8]) -> &'a mut [u8] {
    let part = &mut buffer[..bytes.len()];
    part.copy_from_slice(bytes);
    part
}

/// What stands between the two delimiters.
fn between(packet: &[u8]) -> &[u8] {
    packet.get(1..packet.len() - 1).unwrap_or_default()
}

/// Bytes from xorshift64 (Marsaglia, 2003), always the same.
fn random_bytes() -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[4]
    };
    (0..LONG_BYTES).map(next).collect()
}
