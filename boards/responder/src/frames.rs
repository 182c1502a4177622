//! The frame dialect: hellos, one client at a time, requests at most once.

use crate::hardware::Board;
use crate::house::House;
use crate::told::Told;
use lastword_protocol::frame::{self, Class, Frame, HELLO_NONCE, Header, Packet};
use lastword_protocol::hello::{self, Busy, Hello, VersionRefused, Welcome, opcode};
use lastword_protocol::identity::{CURRENT, Identity, NAME_BYTES, OLDEST};
use lastword_protocol::message::{Request, encode};
use lastword_protocol::session::{Admission, Session};
use lastword_protocol::{ClientId, Instant, Millis, Nonce, OperationId, Sequence, Text};
use serde::Serialize;

/// A client that was silent for this long owns the line no more.
const OWNER_IDLE: Millis = Millis(300_000);

/// The frame side of the line. `FRAME` bounds a packet in bytes, `REPLIES` how many are kept.
#[derive(Debug)]
pub(crate) struct Frames<const FRAME: usize, const REPLIES: usize> {
    client: Option<Client<FRAME, REPLIES>>,
    /// How many sessions were ever opened: each has a nonce of its own.
    births: u32,
}

#[derive(Debug)]
struct Client<const FRAME: usize, const REPLIES: usize> {
    session: Session<FRAME, REPLIES>,
    name: Text<NAME_BYTES>,
    heard: Instant,
    /// Whether it owns the line, or has said goodbye.
    owns: bool,
}

/// A packet that is to be sent, small enough to be made anew for each piece of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Letter {
    /// The kept reply to the request with this number.
    Reply(Sequence),
    /// The answer to the hello with this number.
    Welcome { to: Sequence, resumed: bool },
    /// Another client owns the line, and was silent for so long.
    Busy { to: Sequence, idle: Millis },
    /// There is no common version.
    VersionRefused(Sequence),
    /// The board is there, unasked.
    Announce,
}

impl<const FRAME: usize, const REPLIES: usize> Frames<FRAME, REPLIES> {
    pub(crate) const fn new() -> Self {
        Self {
            client: None,
            births: 0,
        }
    }

    /// What the frames of the session are summed with.
    pub(crate) fn nonce(&self) -> Option<Nonce> {
        self.client.as_ref().map(|client| client.session.nonce())
    }

