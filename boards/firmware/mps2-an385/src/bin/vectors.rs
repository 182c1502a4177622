//! Reads and writes what it is sent with the protocol crate as it runs on this processor, so that
//! the golden vectors can be checked here: `cargo xtask vectors`.
//!
//! A question is `kind opcode length:u16 bytes`, an answer `verdict length:u16 bytes`, lengths
//! little-endian. Kinds: 0 request, 1 reply, 2 hello: a body, which comes back as it is written
//! again; 3 frame: a nonce and a candidate without delimiters, which comes back with them. The
//! verdict is 1 if the bytes could be read, else 0 and nothing comes back.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use embedded_io::Write;
use lastword_protocol::frame::{self, Frame};
use lastword_protocol::hello::{self, Busy, Hello, VersionRefused, Welcome, opcode};
use lastword_protocol::message::{Field, Reply, Request, encode};
use lastword_protocol::refusal::Refusal;
use lastword_protocol::{ClientId, Nonce};
use mps2_an385::board::Board;
use mps2_an385::reset::reset;
use mps2_an385::uart::Uart;
use mps2_an385::watchdog::Watchdog;
use serde::de::DeserializeOwned;

/// Room for the longest vector, in bytes.
const ROOM: usize = 1_024;

#[entry]
fn main() -> ! {
    let Some(board) = Board::take() else { reset() };
    let mut line = Line {
        uart: board.uart,
        watchdog: board.watchdog,
    };
    let mut question = [0; ROOM];
    let mut answer = [0; ROOM];
    loop {
        let [kind, opcode] = [line.hear(), line.hear()];
        let length = usize::from(u16::from_le_bytes([line.hear(), line.hear()]));
        let Some(bytes) = question.get_mut(..length) else {
            reset()
        };
        for byte in bytes.iter_mut() {
            *byte = line.hear();
        }
        let written = again(kind, opcode, bytes, &mut answer);
        let content = answer.get(..written.unwrap_or(0)).unwrap_or_default();
        line.say(&[u8::from(written.is_some())]);
        line.say(&u16::try_from(content.len()).unwrap_or(0).to_le_bytes());
        line.say(content);
    }
}

/// Reads these bytes and writes them again; the length, or `None` if they are refused.
fn again(kind: u8, opcode: u8, bytes: &mut [u8], out: &mut [u8]) -> Option<usize> {
    match kind {
        0 => Request::decode(opcode, bytes).ok()?.encode(out).ok(),
        1 => Reply::decode(opcode, bytes).ok()?.encode(out).ok(),
        2 => hello_again(opcode, bytes, out),
        _ => frame_again(bytes, out),
    }
}

fn hello_again(opcode: u8, body: &[u8], out: &mut [u8]) -> Option<usize> {
    match opcode {
        opcode::ASK => body_again::<Hello>(opcode, body, out),
        opcode::WELCOME => body_again::<Welcome>(opcode, body, out),
        opcode::BUSY => body_again::<Busy>(opcode, body, out),
        opcode::GOODBYE => body_again::<ClientId>(opcode, body, out),
        opcode::VERSION_REFUSED => body_again::<VersionRefused>(opcode, body, out),
        opcode::HELLO_REFUSED => body_again::<Refusal>(opcode, body, out),
        _ => None,
    }
}

fn body_again<T: Field + DeserializeOwned>(
    opcode: u8,
    body: &[u8],
    out: &mut [u8],
) -> Option<usize> {
    let header = frame::Header::new(frame::Class::Hello, lastword_protocol::Sequence(0), opcode);
    let value: T = hello::decode(&Frame {
        header,
        body,
        nonce: frame::HELLO_NONCE,
    })?;
    encode(&value, out).ok()
}

fn frame_again(bytes: &mut [u8], out: &mut [u8]) -> Option<usize> {
    let (nonce, candidate) = bytes.split_first_chunk_mut::<4>()?;
    let nonce = Nonce(u32::from_le_bytes(*nonce));
    let Frame { header, body, .. } = frame::decode(candidate, Some(nonce))?;
    frame::body_of(out)?
        .get_mut(..body.len())?
        .copy_from_slice(body);
    frame::seal(out, header, nonce, body.len())
}

struct Line {
    uart: Uart,
    watchdog: Watchdog,
}

impl Line {
    fn hear(&mut self) -> u8 {
        loop {
            self.watchdog.feed();
            if let Some(byte) = self.uart.receive() {
                return byte;
            }
        }
    }

    fn say(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            self.watchdog.feed();
            let Ok(taken) = self.uart.write(bytes);
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }
}
