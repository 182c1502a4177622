//! The leanest clients: nothing between the socket and the codec.

use anyhow::{Context, Result, ensure};
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::frame::{self, Class, Header, Packet, wire_bytes};
use lastword_protocol::hello::{self, Hello, Welcome};
use lastword_protocol::identity::{CURRENT, OLDEST};
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::{ClientId, Instant, Nonce, Sequence, Text};
use std::future::Future;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest frame, as the agent has it.
pub const FRAME_BYTES: usize = wire_bytes(512);
/// How much is read at once.
pub const READ_BYTES: usize = 512;

/// Whoever asks one question at a time.
pub trait Ask {
    /// Asks, and waits for the answer.
    fn ask(&mut self) -> impl Future<Output = Result<()>>;
}

/// A client that speaks frames.
#[derive(Debug)]
pub struct FrameClient {
    stream: TcpStream,
    decoder: Decoder<FRAME_BYTES>,
    nonce: Nonce,
    sequence: Sequence,
}

impl FrameClient {
    /// Connects to something that needs no greeting and takes this nonce for granted.
    ///
    /// # Errors
    ///
    /// If nobody listens.
    pub async fn assume(address: SocketAddr, nonce: Nonce) -> Result<Self> {
        let stream = connect(address).await?;
        let mut decoder = Decoder::new(Manner::HOST_STREAM);
        decoder.enter(Some(nonce));
        Ok(Self {
            stream,
            decoder,
            nonce,
            sequence: Sequence(0),
        })
    }

    /// Connects to a board and greets it by this name.
    ///
    /// # Errors
    ///
    /// If there is no session to be had.
    pub async fn greet(address: SocketAddr, client: ClientId) -> Result<Self> {
        let mut connected = Self::assume(address, Nonce(0)).await?;
        let hello = Hello {
            client,
            oldest: OLDEST,
            current: CURRENT,
            take_over: false,
            name: Text::new(),
        };
        let packet: Packet<FRAME_BYTES> = hello::ask(Sequence(1), &hello)?;
        connected.stream.write_all(&packet).await?;
        let welcome: Option<Welcome> = connected.next_frame(hello::decode).await?;
        connected.nonce = welcome.context("the board opens no session")?.nonce;
        connected.decoder.enter(Some(connected.nonce));
        Ok(connected)
    }

    /// Waits for a frame and returns what `take` makes of it.
    async fn next_frame<T>(&mut self, take: impl Fn(&frame::Frame<'_>) -> T) -> Result<T> {
        let mut buffer = [0; READ_BYTES];
        loop {
            let count = self.stream.read(&mut buffer).await?;
            ensure!(count > 0, "the other end closed the connection");
            for byte in &buffer[..count] {
                if let Step::Frame(frame) = self.decoder.push(Instant(0), *byte) {
                    return Ok(take(&frame));
                }
            }
        }
    }
}

impl Ask for FrameClient {
    async fn ask(&mut self) -> Result<()> {
        self.sequence = self.sequence.next();
        let request = Request::Uptime;
        let header = Header::new(Class::Request, self.sequence, request.opcode());
        let packet: Packet<FRAME_BYTES> =
            frame::encode(header, self.nonce, |out| request.encode(out).ok())?;
        self.stream.write_all(&packet).await?;
        let (answers, reply) = self
            .next_frame(|frame| {
                let header = frame.header;
                (header.sequence, Reply::decode(header.opcode, frame.body))
            })
            .await?;
        ensure!(answers == self.sequence, "an answer to something else");
        ensure!(matches!(reply, Ok(Reply::Uptime(_))), "not an uptime");
        Ok(())
    }
}

/// A client that speaks lines.
#[derive(Debug)]
pub struct LineClient {
    stream: TcpStream,
    question: &'static str,
    answer: &'static str,
}

impl LineClient {
    /// Connects. Every question is `question`, every answer holds `answer`.
    ///
    /// # Errors
    ///
    /// If nobody listens.
    pub async fn connect(
        address: SocketAddr,
        question: &'static str,
        answer: &'static str,
    ) -> Result<Self> {
        Ok(Self {
            stream: connect(address).await?,
            question,
            answer,
        })
    }
}

impl Ask for LineClient {
    async fn ask(&mut self) -> Result<()> {
        self.stream.write_all(self.question.as_bytes()).await?;
        let mut line = Vec::with_capacity(READ_BYTES);
        while !line.ends_with(b"\n") {
            let count = self.stream.read_buf(&mut line).await?;
            ensure!(count > 0, "the other end closed the connection");
        }
        let line = std::str::from_utf8(&line)?;
        ensure!(line.contains(self.answer), "answered {line:?}");
        Ok(())
    }
}

/// Connects without delay on small segments.
///
/// # Errors
///
/// If nobody listens.
pub async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
