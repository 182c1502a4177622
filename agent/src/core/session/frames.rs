//! The frame dialect of a session: hellos, ownership of a line, requests at most once.

mod streams;

use super::deferred_request::{DeferredRequest, Requester, frame_reply};
use super::output::Output;
use super::pending::PendingRequests;
use crate::core::clients::{ClientState, Clients, FRAME_BYTES, SessionAttachment, SharedSession};
use crate::core::transfers::TransferStep;
use crate::core::world::{Ask, Look, Way, World};
use lastword_protocol::frame::{Class, Frame, Header, Packet, TooLong, refused_nonce};
use lastword_protocol::hello::{self, Busy, Hello, Welcome, opcode};
use lastword_protocol::identity::NAME_BYTES;
use lastword_protocol::message::{BadRequest, Reply, Request};
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::session::Admission;
use lastword_protocol::{ClientId, Instant, Millis, Nonce, Sequence, Text};
use std::slice;
use std::task::Waker;

/// A line's owner that was silent for this long owns it no more.
const OWNER_IDLE: Millis = Millis(300_000);

/// The frame side of one session.
#[derive(Debug)]
pub(super) struct Frames {
    clients: Clients,
    /// Whether others share the line, because nobody connects to it.
    shared_line: bool,
    owner: Option<Owner>,
    /// The nonce of the last client that was refused since the owner came.
    refused: Option<Nonce>,
    /// How many frames there were.
    count: u64,
    /// The answer to the one hello that a session without a place takes; `true` once it was given.
    refusal: Option<(Refusal, bool)>,
}

#[derive(Debug)]
struct Owner {
    attachment: SessionAttachment,
    name: Text<NAME_BYTES>,
    /// The time at which it came.
    since: Instant,
    heard: Instant,
}

impl Owner {
    fn client(&self) -> ClientId {
        self.attachment.shared().lock().session.client()
    }

    fn nonce(&self) -> Nonce {
        self.attachment.shared().lock().session.nonce()
    }

    /// Tells a client that is refused, whose frames are summed with `nonce`, who owns the line.
    fn busy(&self, now: Instant, nonce: Nonce) -> Busy {
        Busy {
            owner: self.client(),
            idle: now.since(self.heard),
            name: self.name.clone(),
            nonce,
            owned: now.since(self.since),
        }
    }
}

impl Frames {
    pub(super) fn new(clients: Clients, shared_line: bool) -> Self {
        Self {
            clients,
            shared_line,
            owner: None,
            refused: None,
            count: 0,
            refusal: None,
        }
    }

    /// What the frames of the session are summed with.
    pub(super) fn nonce(&self) -> Option<Nonce> {
        self.owner.as_ref().map(Owner::nonce)
    }

    /// Returns how many pages the streams of its client hold.
    pub(super) fn pages(&self) -> usize {
        let owner = self.owner.as_ref();
        owner.map_or(0, |it| it.attachment.shared().lock().streams.pages())
    }

