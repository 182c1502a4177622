//! The host of a trial: the caller and the decoder of a real one, with the patience to send each
//! packet once only, and a name that is the same every time.

use crate::uart::{HostEnd, Side, Uart};
use lastword_protocol::caller::{Caller, Effect, Patience};
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::frame::DELIMITER;
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::power::{Operation, PowerRequest};
use lastword_protocol::{ClientId, Instant, Text};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::{self, sleep, timeout};

/// The longest packet that it sends, in bytes.
const PACKET_BYTES: usize = 256;
/// The longest candidate frame, in bytes, as the real host has it.
const CANDIDATE_BYTES: usize = 2_048;

pub(super) struct Host {
    uart: Uart,
    end: HostEnd,
    caller: Caller<PACKET_BYTES>,
    decoder: Decoder<CANDIDATE_BYTES>,
    /// How many bytes that have arrived are decoded.
    decoded: usize,
    origin: time::Instant,
}

impl Host {
    pub(super) fn new(uart: &Uart) -> Self {
        Self {
            uart: uart.clone(),
            end: uart.host_end(),
            caller: Caller::new(CLIENT, Text::new(), Patience::default()),
            decoder: Decoder::new(Manner::HOST),
            decoded: 0,
            origin: time::Instant::now(),
        }
    }

    /// Opens the session, and returns what it sent for it.
    pub(super) async fn greet(&mut self) -> Vec<u8> {
        let packet = self.caller.greet(self.instant(time::Instant::now()), false);
        // A delimiter more, in front, as the real host sends it.
        let hello = [&[DELIMITER], &*packet.expect("a hello fits")].concat();
        self.send(&hello).await;
        let welcomed = timeout(PATIENCE, async {
            loop {
                match self.listen() {
                    Some((_, Effect::Welcomed(_))) => break,
                    Some((_, other)) => panic!("greeted with {other:?}"),
                    None => sleep(Duration::from_millis(1)).await,
                }
            }
        });
        welcomed.await.expect("a board that answers");
        hello
    }

    /// Asks for a reboot, and returns what it sent for it.
    pub(super) async fn ask(&mut self) -> Vec<u8> {
        let request = Request::Power(PowerRequest::plain(Operation::Reboot));
        let now = self.instant(time::Instant::now());
        let packet = self.caller.call(now, &request).expect("a session");
        self.send(&packet).await;
        packet.to_vec()
    }

    /// When the last bit of an acknowledgement came, if all of it did.
    pub(super) fn acknowledged(&mut self) -> Option<time::Instant> {
        match self.listen()? {
            (at, Effect::Answered(Reply::Initiated(it))) if it.operation == Operation::Reboot => {
                Some(at)
            }
            (_, other) => panic!("answered with {other:?}"),
        }
    }

    /// Decodes what has arrived, up to the first thing that it says.
    fn listen(&mut self) -> Option<(time::Instant, Effect<PACKET_BYTES>)> {
        let heard = self.uart.heard(Side::Agent);
        for (at, byte) in heard.into_iter().skip(self.decoded) {
            self.decoded += 1;
            let now = self.instant(at);
            let Step::Frame(frame) = self.decoder.push(now, byte) else {
                continue;
            };
            let effect = self.caller.receive(now, &frame);
            self.decoder.enter(self.caller.nonce());
            if let Some(effect) = effect {
                return Some((at, effect));
            }
        }
        None
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.end.write_all(bytes).await.expect("a line");
    }

    fn instant(&self, at: time::Instant) -> Instant {
        let since = at - self.origin;
        Instant(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Who asks.
const CLIENT: ClientId = ClientId(0x6C61_7374);
/// How long a greeting may take, in simulated time.
const PATIENCE: Duration = Duration::from_secs(10);
