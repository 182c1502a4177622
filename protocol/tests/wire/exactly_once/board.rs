//! The smallest device: a decoder, one session, and a count of what ran.

use super::ROOM;
use lastword_protocol::announcement::Announcement;
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::frame::{Class, Frame, Packet};
use lastword_protocol::hello::{self, Hello, Welcome};
use lastword_protocol::identity::{
    BoardKind, BootSource, CURRENT, Capabilities, Cause, Identity, OLDEST,
};
use lastword_protocol::message::{Cancelled, Reply, Request};
use lastword_protocol::power::{Backend, Operation};
use lastword_protocol::session::{Admission, Session};
use lastword_protocol::{BootId, Instant, Millis, Text};
use std::collections::BTreeMap;

/// At most one announcement in this time.
const ANNOUNCE_EVERY: Millis = Millis(1_000);

type Kept = Session<ROOM, 8>;

/// What can befall a board.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trouble {
    /// Its agent starts anew and has forgotten its sessions; the boot stays the same.
    Forgets,
    /// It boots.
    Boots,
}

pub(super) struct Board {
    manner: Manner,
    boot: u8,
    /// How many sessions it has opened.
    births: u32,
    decoder: Decoder<ROOM>,
    session: Option<Kept>,
    announced: Option<Instant>,
    /// How often each request ran, over all boots.
    pub(super) runs: BTreeMap<u64, u32>,
}

impl Board {
    pub(super) fn new(manner: Manner) -> Self {
        Self {
            manner,
            boot: 1,
            births: 0,
            decoder: Decoder::new(manner),
            session: None,
            announced: None,
            runs: BTreeMap::new(),
        }
    }

    pub(super) fn befall(&mut self, now: Instant, trouble: Trouble) -> Option<Vec<u8>> {
        match trouble {
            Trouble::Forgets => {}
            Trouble::Boots => self.boot += 1,
        }
        self.decoder = Decoder::new(self.manner);
        self.session = None;
        self.announced = None;
        self.announce(now)
    }

    /// Takes bytes and answers.
    pub(super) fn hear(&mut self, now: Instant, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut said = Vec::new();
        for byte in bytes {
            match self.decoder.push(now, *byte) {
                Step::Frame(Frame {
                    header,
                    body,
                    nonce,
                }) => {
                    let body = body.to_vec();
                    let body = body.as_slice();
                    let packet = self.receive(&Frame {
                        header,
                        body,
                        nonce,
                    });
                    said.extend(packet.map(|packet| packet.to_vec()));
                }
                Step::Invalid => said.extend(self.announce(now)),
                Step::Text(_) | Step::Held | Step::Dropped => {}
            }
        }
        said
    }

    fn receive(&mut self, frame: &Frame<'_>) -> Option<Packet<ROOM>> {
        match (frame.header.class, frame.header.opcode) {
            (Class::Hello, hello::opcode::ASK) => self.greet(frame),
            (Class::Request, _) => self.request(frame),
            _ => None,
        }
    }

    fn greet(&mut self, frame: &Frame<'_>) -> Option<Packet<ROOM>> {
        let Hello { client, .. } = hello::decode(frame)?;
        let resumed = self.session.is_some();
        let boot = BootId([self.boot; 16]);
        let births = &mut self.births;
        let session = self.session.get_or_insert_with(|| {
            *births += 1;
            Kept::reborn(boot, client, *births)
        });
        let nonce = session.nonce();
        self.decoder.enter(Some(nonce));
        let welcome = Welcome {
            client,
            nonce,
            resumed,
            identity: self.identity(),
        };
        Some(hello::welcome(frame.header.sequence, &welcome).expect("room"))
    }

    fn request(&mut self, frame: &Frame<'_>) -> Option<Packet<ROOM>> {
        let session = self.session.as_mut()?;
        let sequence = frame.header.sequence;
        match session.admit(sequence) {
            Admission::Run => {}
            Admission::Replay(packet) => return Some(packet.clone()),
            Admission::Running | Admission::Full | Admission::Stale => return None,
        }
        let reply = match Request::decode(frame.header.opcode, frame.body) {
            Ok(Request::PowerCancel(Some(id))) => {
                *self.runs.entry(id.0).or_default() += 1;
                let operation = Operation::Reboot;
                Reply::Cancelled(Cancelled { id, operation })
            }
            other => panic!("nobody asked for {other:?}"),
        };
        Some(session.answer(sequence, &reply).expect("room"))
    }

    fn announce(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self
            .announced
            .is_some_and(|at| now.since(at) < ANNOUNCE_EVERY)
        {
            return None;
        }
        self.announced = Some(now);
        let announcement = Announcement {
            name: "",
            boot: BootId([self.boot; 16]),
            cause: Cause::Unknown,
        };
        let mut line = Vec::new();
        announcement.write(&mut |text| line.extend_from_slice(text.as_bytes()));
        Some(line)
    }

    fn identity(&self) -> Identity {
        Identity {
            oldest: OLDEST,
            current: CURRENT,
            boot: BootId([self.boot; 16]),
            boot_source: BootSource::Kernel,
            cause: Cause::Unknown,
            kind: BoardKind::Simulated,
            name: Text::new(),
            firmware: Text::new(),
            build: Text::new(),
            backend: Backend::DryRun,
            mtu: 200,
            window: 8,
            capabilities: Capabilities(0),
            schema: 0,
            last: None,
            active: None,
            pending: None,
        }
    }
}
