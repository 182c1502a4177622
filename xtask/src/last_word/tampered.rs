//! A frame with one flipped bit whose body holds the line `power reboot` runs nothing.

use super::raw::PACKET_BYTES;
use super::{power_status, raw};
use crate::board::linux::Way;
use anyhow::{Context, Result, bail, ensure};
use lastword_client::dial::{Dial, Stream};
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::hello::{self, Welcome};
use lastword_protocol::message::Request;
use lastword_protocol::power::{Operation, PowerRequest};
use lastword_protocol::{ClientId, Instant, Nonce, Text};
use lastword_virtual::LinuxBoard;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

/// How long a welcome may take.
const WELCOME_LIMIT: Duration = Duration::from_secs(5);
/// An accepted reboot has reset this board within milliseconds; this is a hundred times that.
const WATCH: Duration = Duration::from_secs(2);

/// Sends one over each kind of link, flipped in a bit of the body before the line, in the line,
/// and behind it.
pub(super) async fn run_nothing(board: &LinuxBoard) -> Result<()> {
    let before = power_status(board).await?;
    for way in [Way::Serial, Way::Tcp] {
        let mut link = way.to(board).dial().await?;
        let nonce = greet(&mut link).await?;
        let whole = request(nonce)?;
        let text = position(&whole, b"\npower reboot\n").context("the frame holds the line")?;
        for flipped in [text - 4, text + 8, whole.len() - 3] {
            let mut packet = whole.clone();
            packet[flipped] ^= 0x02;
            link.write_all(&packet).await?;
        }
        sleep(WATCH).await;
        drop(link);
    }
    let after = power_status(board).await?;
    ensure!(
        before == after,
        "something ran: {before:?} became {after:?}"
    );
    println!("tampered: frames with a flipped bit around \"power reboot\" ran nothing");
    Ok(())
}

/// The packet of a reboot whose reason holds the line.
fn request(nonce: Nonce) -> Result<Vec<u8>> {
    let reason = Text::try_from("x\npower reboot\nx").map_err(|_| anyhow::anyhow!("too long"))?;
    let request = Request::Power(PowerRequest {
        reason,
        ..PowerRequest::plain(Operation::Reboot)
    });
    raw::request(nonce, 1, &request)
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

async fn greet(link: &mut Box<dyn Stream>) -> Result<Nonce> {
    let greeting = raw::greeting(ClientId(0x7A3B_0001))?;
    link.write_all(&greeting).await?;
    timeout(WELCOME_LIMIT, welcome(link))
        .await
        .context("no welcome")?
}

async fn welcome(link: &mut Box<dyn Stream>) -> Result<Nonce> {
    let mut decoder = Decoder::<PACKET_BYTES>::new(Manner::HOST);
    let mut piece = [0; 256];
    loop {
        let read = link.read(&mut piece).await?;
        if read == 0 {
            bail!("the link ended");
        }
        for byte in &piece[..read] {
            if let Step::Frame(frame) = decoder.push(Instant(0), *byte)
                && let Some(Welcome { nonce, .. }) = hello::decode::<Welcome>(&frame)
            {
                return Ok(nonce);
            }
        }
    }
}
