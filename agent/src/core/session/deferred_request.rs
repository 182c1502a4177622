//! A request in a frame that others have to answer, and the way of the reply to whoever asks.

use super::pending::RequestId;
use crate::core::clients::{FRAME_BYTES, SharedSession};
use crate::core::log::range::LogRange;
use crate::core::transfers::{ObjectAsk, OpenObject};
use crate::core::world::Ask;
use lastword_protocol::frame::{self, Class, Header, Packet, TooLong};
use lastword_protocol::message::Reply;
use lastword_protocol::power::Answer;
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::stream::StreamId;
use lastword_protocol::{ClientId, Nonce, OperationId, Sequence};

/// A request that others have to answer.
#[derive(Debug)]
pub(super) struct DeferredRequest {
    pub(super) ask: Ask,
    pub(super) asker: Requester,
    pub(super) sequence: Sequence,
    /// What its answer does not hold of a log.
    pub(super) rest: Option<LogRange>,
    /// The object that its answer opens a transfer of.
    pub(super) object: Option<OpenObject>,
}

/// The client that asks, and the way of the reply to it.
#[derive(Debug)]
pub(super) enum Requester {
    /// A client in its session, which keeps the reply.
    Client(SharedSession),
    /// A stream of a client, which is read on.
    Stream(SharedSession, StreamId),
    /// A client whose hello was refused, by what its frames are summed with. Its replies are not kept.
    Refused(Nonce),
}

/// A request whose link went before its answer came. The client may come back on another link: the
/// answer is kept for it, and said there.
#[derive(Debug)]
pub struct OrphanedRequest {
    id: RequestId,
    asked: DeferredRequest,
}

impl OrphanedRequest {
    pub(super) const fn new(id: RequestId, asked: DeferredRequest) -> Self {
        Self { id, asked }
    }

    /// Returns the request's id in its session.
    #[must_use]
    pub const fn id(&self) -> RequestId {
        self.id
    }

    /// Notes that the answer does not hold all that was asked for of a log. To be called before that is
    /// kept.
    pub fn continues(&mut self, rest: LogRange) {
        self.asked.rest = Some(rest);
    }

    /// Notes that the answer opens a transfer, which nobody is there for. To be called before that is kept.
    pub fn opens(&mut self, object: OpenObject) {
        self.asked.object = Some(object);
    }

    /// Keeps the answer. `staged`: it has staged an operation just now, which stands
    /// down, because nobody can be told of it.
    pub fn keep(self, replies: &[Reply], staged: bool) {
        self.asked.keep(replies, staged);
    }
}

/// Returns the answer in place of the reply to a request that has `staged` an operation, if it is said too
/// late for that: the operation stands down.
pub(super) fn unheard(reply: &Reply, staged: bool) -> Reply {
    match reply {
        Reply::Initiated(it) if staged => Reply::Refused(Answer::unheard(it).refusal()),
        reply => reply.clone(),
    }
}

impl DeferredRequest {
    /// Returns whether it was asked in the session of `client`.
    pub(super) fn is_of(&self, client: ClientId) -> bool {
        match &self.asker {
            Requester::Client(asker) | Requester::Stream(asker, _) => {
                asker.lock().session.client() == client
            }
            Requester::Refused(_) => false,
        }
    }

    /// Has what it reads for a stream be read another time. Returns whether it does that.
    pub(super) fn put_back(&self) -> bool {
        if let Requester::Stream(client, id) = &self.asker {
            client.lock().streams.put_back(*id);
            return true;
        }
        false
    }

    /// The id of the operation that it stages, if the client chooses none.
    pub(super) fn assigned(&self) -> OperationId {
        let nonce = match &self.asker {
            Requester::Client(client) | Requester::Stream(client, _) => {
                client.lock().session.nonce()
            }
            Requester::Refused(nonce) => *nonce,
        };
        OperationId::assigned(nonce, self.sequence)
    }

    /// Keeps the answer for the link that has the session now, or for a copy of the request.
    pub(super) fn keep(self, replies: &[Reply], staged: bool) {
        let client = match self.asker {
            Requester::Client(client) => client,
            Requester::Stream(client, id) => {
                client.lock().streams.read(id, replies, self.rest);
                return;
            }
            Requester::Refused(_) => return,
        };
        if matches!(
            self.ask,
            Ask::Object(ObjectAsk::Put(..) | ObjectAsk::Get(..))
        ) {
            // A transfer ends with its link.
            client.lock().transfer.not_opened();
        }
        let lost = [Reply::Refused(Refusal::new(
            Code::Aborted,
            "the link was lost: ask again",
        ))];
        let replies = if self.object.is_some() {
            &lost
        } else {
            replies
        };
        let kept = match replies {
            [reply] => client.reply_elsewhere(self.sequence, &[unheard(reply, staged)], self.rest),
            pages => client.reply_elsewhere(self.sequence, pages, self.rest),
        };
        if let Err(error) = kept {
            tracing::error!(target: "frames", %error, "a reply was not kept");
        }
    }
}

/// Frames a reply that is kept nowhere.
pub(super) fn frame_reply(
    sequence: Sequence,
    nonce: Nonce,
    reply: &Reply,
) -> Result<Packet<FRAME_BYTES>, TooLong> {
    let header = Header::new(Class::Reply, sequence, reply.opcode());
    frame::encode(header, nonce, |out| reply.encode(out).ok())
}
