//! The frame dialect: hellos, one client at a time, requests at most once.

use crate::hardware::Board;
use crate::house::House;
use crate::told::Told;
#[cfg(feature = "transfer")]
use crate::transfer::SessionTransfer;
use crate::window::Window;
use heapless::Vec;
use lastword_protocol::frame::{self, Class, Frame, HELLO_NONCE, Header};
use lastword_protocol::hello::{self, Greeting, Occupied, VersionRefused, Welcome, opcode};
use lastword_protocol::identity::{CURRENT, NAME_BYTES, OLDEST};
use lastword_protocol::message::{BadRequest, Field, Request, Writer};
use lastword_protocol::power::Answer;
use lastword_protocol::refusal::Code;
use lastword_protocol::session::{Admission, Session};
use lastword_protocol::{Instant, Millis, Nonce, OperationId, Sequence};

/// A client that was silent for this long owns the line no more.
const OWNER_IDLE: Millis = Millis(300_000);

/// The frame side of the line. `FRAME` bounds a packet in bytes, `REPLIES` how many are kept.
#[derive(Debug)]
pub(crate) struct Frames<const FRAME: usize, const REPLIES: usize> {
    /// Whether it owns the line: it came, and has not said goodbye.
    owns: bool,
    /// How many sessions were ever opened: each has a nonce of its own.
    births: u32,
    heard: Instant,
    /// The time at which the owner came.
    since: Instant,
    /// How long the owner was silent when another was told that the line is busy.
    idle: Millis,
    /// The time for which it had owned the line then.
    owned: Millis,
    /// What it calls itself.
    name: Vec<u8, NAME_BYTES>,
    /// The nonce of the last client that was refused since the owner came.
    refused: Option<Nonce>,
    /// Of the last client that was welcomed.
    session: Session<FRAME, REPLIES>,
    #[cfg(feature = "transfer")]
    transfer: SessionTransfer<FRAME>,
}

/// A packet or line that is to be sent, small enough to be made anew for each piece of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Letter {
    /// The kept reply to the request with this number.
    Reply(Sequence),
    /// The answer to the hello with this number: a session begins.
    Welcome(Sequence),
    /// The same: its session goes on.
    WelcomeBack(Sequence),
    /// Another client owns the line.
    Busy(Sequence),
    /// An answer to a client that was refused. It is not kept.
    Aside(Sequence, AsideAnswer),
    /// There is no common version.
    VersionRefused(Sequence),
    /// The line that tells, unasked, that the board is up.
    Announcement,
    /// A piece of an object, or a credit for some.
    #[cfg(feature = "transfer")]
    Transfer,
}

/// An answer to a client whose hello was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AsideAnswer {
    /// The operation staged at this instant, and the last one.
    Power(Instant),
    /// The answer of the power desk.
    Answer(Answer),
    /// The body is not that of the request with this opcode.
    Malformed(u8),
    /// There is more that it may not.
    NotYours,
}

impl AsideAnswer {
    const fn told(self) -> Told {
        match self {
            Self::Power(at) => Told::Power(at),
            Self::Answer(answer) => Told::Answer(answer),
            Self::Malformed(opcode) => Told::Bad(BadRequest::Malformed(opcode)),
            Self::NotYours => Told::Refused(Code::Busy, "another client owns the line"),
        }
    }
}

impl<const FRAME: usize, const REPLIES: usize> Frames<FRAME, REPLIES> {
    pub(crate) const fn new() -> Self {
        Self {
            session: Session::vacant(),
            name: Vec::new(),
            heard: Instant(0),
            owns: false,
            births: 0,
            since: Instant(0),
            idle: Millis(0),
            owned: Millis(0),
            refused: None,
            #[cfg(feature = "transfer")]
            transfer: SessionTransfer::new(),
        }
    }

    /// What the frames of the session are summed with; until its client says goodbye.
    pub(crate) fn nonce(&self) -> Option<Nonce> {
        self.owns.then(|| self.session.nonce())
    }

    /// Returns the nonce of a client that was refused, while the line has this owner.
    pub(crate) fn refused(&self) -> Option<Nonce> {
        self.refused.filter(|_| self.owns)
    }

