//! The frame dialect of a session: hellos, ownership of a line, requests at most once.

use super::output::Output;
use super::pending::RequestId;
use crate::core::clients::{Attachment, Clients, FRAME_BYTES, Shared};
use crate::core::world::{Ask, Way, World};
use lastword_protocol::frame::{Class, Frame, Packet, TooLong};
use lastword_protocol::hello::{self, Busy, Hello, Welcome, opcode};
use lastword_protocol::identity::NAME_BYTES;
use lastword_protocol::message::service::ServiceRequest;
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::power::Answer;
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::session::Admission;
use lastword_protocol::{ClientId, Instant, Millis, Nonce, OperationId, Sequence, Text};
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
}

#[derive(Debug)]
struct Owner {
    attachment: Attachment,
    name: Text<NAME_BYTES>,
    heard: Instant,
}

impl Owner {
    fn client(&self) -> ClientId {
        self.attachment.shared().lock().session.client()
    }

    fn nonce(&self) -> Nonce {
        self.attachment.shared().lock().session.nonce()
    }
}

/// A request that others have to answer.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) ask: Ask,
    client: Shared,
    sequence: Sequence,
}

/// A request whose link went before its answer came. The client may come back on another link: the
/// answer is kept for it, and said there.
#[derive(Debug)]
pub struct Unanswered {
    id: RequestId,
    asked: Asked,
}

impl Unanswered {
    pub(super) const fn new(id: RequestId, asked: Asked) -> Self {
        Self { id, asked }
    }

    /// Which request of its session it was.
    #[must_use]
    pub const fn id(&self) -> RequestId {
        self.id
    }

    /// Keeps the answer. `staged`: it has staged an operation just now, which stands
    /// down, because nobody can be told of it.
    pub fn keep(self, replies: &[Reply], staged: bool) {
        self.asked.keep(replies, staged);
    }
}

/// What is said in place of the reply to a request that has `staged` an operation, if it is said too
/// late for that: the operation stands down.
pub(super) fn unheard(reply: &Reply, staged: bool) -> Reply {
    match reply {
        Reply::Initiated(it) if staged => Reply::Refused(Answer::unheard(it).refusal()),
        reply => reply.clone(),
    }
}

impl Frames {
    pub(super) fn new(clients: Clients, shared_line: bool) -> Self {
        Self {
            clients,
            shared_line,
            owner: None,
        }
    }

    /// What the frames of the session are summed with.
    pub(super) fn nonce(&self) -> Option<Nonce> {
        self.owner.as_ref().map(Owner::nonce)
    }

    /// Takes a valid frame. What must be asked elsewhere is returned; only if `may_ask`.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        frame: &Frame<'_>,
        may_ask: bool,
        out: &mut Output,
        world: &dyn World,
    ) -> Option<Asked> {
        let sequence = frame.header.sequence;
        match (frame.header.class, frame.header.opcode) {
            (Class::Hello, opcode::ASK) => {
                let hello = hello::decode(frame)?;
                send(out, self.greet(now, sequence, hello, world));
                None
            }
            (Class::Hello, opcode::GOODBYE) => {
                let client: ClientId = hello::decode(frame)?;
                self.owner.take_if(|owner| owner.client() == client);
                None
            }
            (Class::Request, _) => self.request(now, frame, may_ask, out, world),
            // A device has no use for the rest.
            (Class::Hello | Class::Reply | Class::Event | Class::Data | Class::Credit, _) => None,
        }
    }

    fn greet(
        &mut self,
        now: Instant,
        sequence: Sequence,
        hello: Hello,
        world: &dyn World,
    ) -> Result<Packet<FRAME_BYTES>, TooLong> {
        if !hello.has_common_version() {
            return hello::version_refused(sequence);
        }
        if let Some(owner) = &self.owner {
            let idle = now.since(owner.heard);
            let other = self.shared_line && owner.client() != hello.client;
            if other && !hello.take_over && idle < OWNER_IDLE {
                let busy = Busy {
                    owner: owner.client(),
                    idle,
                    name: owner.name.clone(),
                };
                return hello::busy(sequence, &busy);
            }
        }
        let (attachment, resumed) = self.clients.open(hello.client);
        let owner = self.owner.insert(Owner {
            attachment,
            name: hello.name,
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
        may_ask: bool,
        out: &mut Output,
        world: &dyn World,
    ) -> Option<Asked> {
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
            Ok(Way::Ask(Ask::Service(ServiceRequest::More))) => {
                let none = || Reply::Refused(Refusal::new(Code::Unknown, "there is no next page"));
                state.pages.pop_front().unwrap_or_else(none)
            }
            Ok(Way::Ask(_)) if !may_ask => too_many(),
            Ok(Way::Ask(ask)) => {
                state.begin(now, sequence, ask.clone());
                let client = client.clone();
                return Some(Asked {
                    ask,
                    client,
                    sequence,
                });
            }
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
        asked: Asked,
        replies: &[Reply],
        staged: bool,
        out: &mut Output,
    ) -> bool {
        let owner = self.owner.as_ref();
        let here = owner.is_some_and(|owner| owner.attachment.carries(&asked.client));
        if here {
            send(out, asked.client.lock().reply(asked.sequence, replies));
        } else {
            asked.keep(replies, staged);
        }
        here
    }

    /// Whether there are replies to say that were asked for on another link. `waker` is woken when
    /// some come.
    pub(super) fn has_mail(&self, waker: &Waker) -> bool {
        let owner = self.owner.as_ref();
        owner.is_some_and(|owner| owner.attachment.has_mail(waker))
    }

    /// Says those replies.
    pub(super) fn say_mail(&self, out: &mut Output) {
        while let Some(packet) = self.owner.as_ref().and_then(|it| it.attachment.take_mail()) {
            out.push(&packet);
        }
    }
}

impl Asked {
    /// The id of the operation that it stages, if the client chooses none.
    pub(super) fn assigned(&self) -> OperationId {
        OperationId::assigned(self.client.lock().session.nonce(), self.sequence)
    }

    /// Keeps the answer for the link that has the session now, or for a copy of the request.
    fn keep(self, replies: &[Reply], staged: bool) {
        let kept = match replies {
            [reply] => self
                .client
                .reply_elsewhere(self.sequence, &[unheard(reply, staged)]),
            pages => self.client.reply_elsewhere(self.sequence, pages),
        };
        if let Err(error) = kept {
            tracing::error!(target: "frames", %error, "a reply was not kept");
        }
    }
}

fn too_many() -> Reply {
    Reply::Refused(Refusal::new(
        Code::SlowDown,
        "too many requests under way: wait for a reply",
    ))
}

fn send(out: &mut Output, packet: Result<Packet<FRAME_BYTES>, TooLong>) {
    match packet {
        Ok(packet) => out.push(&packet),
        // Cannot happen while a frame holds a hello; a silent board is noticed, a dead one worse.
        Err(error) => tracing::error!(target: "frames", %error, "a reply was not sent"),
    }
}
