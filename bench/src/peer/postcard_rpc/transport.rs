//! TCP for postcard-rpc, whose release brings none: framed as its serial transport frames, COBS
//! with a zero behind.

use crate::wire::READ_BYTES;
use postcard_rpc::accumulator::raw::{CobsAccumulator, FeedResult};
use postcard_rpc::header::{VarHeader, VarKeyKind};
use postcard_rpc::host_client;
use postcard_rpc::server::{WireRx, WireRxErrorKind, WireSpawn, WireTx, WireTxErrorKind};
use serde::Serialize;
use std::convert::Infallible;
use std::fmt::Arguments;
use std::future::Future;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Mutex;

/// Frames from a connection, for either end.
pub(super) struct Read {
    half: OwnedReadHalf,
    accumulator: Box<CobsAccumulator<READ_BYTES>>,
    buffer: Box<[u8; READ_BYTES]>,
    /// The part of the buffer that was read and not yet taken apart.
    unread: std::ops::Range<usize>,
}

impl Read {
    pub(super) fn new(half: OwnedReadHalf) -> Self {
        Self {
            half,
            accumulator: Box::new(CobsAccumulator::new()),
            buffer: Box::new([0; READ_BYTES]),
            unread: 0..0,
        }
    }

    /// The next whole frame, handed to `take`.
    async fn next<T>(&mut self, take: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
        loop {
            let input = &self.buffer[self.unread.clone()];
            if let FeedResult::Success { data, remaining } = self.accumulator.feed(input) {
                self.unread.start = self.unread.end - remaining.len();
                return Ok(take(data));
            }
            // Between these two ends nothing is damaged: it was taken in whole.
            let count = self.half.read(self.buffer.as_mut_slice()).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.unread = 0..count;
        }
    }
}

impl WireRx for Read {
    type Error = WireRxErrorKind;

    async fn receive<'a>(&mut self, buffer: &'a mut [u8]) -> Result<&'a mut [u8], Self::Error> {
        let copied = self
            .next(|frame| {
                let place = buffer.get_mut(..frame.len());
                let place = place.ok_or(WireRxErrorKind::ReceivedMessageTooLarge)?;
                place.copy_from_slice(frame);
                Ok(place)
            })
            .await;
        copied.map_err(|_| WireRxErrorKind::ConnectionClosed)?
    }
}

impl host_client::WireRx for Read {
    type Error = io::Error;

    async fn receive(&mut self) -> io::Result<Vec<u8>> {
        self.next(<[u8]>::to_vec).await
    }
}

/// Frames to a connection, from the client.
pub(super) struct ClientWrite(pub(super) OwnedWriteHalf);

impl host_client::WireTx for ClientWrite {
    type Error = io::Error;

    async fn send(&mut self, frame: Vec<u8>) -> io::Result<()> {
        self.0.write_all(&framed(&frame)).await
    }
}

/// Frames to a connection, from the server.
#[derive(Clone)]
pub struct ServerWrite(Arc<Mutex<OwnedWriteHalf>>);

impl ServerWrite {
    pub(super) fn new(half: OwnedWriteHalf) -> Self {
        Self(Arc::new(Mutex::new(half)))
    }
}

impl WireTx for ServerWrite {
    type Error = WireTxErrorKind;

    async fn send<T: Serialize + ?Sized>(
        &self,
        header: VarHeader,
        message: &T,
    ) -> Result<(), Self::Error> {
        let frame = postcard::to_extend(message, header.write_to_vec());
        self.send_raw(&frame.map_err(|_| WireTxErrorKind::Other)?)
            .await
    }

    async fn send_raw(&self, frame: &[u8]) -> Result<(), Self::Error> {
        let mut half = self.0.lock().await;
        let sent = half.write_all(&framed(frame)).await;
        sent.map_err(|_| WireTxErrorKind::ConnectionClosed)
    }

    /// There are no logs here.
    async fn send_log_str(&self, _: VarKeyKind, _: &str) -> Result<(), Self::Error> {
        Err(WireTxErrorKind::Other)
    }

    /// There are no logs here.
    async fn send_log_fmt(&self, _: VarKeyKind, _: Arguments<'_>) -> Result<(), Self::Error> {
        Err(WireTxErrorKind::Other)
    }
}

fn framed(frame: &[u8]) -> Vec<u8> {
    let mut encoded = cobs::encode_vec(frame);
    encoded.push(0);
    encoded
}

/// Spawns on tokio, for either end.
#[derive(Clone)]
pub struct Spawn;

impl WireSpawn for Spawn {
    type Error = Infallible;
    type Info = ();

    fn info(&self) -> &() {
        &()
    }
}

impl host_client::WireSpawn for Spawn {
    fn spawn(&mut self, future: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(future);
    }
}
