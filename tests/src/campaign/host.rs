//! One client on the line: the real caller behind the real decoder, without a clock.

use lastword_agent::core::session::Traits;
use lastword_protocol::announcement::AnnouncementReader;
use lastword_protocol::caller::{Caller, Effect, Patience};
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::frame::DELIMITER;
use lastword_protocol::{ClientId, Instant, Text};
use lastword_shell::Medium;
use std::collections::VecDeque;

/// As long as the real client's packets and candidates, in bytes.
pub(super) const REQUEST_BYTES: usize = 256;
const CANDIDATE_BYTES: usize = 2_048;

pub(super) type Told = Effect<REQUEST_BYTES>;

pub(super) struct Host {
    pub(super) caller: Caller<REQUEST_BYTES>,
    decoder: Box<Decoder<CANDIDATE_BYTES>>,
    announcements: AnnouncementReader,
    pub(super) id: ClientId,
    /// What its owner has to know, in order.
    pub(super) told: VecDeque<Told>,
    /// It has to greet before its next request, whatever its caller thinks.
    pub(super) must_greet: bool,
    /// How many requests it sent again.
    pub(super) repeats: u64,
}

impl Host {
    /// A new process.
    pub(super) fn new(id: ClientId, traits: Traits, patience: Patience) -> Self {
        let manner = match traits.medium {
            Medium::Serial { .. } => Manner::HOST,
            Medium::Stream => Manner::HOST_STREAM,
        };
        Self {
            caller: Caller::new(id, Text::new(), patience),
            decoder: Box::new(Decoder::new(manner)),
            announcements: AnnouncementReader::new(),
            id,
            told: VecDeque::new(),
            must_greet: false,
            repeats: 0,
        }
    }

    /// Its end of the link is opened anew.
    pub(super) fn reconnect(&mut self) {
        self.decoder.reset();
    }

    /// Greets, and returns what to send.
    pub(super) fn greet(&mut self, now: Instant, take_over: bool) -> Vec<u8> {
        let packet = self.caller.greet(now, take_over).expect("room for a hello");
        hello(&packet)
    }

    /// Takes bytes, and returns what to send.
    pub(super) fn hear(&mut self, now: Instant, bytes: &[u8]) -> Vec<u8> {
        let mut sent = Vec::new();
        for byte in bytes {
            self.decoder.enter(self.caller.nonce());
            match self.decoder.push(now, *byte) {
                Step::Frame(frame) => match self.caller.receive(now, &frame) {
                    Some(Effect::Send(packet)) => {
                        self.repeats += 1;
                        sent.extend_from_slice(&packet);
                    }
                    effect => self.told.extend(effect),
                },
                Step::Text(byte) => {
                    let announced = self.announcements.push(byte);
                    let effect = announced.and_then(|it| self.caller.announced(now, &it));
                    if let Some(Effect::Send(packet)) = effect {
                        sent.extend(hello(&packet));
                    }
                }
                Step::Held | Step::Invalid | Step::Dropped => {}
            }
        }
        sent
    }

    /// Lets time pass, and returns what to send.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<u8> {
        match self.caller.tick(now) {
            Some(Effect::Send(packet)) => hello(&packet),
            effect => {
                self.told.extend(effect);
                Vec::new()
            }
        }
    }
}

/// A delimiter more, in front, as the real client sends it.
fn hello(packet: &[u8]) -> Vec<u8> {
    [&[DELIMITER], packet].concat()
}