    /// Returns how many frames there were.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// From here on, answers one hello so.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.refusal = Some((refusal, false));
    }

    /// Returns whether a hello was answered so.
    pub(super) fn has_refused(&self) -> bool {
        self.refusal.as_ref().is_some_and(|(_, is_said)| *is_said)
    }

    /// Returns the nonce of a client that was refused, while the line has this owner.
    pub(super) fn refused(&self) -> Option<Nonce> {
        self.refused.filter(|_| self.owner.is_some())
    }

    /// Takes a valid frame. What must be asked elsewhere is returned; `pending` is asked already.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        frame: &Frame<'_>,
        pending: &PendingRequests,
        out: &mut Output,
        world: &dyn World,
    ) -> Option<DeferredRequest> {
        let sequence = frame.header.sequence;
        // Pieces come by the thousand, and are only passed on.
        self.count += u64::from(frame.header.class != Class::Data);
        match (frame.header.class, frame.header.opcode) {
            (Class::Hello, opcode::ASK) => {
                let hello = hello::decode(frame)?;
                send(out, self.greet(now, sequence, hello, pending, world));
                None
            }
            (Class::Hello, opcode::GOODBYE) => {
                let client: ClientId = hello::decode(frame)?;
                self.owner.take_if(|owner| owner.client() == client);
                None
            }
            (Class::Request, _) if Some(frame.nonce) == self.refused() => {
                aside(frame, pending, out, world)
            }
            (Class::Request, _) => self.request(now, frame, out, world),
            (Class::Credit | Class::Data, _) if Some(frame.nonce) == self.nonce() => {
                self.control(now, frame)
            }
            // A device has no use for the rest.
            (Class::Hello | Class::Reply | Class::Event | Class::Data | Class::Credit, _) => None,
        }
    }

    fn greet(
        &mut self,
        now: Instant,
        sequence: Sequence,
        hello: Hello,
        pending: &PendingRequests,
        world: &dyn World,
    ) -> Result<Packet<FRAME_BYTES>, TooLong> {
        if let Some((refusal, is_said)) = &mut self.refusal {
            *is_said = true;
            return hello::refused(sequence, refusal);
        }
        if !hello.has_common_version() {
            return hello::version_refused(sequence);
        }
        let mut is_owner = false;
        if let Some(owner) = &self.owner {
            is_owner = owner.client() == hello.client;
            let idle = now.since(owner.heard);
            let other = self.shared_line && !is_owner;
            if other && !hello.take_over && idle < OWNER_IDLE {
                let nonce = refused_nonce(world.identity().boot, hello.client, owner.nonce());
                let busy = owner.busy(now, nonce);
                self.refused = Some(nonce);
                return hello::busy(sequence, &busy);
            }
        }
        if !is_owner && !pending.has_room_for_owner(hello.client) {
            return hello::refused(sequence, &too_many_of_others());
        }
        let same = self
            .owner
            .as_ref()
            .filter(|owner| owner.client() == hello.client);
        let since = same.map_or(now, |owner| owner.since);
        if !is_owner {
            self.refused = None;
        }
        let (attachment, resumed) = self.clients.open(hello.client);
        let owner = self.owner.insert(Owner {
            attachment,
            name: hello.name,
            since,
            heard: now,
        });
        let nonce = owner.nonce();
        hello::welcome(
            sequence,
            &Welcome {
                client: hello.client,
                nonce,
                resumed,
                identity: world.identity(),
            },
        )
    }

    fn request(
        &mut self,
        now: Instant,
        frame: &Frame<'_>,
        out: &mut Output,
        world: &dyn World,
    ) -> Option<DeferredRequest> {
        let owner = self.owner.as_mut()?;
        owner.heard = now;
        let sequence = frame.header.sequence;
        let client = owner.attachment.shared();
        let mut state = client.lock();
        match state.session.admit(sequence) {
            Admission::Run => {}
            Admission::Replay(packet) => {
                out.push(packet);
                return None;
            }
            Admission::Running => {
                send(out, state.working(now, sequence, world));
                return None;
            }
            Admission::Full => {
                send(out, state.session.say(sequence, &too_many()));
                return None;
            }
            Admission::Stale => return None,
        }
        let reply = match Request::decode(frame.header.opcode, frame.body).map(Way::from) {
            Ok(Way::Look(look)) => world.look(look),
            Ok(Way::Ask(ask)) => return Some(begin(now, sequence, ask, &mut state, client)),
            Ok(Way::Transfer(request)) => match state.transfer.admit(request) {
                TransferStep::Answer(reply) => *reply,
                TransferStep::Ask(ask) => {
                    return Some(begin(now, sequence, Ask::Object(ask), &mut state, client));
                }
            },
            Ok(Way::Events(request)) => state.open_events(&request, world),
            Ok(Way::Unknown(opcode)) => Reply::Unsupported(opcode),
            Err(bad) => bad.reply(),
        };
        send(out, state.session.answer(sequence, &reply));
        None
    }

    /// Says the first page of an answer, if the session is still on this link. Otherwise the answer is
    /// kept for the link that it is on now, and what it has `staged` stands down. Returns whether it
    /// is said here.
    pub(super) fn answered(
        &self,
        now: Instant,
        mut asked: DeferredRequest,
        replies: &[Reply],
        staged: bool,
        out: &mut Output,
    ) -> bool {
        let owner = self.owner.as_ref();
        let here = match &asked.asker {
            Requester::Client(client) => {
                owner.is_some_and(|owner| owner.attachment.carries(client))
            }
            Requester::Refused(nonce) => self.refused() == Some(*nonce),
            Requester::Stream(..) => false,
        };
        match &asked.asker {
            Requester::Client(client) if here => {
                let mut state = client.lock();
                let opened =
                    state.open_transfer(now, &asked.ask, asked.object.take(), self.shared_line);
                let replies = opened.as_ref().map_or(replies, slice::from_ref);
                send(out, state.reply(asked.sequence, replies, asked.rest));
            }
            Requester::Refused(nonce) if here => {
                for reply in replies {
                    send(out, frame_reply(asked.sequence, *nonce, reply));
                }
            }
            _ => asked.keep(replies, staged),
        }
        here
    }

    /// Returns whether there are replies to say that were asked for on another link, or the board's store has done
    /// something for the transfer. `waker` is woken when so.
    pub(super) fn has_mail(&self, waker: &Waker) -> bool {
        self.owner.as_ref().is_some_and(|owner| {
            let state = owner.attachment.carried();
            let has_news = state.is_some_and(|it| it.transfer.has_news(waker));
            owner.attachment.has_mail(waker) || has_news
        })
    }

    /// Says those replies.
    pub(super) fn say_mail(&self, out: &mut Output) {
        while let Some(packet) = self.owner.as_ref().and_then(|it| it.attachment.take_mail()) {
            out.push(&packet);
        }
    }
}