    /// Takes a valid frame. What is to be sent for it is returned.
    #[inline(never)]
    pub(crate) fn receive(
        &mut self,
        frame: &Frame<'_>,
        house: &mut House,
        board: &mut impl Board,
    ) -> Option<Letter> {
        match (frame.header.class, frame.header.opcode) {
            (Class::Hello, opcode::ASK) => {
                let hello = Greeting::read(frame.body)?;
                Some(self.greet(frame.header.sequence, &hello, house))
            }
            (Class::Hello, opcode::GOODBYE) => {
                let client = hello::read_goodbye(frame.body)?;
                self.owns &= self.session.client() != client;
                None
            }
            (Class::Request, _) if Some(frame.nonce) == self.refused => {
                Some(aside(frame, house, board))
            }
            (Class::Request, _) => self.request(frame, house, board),
            #[cfg(feature = "transfer")]
            (Class::Data | Class::Credit, _) if Some(frame.nonce) == self.nonce() => {
                self.heard = house.now();
                self.transfer.receive(house.now(), frame, board);
                self.next_transfer(house.now(), board)
            }
            // A device has no use for the rest.
            (Class::Hello | Class::Reply | Class::Event | Class::Data | Class::Credit, _) => None,
        }
    }

    /// Returns the frame of a transfer that is to be sent now.
    #[cfg(feature = "transfer")]
    pub(crate) fn next_transfer(&mut self, now: Instant, board: &mut impl Board) -> Option<Letter> {
        let nonce = self.nonce()?;
        let has_any = self.transfer.next(now, nonce, board);
        has_any.then_some(Letter::Transfer)
    }

    /// Returns the time at which [`Frames::next_transfer`] may have something.
    #[cfg(feature = "transfer")]
    pub(crate) fn transfer_deadline(&self) -> Option<Instant> {
        self.nonce().and_then(|_| self.transfer.deadline())
    }

    fn greet(&mut self, to: Sequence, hello: &Greeting<'_>, house: &House) -> Letter {
        if !hello.has_common_version {
            return Letter::VersionRefused(to);
        }
        let idle = house.now().since(self.heard);
        let is_known = self.births > 0 && self.session.client() == hello.client;
        if !is_known && self.owns && !hello.take_over && idle < OWNER_IDLE {
            self.idle = idle;
            self.owned = house.now().since(self.since);
            let owner = self.session.nonce();
            self.refused = Some(frame::refused_nonce(house.boot(), hello.client, owner));
            return Letter::Busy(to);
        }
        if !(self.owns && is_known) {
            self.refused = None;
        }
        self.heard = house.now();
        if !(is_known && self.owns) {
            self.since = self.heard;
        }
        self.owns = true;
        if is_known {
            return Letter::WelcomeBack(to);
        }
        self.births = self.births.saturating_add(1);
        self.session.renew(house.boot(), hello.client, self.births);
        #[cfg(feature = "transfer")]
        self.transfer.close();
        self.name.clear();
        // It fits: a longer one is not read.
        let _ = self.name.extend_from_slice(hello.name);
        Letter::Welcome(to)
    }

    fn request(
        &mut self,
        frame: &Frame<'_>,
        house: &mut House,
        board: &mut impl Board,
    ) -> Option<Letter> {
        self.heard = house.now();
        let sequence = frame.header.sequence;
        let told = match self.session.admit(sequence) {
            Admission::Replay(_) => return Some(Letter::Reply(sequence)),
            Admission::Running | Admission::Full | Admission::Stale => return None,
            Admission::Run => {
                let mut request = Request::Identity;
                match request.read_any(frame.header.opcode, frame.body) {
                    Ok(()) => self.carry_out(&mut request, sequence, house, board),
                    Err(bad) => Told::Bad(bad),
                }
            }
        };
        let nonce = self.session.nonce();
        let packet = self.session.place(sequence)?;
        packet.resize(FRAME, 0).ok()?;
        let length = reply(&told, house, sequence, nonce, packet);
        packet.truncate(length.unwrap_or_default());
        length.map(|_| Letter::Reply(sequence))
    }

