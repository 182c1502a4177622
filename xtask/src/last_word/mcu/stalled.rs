//! A reader that stops reading, and a request for a reboot behind its back.

use super::reset_within;
use crate::last_word::raw::{self, PACKET_BYTES};
use crate::line::{LIMIT, Line};
use anyhow::{Context, Result, bail, ensure};
use lastword_protocol::announcement::{Announcement, AnnouncementReader};
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::frame::{Class, Frame, HELLO_NONCE};
use lastword_protocol::hello::{self, Welcome, opcode};
use lastword_protocol::message::{Application, PowerStatus, Reply, Request};
use lastword_protocol::power::{Operation, Outcome, PowerRequest};
use lastword_protocol::{BootId, ClientId, Nonce, OperationId};
use lastword_virtual::McuBoard;
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How many bytes the firmware's transmit ring holds.
const RING_BYTES: usize = 64;
/// The answer that fills a line, in bytes: a reply without a body to speak of.
const FILLER_BYTES: usize = 13;
/// An opcode that no application has.
const NOBODYS: u8 = 0xFE;
/// More answers than any socket holds.
const FILLERS: usize = 100_000;

/// How full the line is when the reboot is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Nothing leaves, and the ring has room for the acknowledgement.
    InTheRing,
    /// The ring has no room for it either: it cannot even be written.
    Nowhere,
}

/// What came of a request.
#[derive(Debug)]
pub(super) struct Seen {
    /// Whether the acknowledgement was readable before the board told of another boot.
    pub(super) acknowledged: bool,
    /// The reset, since the request, if there was one.
    pub(super) reset: Option<Duration>,
    /// What the board says afterwards.
    pub(super) status: PowerStatus,
    /// The boot in which it was asked.
    pub(super) before: BootId,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ack = if self.acknowledged {
            "ACK read"
        } else {
            "no ACK"
        };
        write!(f, "{ack}, ")?;
        match self.reset {
            Some(at) => write!(f, "RESET at {:.1} ms", at.as_secs_f64() * 1_000.0)?,
            None => f.write_str("no RESET")?,
        }
        match self.status.last.map(|last| last.outcome) {
            Some(Outcome::StoodDown(why)) => write!(f, ", stood down: {why}")?,
            Some(outcome) => {
                write!(f, ", {outcome}")?;
                if let Some(evidence) = outcome.evidence() {
                    write!(f, ": {evidence}")?;
                }
            }
            None => f.write_str(", nothing remembered")?,
        }
        write!(f, ", boot {}", self.status.boot)
    }
}

/// A program on the line that reads only when it is told to.
pub(super) struct Stalled<'b> {
    board: &'b McuBoard,
    line: Line,
    unread: VecDeque<u8>,
    decoder: Box<Decoder<PACKET_BYTES>>,
    announcements: AnnouncementReader,
    client: ClientId,
    nonce: Nonce,
    number: u16,
    boot: BootId,
}

impl<'b> Stalled<'b> {
    /// Takes the line and greets, as a client that nobody was before.
    pub(super) async fn greet(board: &'b McuBoard, client: u64) -> Result<Self> {
        let mut stalled = Self {
            board,
            line: Line::connect(board).await?,
            unread: VecDeque::new(),
            decoder: Box::new(Decoder::new(Manner::HOST_STREAM)),
            announcements: AnnouncementReader::new(),
            client: ClientId(client),
            nonce: HELLO_NONCE,
            number: 0,
            boot: BootId([0; 16]),
        };
        stalled.open().await?;
        Ok(stalled)
    }

    /// Opens the session of a boot.
    async fn open(&mut self) -> Result<()> {
        self.line.say(raw::greeting(self.client)?).await?;
        loop {
            if let Heard::Welcome(welcome) = self.heard().await? {
                (self.nonce, self.boot) = (welcome.nonce, welcome.identity.boot);
                self.decoder.enter(Some(self.nonce));
                self.number = 0;
                return Ok(());
            }
        }
    }

    /// Reads on to the next frame or announcement. What a reset has cut off is none.
    async fn heard(&mut self) -> Result<Heard> {
        let read = timeout(LIMIT, async {
            loop {
                if let Some(heard) = self.next() {
                    return Ok(heard);
                }
                self.unread.extend(self.line.piece().await?);
            }
        });
        read.await.unwrap_or_else(|_| bail!("no frame comes"))
    }