/// Has others work on a request that was admitted.
fn begin(
    now: Instant,
    sequence: Sequence,
    ask: Ask,
    state: &mut ClientState,
    client: &SharedSession,
) -> DeferredRequest {
    state.begin(now, sequence, ask.clone());
    DeferredRequest {
        ask,
        asker: Requester::Client(client.clone()),
        sequence,
        rest: None,
        object: None,
    }
}

/// Answers a client whose hello was refused: it may see what is staged, and cancel it.
fn aside(
    frame: &Frame<'_>,
    pending: &PendingRequests,
    out: &mut Output,
    world: &dyn World,
) -> Option<DeferredRequest> {
    let Header {
        sequence, opcode, ..
    } = frame.header;
    let reply = match Request::decode(opcode, frame.body).map(Way::from) {
        Ok(Way::Look(look @ Look::Power)) => world.look(look),
        Ok(Way::Ask(Ask::Cancel(_))) if !pending.has_room_for_refused() => too_many(),
        Ok(Way::Ask(ask @ Ask::Cancel(_))) => {
            let asker = Requester::Refused(frame.nonce);
            return Some(DeferredRequest {
                ask,
                asker,
                sequence,
                rest: None,
                object: None,
            });
        }
        Err(bad @ BadRequest::Malformed(_)) => bad.reply(),
        _ => Reply::Refused(Refusal::new(Code::Busy, "another client owns the line")),
    };
    send(out, frame_reply(sequence, frame.nonce, &reply));
    None
}

fn too_many() -> Reply {
    Reply::Refused(Refusal::new(
        Code::SlowDown,
        "too many requests under way: wait for a reply",
    ))
}

fn too_many_of_others() -> Refusal {
    Refusal::new(
        Code::SlowDown,
        "too many requests of earlier clients are under way: try again later",
    )
}

fn send(out: &mut Output, packet: Result<Packet<FRAME_BYTES>, TooLong>) {
    match packet {
        Ok(packet) => out.push(&packet),
        // Cannot happen while a frame holds a hello; a silent board is noticed, a dead one worse.
        Err(error) => tracing::error!(target: "frames", %error, "a reply was not sent"),
    }
}