    fn carry_out(
        &mut self,
        request: &mut Request,
        sequence: Sequence,
        house: &mut House,
        board: &mut impl Board,
    ) -> Told {
        #[cfg(feature = "transfer")]
        if let Request::Transfer(request) = *request {
            return self.transfer.ask((house.now(), house.mtu), request, board);
        }
        let assigned = OperationId::assigned(self.session.nonce(), sequence);
        house.ask(request, assigned, board)
    }

    /// Writes a packet or line; nothing if there is nothing to send after all.
    #[inline(never)]
    pub(crate) fn write(&self, letter: Letter, house: &House, out: &mut Window<'_>) {
        // A window that is full has what it needs.
        let _ = match letter {
            Letter::Announcement => {
                house.announce(out);
                Ok(())
            }
            #[cfg(feature = "transfer")]
            Letter::Transfer => out.bytes(self.transfer.packet()),
            Letter::Reply(sequence) => {
                let kept = self.session.kept(sequence);
                kept.map_or(Ok(()), |packet| out.bytes(packet))
            }
            _ => {
                let mut packet = [0; FRAME];
                let length = self.hello(letter, house, &mut packet).unwrap_or_default();
                out.bytes(packet.get(..length).unwrap_or_default())
            }
        };
    }

    /// Makes a hello frame in `packet`, and returns its length.
    fn hello(&self, letter: Letter, house: &House, packet: &mut [u8]) -> Option<usize> {
        if let Letter::Aside(to, aside) = letter {
            return reply(&aside.told(), house, to, self.refused?, packet);
        }
        let mut body = Writer::new(frame::body_of(packet)?);
        let (opcode, to) = match letter {
            Letter::Reply(_) | Letter::Announcement | Letter::Aside(..) => return None,
            #[cfg(feature = "transfer")]
            Letter::Transfer => return None,
            Letter::Welcome(to) | Letter::WelcomeBack(to) => {
                let welcome = Welcome {
                    client: self.session.client(),
                    nonce: self.session.nonce(),
                    resumed: matches!(letter, Letter::WelcomeBack(_)),
                    identity: house,
                };
                welcome.write(&mut body);
                (opcode::WELCOME, to)
            }
            Letter::Busy(to) => {
                let busy = Occupied {
                    owner: self.session.client(),
                    idle: self.idle,
                    name: &self.name,
                    nonce: self.refused?,
                    owned: self.owned,
                };
                busy.write(&mut body);
                (opcode::BUSY, to)
            }
            Letter::VersionRefused(to) => {
                let refused = VersionRefused {
                    oldest: OLDEST,
                    current: CURRENT,
                };
                refused.write(&mut body);
                (opcode::VERSION_REFUSED, to)
            }
        };
        let header = Header::new(Class::Hello, to, opcode);
        let length = body.finish()?;
        frame::seal(packet, header, HELLO_NONCE, length)
    }
}

/// Answers a client whose hello was refused: it may see what is staged, and cancel it.
fn aside(frame: &Frame<'_>, house: &mut House, board: &mut impl Board) -> Letter {
    let mut request = Request::Identity;
    // A request that cannot be read is left as it was begun: it must not be acted on.
    let read = request.read_any(frame.header.opcode, frame.body);
    let aside = match (read, request) {
        (Err(BadRequest::Malformed(opcode)), _) => AsideAnswer::Malformed(opcode),
        (Ok(()), Request::PowerStatus) => AsideAnswer::Power(house.now()),
        (Ok(()), Request::PowerCancel(id)) => AsideAnswer::Answer(house.cancel(id, board)),
        _ => AsideAnswer::NotYours,
    };
    Letter::Aside(frame.header.sequence, aside)
}

/// Makes a reply's frame in `packet`, and returns its length.
fn reply(
    told: &Told,
    house: &House,
    to: Sequence,
    nonce: Nonce,
    packet: &mut [u8],
) -> Option<usize> {
    let mut body = Writer::new(frame::body_of(packet)?);
    let opcode = told.write(house, &mut body);
    let header = Header::new(Class::Reply, to, opcode);
    let length = body.finish()?;
    frame::seal(packet, header, nonce, length)
}