    /// Decodes what was read up to the next frame or announcement.
    fn next(&mut self) -> Option<Heard> {
        while let Some(byte) = self.unread.pop_front() {
            // A frame that a reset has cut off holds the text behind it.
            if let Some(announcement) = self.announcements.push(byte) {
                return Some(Heard::Announcement(announcement));
            }
            // Nothing here ends by silence.
            if let Step::Frame(frame) = self.decoder.push(lastword_protocol::Instant(0), byte) {
                return Some(Heard::of(&frame));
            }
        }
        None
    }

    /// Asks for a reboot on a line that is full, reads nothing for so long, and then everything.
    pub(super) async fn reboot(
        mut self,
        room: Room,
        stall: Duration,
        request: PowerRequest,
    ) -> Result<Seen> {
        let id = request.id.context("the request has no id")?;
        let mut events = self.board.subscribe();
        self.fill(room).await?;
        let asked = Instant::now();
        self.ask(&Request::Power(request)).await?;
        let early = reset_within(&mut events, stall).await?;
        let before = self.boot;
        let (acknowledged, status) = self.concluded(id).await?;
        let reset = match early {
            None if status.boot != before => reset_within(&mut events, LIMIT).await?,
            early => early,
        };
        Ok(Seen {
            acknowledged,
            reset: reset.map(|at| at.saturating_duration_since(asked)),
            status,
            before,
        })
    }

    /// Asks for answers and takes none, until nothing more leaves; and for so many more that
    /// nothing more fits the ring.
    async fn fill(&mut self, room: Room) -> Result<()> {
        let filler = Request::Application(Application::new(NOBODYS, &())?);
        let mut waiting = self.line.waiting()?;
        for _ in 0..FILLERS {
            self.ask(&filler).await?;
            if !self.line.has_grown(waiting).await? {
                // Part of this answer is in the ring; the rest of the ring is for more of them.
                for _ in 1..fillers(room) {
                    self.ask(&filler).await?;
                }
                self.line.settled(waiting).await?;
                return Ok(());
            }
            waiting = self.line.waiting()?;
        }
        bail!("the line takes ever more: {waiting} bytes")
    }

    async fn ask(&mut self, request: &Request) -> Result<()> {
        self.number += 1;
        let packet = raw::request(self.nonce, self.number, request)?;
        self.line.say(packet).await
    }

    /// Reads on and asks, until the operation is no longer under way. Returns whether its
    /// acknowledgement came in this boot, and what the board says.
    async fn concluded(&mut self, id: OperationId) -> Result<(bool, PowerStatus)> {
        let mut acknowledged = false;
        let concluded = timeout(LIMIT, async {
            self.ask(&Request::PowerStatus).await?;
            loop {
                match self.heard().await? {
                    Heard::Announcement(who) if who.boot != self.boot => {
                        self.open().await?;
                        self.ask(&Request::PowerStatus).await?;
                    }
                    Heard::Reply(Reply::Initiated(initiated)) => acknowledged |= initiated.id == id,
                    Heard::Reply(Reply::PowerStatus(status)) if status.pending.is_none() => {
                        return Ok(status);
                    }
                    Heard::Reply(Reply::PowerStatus(_)) => self.ask(&Request::PowerStatus).await?,
                    _ => {}
                }
            }
        });
        let status = concluded
            .await
            .unwrap_or_else(|_| bail!("the board does not say what came of operation {}", id.0))?;
        ensure!(
            status.last.is_some_and(|last| last.id == id),
            "the board tells of another operation: {status:?}"
        );
        Ok((acknowledged, status))
    }
}

/// What a board says in frames.
#[expect(clippy::large_enum_variant, reason = "it lives for one call")]
enum Heard {
    Welcome(Welcome),
    Announcement(Announcement),
    Reply(Reply),
    Else,
}

impl Heard {
    fn of(frame: &Frame<'_>) -> Self {
        let opcode = frame.header.opcode;
        let heard = match (frame.header.class, opcode) {
            (Class::Hello, opcode::WELCOME) => hello::decode(frame).map(Self::Welcome),
            (Class::Reply, _) => Reply::decode(opcode, frame.body).ok().map(Self::Reply),
            _ => None,
        };
        heard.unwrap_or(Self::Else)
    }
}

/// How many answers fill the ring so far, the first of them up to all of it.
const fn fillers(room: Room) -> usize {
    match room {
        Room::InTheRing => 1,
        Room::Nowhere => RING_BYTES / FILLER_BYTES,
    }
}

/// A plain reboot with this id.
pub(super) fn request(id: u64) -> PowerRequest {
    PowerRequest {
        id: Some(OperationId(id)),
        ..PowerRequest::plain(Operation::Reboot)
    }
}
