//! What a session may know of the board, and what it has to ask others for.

use super::events::SharedEvents;
use super::log::range::LogRange;
use super::service::Name;
use super::transfers::ObjectAsk;
use lastword_protocol::identity::Identity;
use lastword_protocol::message::event::EventsRequest;
use lastword_protocol::message::generation::GenerationRequest;
use lastword_protocol::message::service::ServiceRequest;
use lastword_protocol::message::{Pending, Reply, Request, TransferRequest};
use lastword_protocol::power::{Operation, PowerRequest};
use lastword_protocol::{Instant, Millis, OperationId};
use std::sync::Arc;

/// The board, as a session sees it: looking at it neither waits nor changes anything.
pub trait World {
    /// Who the board is.
    fn identity(&self) -> Identity;

    /// The operation that is staged.
    fn pending(&self) -> Option<Pending>;

    /// The reply to a request that only looks.
    fn look(&self, look: Look) -> Reply;

    /// Returns the time that a question to others still takes at most; `None` where nobody knows.
    fn left(&self, now: Instant, ask: &Ask) -> Option<Millis> {
        let _ = (now, ask);
        None
    }

    /// Returns the events that are kept; `None` on a board that keeps none.
    fn events(&self) -> Option<&SharedEvents> {
        None
    }

    /// The names of its services, sorted: what a person's Tab offers. A board that supervises nothing
    /// has none.
    fn services(&self) -> Arc<[Name]> {
        Arc::default()
    }
}

/// A request that only looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Who are you?
    Identity,
    /// How are you?
    Status,
    /// How long are you up?
    Uptime,
    /// What is staged, what was last?
    Power,
}

/// A request that others have to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The power desk: stage this.
    Stage(PowerRequest),
    /// The power desk: call this, or whatever is staged, off.
    Cancel(Option<OperationId>),
    /// The supervisor.
    Service(ServiceRequest),
    /// The logs: the next pages of an answer that began with [`ServiceRequest::Logs`].
    ReadLog(LogRange),
    /// The board's store.
    Object(ObjectAsk),
    /// The generations.
    Generation(GenerationRequest),
}

/// The extent to which a peer may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionAccess {
    /// Anything.
    Full,
    /// Whatever changes nothing on the board.
    ReadOnly,
    /// Nothing.
    None,
}

impl Ask {
    /// Returns whether its answer may leave the board other than it was.
    #[must_use]
    pub const fn changes_board(&self) -> bool {
        match self {
            Self::Stage(_) | Self::Cancel(_) => true,
            Self::ReadLog(_) => false,
            Self::Service(request) => match request {
                ServiceRequest::List | ServiceRequest::Status(_) | ServiceRequest::Logs(_) => false,
                ServiceRequest::Start(_)
                | ServiceRequest::Stop(_)
                | ServiceRequest::StopWithin(..)
                | ServiceRequest::Restart(_)
                | ServiceRequest::RestartWithin(..)
                | ServiceRequest::Reload => true,
            },
            Self::Object(asked) => !matches!(asked, ObjectAsk::Get(..)),
            Self::Generation(request) => match request {
                GenerationRequest::List
                | GenerationRequest::Show(_)
                | GenerationRequest::Current
                | GenerationRequest::Status => false,
                GenerationRequest::Offer(_)
                | GenerationRequest::Expand(_)
                | GenerationRequest::Activate(_)
                | GenerationRequest::Confirm
                | GenerationRequest::Rollback { .. }
                | GenerationRequest::Unquarantine(_)
                | GenerationRequest::Prune { .. } => true,
            },
        }
    }
}

/// Which way a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// It only looks.
    Look(Look),
    /// Others answer it.
    Ask(Ask),
    /// It opens a transfer, or ends one: only clients in frames have any.
    Transfer(TransferRequest),
    /// It opens a stream of events: only clients in frames have any.
    Events(EventsRequest),
    /// Nobody here knows this opcode: it is for another board's application.
    Unknown(u8),
}

impl From<Request> for Way {
    fn from(request: Request) -> Self {
        match request {
            Request::Identity => Self::Look(Look::Identity),
            Request::Status => Self::Look(Look::Status),
            Request::Uptime => Self::Look(Look::Uptime),
            Request::PowerStatus => Self::Look(Look::Power),
            Request::Power(request) => Self::Ask(Ask::Stage(request)),
            Request::PowerCancel(id) => Self::Ask(Ask::Cancel(id)),
            Request::Service(request) => Self::Ask(Ask::Service(request)),
            Request::Application(message) => Self::Unknown(message.opcode()),
            Request::Transfer(request) => Self::Transfer(request),
            Request::Events(request) => Self::Events(request),
            Request::Generation(request) => Self::Ask(Ask::Generation(request)),
            // The flat forms take the same path from here on.
            Request::Reboot => Self::stage(Operation::Reboot),
            Request::Shutdown => Self::stage(Operation::Shutdown),
        }
    }
}

impl Way {
    const fn stage(operation: Operation) -> Self {
        Self::Ask(Ask::Stage(PowerRequest::plain(operation)))
    }
}
