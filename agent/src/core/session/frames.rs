//! The frame dialect of a session: hellos, ownership of a line, requests at most once.

use super::Job;
use super::output::Output;
use crate::core::clients::{ClientSession, Clients, FRAME_BYTES, Shared};
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
use std::collections::VecDeque;

/// A line's owner that was silent for this long owns it no more.
const OWNER_IDLE: Millis = Millis(300_000);
/// The frame side of one session.
#[derive(Debug)]
pub(super) struct Frames {
    clients: Clients,
    /// Whether others share the line, because nobody connects to it.
    shared_line: bool,
    owner: Option<Owner>,
    /// The pages of the last answer that nobody has asked for yet.
    rest: VecDeque<Reply>,
}

#[derive(Debug)]
struct Owner {
    session: Shared,
    name: Text<NAME_BYTES>,
    heard: Instant,
}

impl Owner {
    fn client(&self) -> ClientId {
        self.session.lock().client()
    }
}

/// A request that others have to answer.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) ask: Ask,
    pub(super) session: Shared,
    pub(super) sequence: Sequence,
}

/// A request whose link went before its answer came. The client may come back on another link and
/// send it again: the answer is kept for that, or it would be under way for ever.
#[derive(Debug)]
pub struct Unanswered {
    session: Shared,
    sequence: Sequence,
}

impl Unanswered {
    pub(super) fn new(asked: Asked) -> Self {
        let Asked {
            session, sequence, ..
        } = asked;
        Self { session, sequence }
    }

    /// Keeps the answer. `staged`: it has staged an operation just now, which stands
    /// down, because nobody can be told of it.
    pub fn keep(self, reply: &Reply, staged: bool) {
        let unheard = match reply {
            Reply::Initiated(it) if staged => Some(Reply::Refused(Answer::unheard(it).refusal())),
            _ => None,
        };
        let reply = unheard.as_ref().unwrap_or(reply);
        if let Err(error) = self.session.lock().answer(self.sequence, reply) {
            tracing::error!(target: "frames", %error, "a reply was not kept");
        }
    }
}

impl Frames {
    pub(super) fn new(clients: Clients, shared_line: bool) -> Self {
        Self {
            clients,
            shared_line,
            owner: None,
            rest: VecDeque::new(),
        }
    }

    /// What the frames of the session are summed with.
    pub(super) fn nonce(&self) -> Option<Nonce> {
        self.owner
            .as_ref()
            .map(|owner| owner.session.lock().nonce())
    }

    /// Takes a valid frame. What must be asked elsewhere is returned.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        frame: &Frame<'_>,
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
            (Class::Request, _) => self.request(now, frame, out, world),
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
        let (session, resumed) = self.clients.open(hello.client);
        let nonce = session.lock().nonce();
        self.owner = Some(Owner {
            session,
            name: hello.name,
            heard: now,
        });
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
    ) -> Option<Asked> {
        let owner = self.owner.as_mut()?;
        owner.heard = now;
        let sequence = frame.header.sequence;
        let mut session = owner.session.lock();
        match session.admit(sequence) {
            Admission::Run => {}
            Admission::Replay(packet) => {
                out.push(packet);
                return None;
            }
            Admission::Running | Admission::Stale => return None,
        }
        match Request::decode(frame.header.opcode, frame.body).map(Way::from) {
            Ok(Way::Look(look)) => answer(&mut session, sequence, &world.look(look), out),
            Ok(Way::Ask(Ask::Service(ServiceRequest::More))) => {
                let none = || Reply::Refused(Refusal::new(Code::Unknown, "there is no next page"));
                let page = self.rest.pop_front().unwrap_or_else(none);
                answer(&mut session, sequence, &page, out);
            }
            Ok(Way::Ask(ask)) => {
                return Some(Asked {
                    ask,
                    session: owner.session.clone(),
                    sequence,
                });
            }
            Ok(Way::Unknown(opcode)) => {
                answer(&mut session, sequence, &Reply::Unsupported(opcode), out);
            }
            Err(bad) => answer(&mut session, sequence, &bad.reply(), out),
        }
        None
    }

    /// Sends the first page of an answer, and keeps the others for whoever asks for them.
    pub(super) fn answered(&mut self, asked: &Asked, replies: &[Reply], out: &mut Output) {
        if let Some((first, rest)) = replies.split_first() {
            asked.answer(first, out);
            self.rest = rest.to_vec().into();
        }
    }
}

impl Asked {
    /// The question as others take it.
    pub(super) fn job(&self) -> Job {
        let assigned = OperationId::assigned(self.session.lock().nonce(), self.sequence);
        Job {
            ask: self.ask.clone(),
            assigned,
        }
    }

    /// Keeps and sends the reply.
    fn answer(&self, reply: &Reply, out: &mut Output) {
        answer(&mut self.session.lock(), self.sequence, reply, out);
    }
}

fn answer(session: &mut ClientSession, sequence: Sequence, reply: &Reply, out: &mut Output) {
    send(out, session.answer(sequence, reply));
}

fn send(out: &mut Output, packet: Result<Packet<FRAME_BYTES>, TooLong>) {
    match packet {
        Ok(packet) => out.push(&packet),
        // Cannot happen while a frame holds a hello; a silent board is noticed, a dead one worse.
        Err(error) => tracing::error!(target: "frames", %error, "a reply was not sent"),
    }
}