    /// Takes a valid frame. What is to be sent for it is returned.
    #[inline(never)]
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        frame: &Frame<'_>,
        house: &mut House,
        board: &mut impl Board,
    ) -> Option<Letter> {
        match (frame.header.class, frame.header.opcode) {
            (Class::Hello, opcode::ASK) => {
                let hello = hello::decode(frame)?;
                Some(self.greet(now, frame.header.sequence, &hello, house))
            }
            (Class::Hello, opcode::GOODBYE) => {
                let client: ClientId = hello::decode(frame)?;
                let known = self.client.as_mut()?;
                known.owns &= known.session.client() != client;
                None
            }
            (Class::Request, _) => self.request(now, frame, house, board),
            // A device has no use for the rest.
            (Class::Hello | Class::Reply | Class::Event | Class::Data | Class::Credit, _) => None,
        }
    }

    #[inline(never)]
    fn greet(&mut self, now: Instant, to: Sequence, hello: &Hello, house: &House) -> Letter {
        if !hello.has_common_version() {
            return Letter::VersionRefused(to);
        }
        if let Some(client) = &mut self.client {
            let idle = now.since(client.heard);
            if client.session.client() == hello.client {
                client.heard = now;
                client.owns = true;
                return Letter::Welcome { to, resumed: true };
            }
            if client.owns && !hello.take_over && idle < OWNER_IDLE {
                return Letter::Busy { to, idle };
            }
        }
        self.births = self.births.wrapping_add(1);
        self.client = Some(Client {
            session: Session::reborn(house.boot(), hello.client, self.births),
            name: hello.name.clone(),
            heard: now,
            owns: true,
        });
        Letter::Welcome { to, resumed: false }
    }

    #[inline(never)]
    fn request(
        &mut self,
        now: Instant,
        frame: &Frame<'_>,
        house: &mut House,
        board: &mut impl Board,
    ) -> Option<Letter> {
        let client = self.client.as_mut()?;
        client.heard = now;
        let sequence = frame.header.sequence;
        let told = match client.session.admit(sequence) {
            Admission::Replay(_) => return Some(Letter::Reply(sequence)),
            Admission::Running | Admission::Stale => return None,
            Admission::Run => match Request::decode_any(frame.header.opcode, frame.body) {
                Ok(request) => {
                    let assigned = OperationId::assigned(client.session.nonce(), sequence);
                    house.ask(now, &request, assigned, board)
                }
                Err(bad) => Told::Bad(bad),
            },
        };
        let nonce = client.session.nonce();
        let packet = client.session.place(sequence)?;
        fill(packet, nonce, |out| {
            let reply = told.reply(house);
            let length = reply.encode(out).ok()?;
            Some((Header::new(Class::Reply, sequence, reply.opcode()), length))
        })?;
        Some(Letter::Reply(sequence))
    }

    /// Makes a packet; `None` if there is nothing to send after all.
    #[inline(never)]
    pub(crate) fn packet(&self, letter: Letter, house: &House) -> Option<Packet<FRAME>> {
        if let Letter::Reply(sequence) = letter {
            return self.client.as_ref()?.session.kept(sequence).cloned();
        }
        let mut packet = Packet::new();
        fill(&mut packet, HELLO_NONCE, |out| {
            let (to, opcode, length) = self.hello(letter, house, out)?;
            Some((Header::new(Class::Hello, to, opcode), length))
        })?;
        Some(packet)
    }

    /// Writes the body of a hello frame, and returns what it answers, its opcode and its length.
    #[inline(never)]
    fn hello(
        &self,
        letter: Letter,
        house: &House,
        out: &mut [u8],
    ) -> Option<(Sequence, u8, usize)> {
        let client = self.client.as_ref();
        let (to, opcode, body) = match letter {
            Letter::Reply(_) => return None,
            Letter::Welcome { to, resumed } => {
                let session = &client?.session;
                let welcome = Welcome {
                    client: session.client(),
                    nonce: session.nonce(),
                    resumed,
                    identity: house.identity(),
                };
                (to, opcode::WELCOME, Body::Welcome(welcome))
            }
            Letter::Busy { to, idle } => {
                let Client { session, name, .. } = client?;
                let busy = Busy {
                    owner: session.client(),
                    idle,
                    name: name.clone(),
                };
                (to, opcode::BUSY, Body::Busy(busy))
            }
            Letter::VersionRefused(to) => {
                let refused = VersionRefused {
                    oldest: OLDEST,
                    current: CURRENT,
                };
                (to, opcode::VERSION_REFUSED, Body::VersionRefused(refused))
            }
            Letter::Announce => {
                let identity = house.identity();
                (Sequence(0), opcode::ANNOUNCE, Body::Announce(identity))
            }
        };
        Some((to, opcode, encode(&body, out).ok()?))
    }
}

/// The body of a hello frame: one body to be written, whichever it is.
#[derive(Serialize)]
#[serde(untagged)]
enum Body {
    Welcome(Welcome<&'static str>),
    Busy(Busy),
    VersionRefused(VersionRefused),
    Announce(Identity<&'static str>),
}

/// Makes a frame in `packet` of the header and the body that `write` produces.
fn fill<const FRAME: usize>(
    packet: &mut Packet<FRAME>,
    nonce: Nonce,
    write: impl FnOnce(&mut [u8]) -> Option<(Header, usize)>,
) -> Option<()> {
    packet.resize(FRAME, 0).ok()?;
    let (header, length) = frame::body_of(packet).and_then(write)?;
    let length = frame::seal(packet, header, nonce, length)?;
    packet.truncate(length);
    Some(())
}
