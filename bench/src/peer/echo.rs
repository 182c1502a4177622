//! The yardstick: lastword's codec between read and write, and nothing else. No sessions, no
//! replies kept, no limits, no clock, no power desk.

use super::ANSWER;
use crate::wire::{FRAME_BYTES, READ_BYTES};
use anyhow::Result;
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::frame::{self, Class, Frame, Header, Packet};
use lastword_protocol::message::{Reply, Request, Uptime};
use lastword_protocol::{BootId, Instant, Millis, Nonce};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What both ends take for granted.
pub const NONCE: Nonce = Nonce(0x0102_0304);

/// Answers until the client leaves.
///
/// # Errors
///
/// If the connection fails, or a frame is no request.
pub async fn serve(mut stream: TcpStream) -> Result<()> {
    let mut decoder = Decoder::<FRAME_BYTES>::new(Manner::HOST_STREAM);
    decoder.enter(Some(NONCE));
    let mut buffer = [0; READ_BYTES];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        for byte in &buffer[..count] {
            if let Step::Frame(frame) = decoder.push(Instant(0), *byte) {
                let packet = answer(&frame)?;
                stream.write_all(&packet).await?;
            }
        }
    }
}

fn answer(frame: &Frame<'_>) -> Result<Packet<FRAME_BYTES>> {
    let Ok(Request::Uptime) = Request::decode(frame.header.opcode, frame.body) else {
        anyhow::bail!("not the request");
    };
    let reply: Reply = Reply::Uptime(Uptime {
        uptime: Millis(ANSWER.uptime),
        boot: BootId(ANSWER.boot),
    });
    let header = Header::new(Class::Reply, frame.header.sequence, reply.opcode());
    Ok(frame::encode(header, NONCE, |out| reply.encode(out).ok())?)
}
