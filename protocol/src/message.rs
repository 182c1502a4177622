//! Requests and replies: one typed form for every dialect, and their frame bodies.
//!
//! The opcode travels in the frame header, outside of what serde decodes, so that an unknown one
//! can be answered instead of failing to decode. Bytes behind the last known field are ignored:
//! fields are appended, never moved.

mod application;
mod bad_request;
mod body;
#[cfg(feature = "services")]
pub mod event;
#[cfg(feature = "services")]
pub mod generation;
pub mod opcode;
mod schema;
#[cfg(feature = "services")]
pub mod service;
#[cfg(feature = "services")]
mod service_state;
mod transfer;

pub use crate::codec::{Field, Writer};
pub use application::{APPLICATION_BYTES, Application};
pub use bad_request::{BadBody, BadRequest};
pub use body::{
    AlreadyDone, Cancelled, Initiated, Pending, PowerStatus, Status, Uptime, WAITING_BYTES, Working,
};
pub use schema::{SCHEMA, SCHEMA_HASH};
pub use transfer::{TransferOpened, TransferRequest};

use crate::codec::Reader;
use crate::identity::{Identity, NAME_BYTES};
use crate::power::{Operation, PowerRequest};
use crate::refusal::Refusal;
use crate::units::{OperationId, Text};
use serde::de::DeserializeOwned;

/// What a client may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
// Or the tag would be in the eight bytes in front of an operation's id, and be compared there.
#[repr(u8)]
pub enum Request {
    /// Who are you? Answered by [`Reply::Identity`].
    Identity,
    /// How are you? Answered by [`Reply::Status`].
    Status,
    /// How long are you up? Answered by [`Reply::Uptime`].
    Uptime,
    /// Reboot or power off. Answered by [`Reply::Initiated`] or [`Reply::AlreadyDone`].
    Power(PowerRequest),
    /// What is staged, what was last? Answered by [`Reply::PowerStatus`].
    PowerStatus,
    /// Call the staged operation off: the named one, or whichever it is. Answered by
    /// [`Reply::Cancelled`].
    PowerCancel(Option<OperationId>),
    /// The flat form of an immediate reboot, from older clients.
    Reboot,
    /// The flat form of an immediate power-off, from older clients.
    Shutdown,
    /// Whatever the board's application knows by this opcode. Answered by [`Reply::Application`].
    Application(Application),
    /// Something about services. Answered by [`Reply::Items`].
    #[cfg(feature = "services")]
    Service(service::ServiceRequest),
    /// Events, those that are kept and those that come. Answered by [`Reply::Items`].
    #[cfg(feature = "services")]
    Events(event::EventsRequest),
    /// Something about generations. Answered by [`Reply::Items`].
    #[cfg(feature = "services")]
    Generation(generation::GenerationRequest),
    /// Something about an object of the board's store. Answered by [`Reply::TransferOpened`] or
    /// [`Reply::Done`].
    #[cfg(feature = "transfer")]
    Transfer(TransferRequest),
}

/// What a board answers.
#[cfg_attr(
    feature = "services",
    expect(
        clippy::large_enum_variant,
        reason = "there is no heap to put a page on"
    )
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply<S = Text<NAME_BYTES>> {
    /// Done; there is nothing to tell.
    Done,
    /// Who the board is.
    Identity(Identity<S>),
    /// How it is.
    Status(Status),
    /// How long it is up.
    Uptime(Uptime),
    /// Accepted, ready to proceed: the board may become unreachable at any moment after this.
    Initiated(Initiated),
    /// The request named another boot: what it asked for lies behind.
    AlreadyDone(AlreadyDone),
    /// What is staged and what was last.
    PowerStatus(PowerStatus),
    /// The operation was called off.
    Cancelled(Cancelled),
    /// What the board's application says.
    Application(Application),
    /// A page of what the board's supervisor says.
    #[cfg(feature = "services")]
    Items(service::Page),
    /// A transfer is open.
    #[cfg(feature = "transfer")]
    TransferOpened(TransferOpened),
    /// The request still runs: answers its copy, and is never kept as its reply.
    Working(Working),
    /// The board does not know this opcode.
    Unsupported(u8),
    /// The board said no.
    Refused(Refusal),
}

impl Request {
    /// Its opcode.
    #[must_use]
    pub const fn opcode(&self) -> u8 {
        match self {
            Self::Identity => opcode::IDENTITY,
            Self::Status => opcode::STATUS,
            Self::Uptime => opcode::UPTIME,
            Self::Power(_) => opcode::POWER,
            Self::PowerStatus => opcode::POWER_STATUS,
            Self::PowerCancel(_) => opcode::POWER_CANCEL,
            Self::Reboot => opcode::REBOOT,
            Self::Shutdown => opcode::SHUTDOWN,
            Self::Application(message) => message.opcode(),
            #[cfg(feature = "services")]
            Self::Service(request) => request.opcode(),
            #[cfg(feature = "services")]
            Self::Events(_) => opcode::EVENTS,
            #[cfg(feature = "services")]
            Self::Generation(request) => request.opcode(),
            #[cfg(feature = "transfer")]
            Self::Transfer(request) => request.opcode(),
        }
    }

    /// Writes the body and returns its length.
    ///
    /// # Errors
    ///
    /// [`BadBody::TooLong`] if `out` is too small.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, BadBody> {
        encode(self, out)
    }

    /// Reads the request from a frame's opcode and body.
    ///
    /// # Errors
    ///
    /// [`BadRequest`], which knows its reply.
    pub fn decode(opcode: u8, body: &[u8]) -> Result<Self, BadRequest> {
        #[cfg(feature = "services")]
        if let Some(request) = service::ServiceRequest::read(opcode, body) {
            return request.map(Self::Service);
        }
        #[cfg(feature = "services")]
        if let Some(request) = generation::GenerationRequest::read(opcode, body) {
            return request.map(Self::Generation);
        }
        #[cfg(feature = "services")]
        if opcode == opcode::EVENTS {
            return event::EventsRequest::read(body).map(Self::Events);
        }
        let mut request = Self::Identity;
        let reason = request.read(opcode, body)?;
        if let Self::Power(power) = &mut request {
            let reason = core::str::from_utf8(reason).unwrap_or_default();
            power.reason = Text::try_from(reason).unwrap_or_default();
        }
        Ok(request)
    }

    /// As [`Request::decode`], on a board that has an application: what the protocol does not know
    /// may be the application's. Reads into `self`, so that nothing has to be moved. The reason of
    /// a power operation is checked, but not kept: it is for a log.
    ///
    /// # Errors
    ///
    /// [`BadRequest`], which knows its reply.
    #[inline(never)]
    pub fn read_any(&mut self, opcode: u8, body: &[u8]) -> Result<(), BadRequest> {
        if opcode < Application::FIRST {
            return self.read(opcode, body).map(|_| ());
        }
        *self = Self::Application(Application::empty(opcode));
        let filled = match self {
            Self::Application(message) => message.fill(body),
            _ => false,
        };
        filled.then_some(()).ok_or(BadRequest::Malformed(opcode))
    }

    /// Reads what the protocol knows; returns the reason of a power operation.
    fn read<'a>(&mut self, opcode: u8, body: &'a [u8]) -> Result<&'a [u8], BadRequest> {
        #[cfg(feature = "transfer")]
        if let Some(request) = TransferRequest::read(opcode, body) {
            *self = Self::Transfer(request?);
            return Ok(&[]);
        }
        *self = match opcode {
            opcode::IDENTITY => Self::Identity,
            opcode::STATUS => Self::Status,
            opcode::UPTIME => Self::Uptime,
            opcode::POWER => Self::Power(PowerRequest::plain(Operation::Reboot)),
            opcode::POWER_STATUS => Self::PowerStatus,
            opcode::POWER_CANCEL => Self::PowerCancel(None),
            opcode::REBOOT => Self::Reboot,
            opcode::SHUTDOWN => Self::Shutdown,
            unknown => return Err(BadRequest::Unsupported(unknown)),
        };
        let mut body = Reader::new(body);
        let mut reason = &[][..];
        match self {
            Self::Power(power) => reason = power.read(&mut body),
            Self::PowerCancel(id) => *id = body.flag().then(|| OperationId(body.number())),
            _ => {}
        }
        body.finish(reason).ok_or(BadRequest::Malformed(opcode))
    }
}

impl Field for Request {
    fn write(&self, out: &mut Writer<'_>) {
        match self {
            Self::Identity
            | Self::Status
            | Self::Uptime
            | Self::PowerStatus
            | Self::Reboot
            | Self::Shutdown => {}
            Self::Power(power) => power.write(out),
            Self::PowerCancel(id) => id.write(out),
            Self::Application(message) => message.write(out),
            #[cfg(feature = "services")]
            Self::Service(request) => request.write(out),
            #[cfg(feature = "services")]
            Self::Events(request) => request.write(out),
            #[cfg(feature = "services")]
            Self::Generation(request) => request.write(out),
            #[cfg(feature = "transfer")]
            Self::Transfer(request) => request.write(out),
        }
    }
}

impl<S: Field> Reply<S> {
    /// Its opcode.
    #[must_use]
    pub const fn opcode(&self) -> u8 {
        match self {
            Self::Done => opcode::DONE,
            Self::Identity(_) => opcode::IDENTITY,
            Self::Status(_) => opcode::STATUS,
            Self::Uptime(_) => opcode::UPTIME,
            Self::Initiated(_) => opcode::INITIATED,
            Self::AlreadyDone(_) => opcode::ALREADY_DONE,
            Self::PowerStatus(_) => opcode::POWER_STATUS,
            Self::Cancelled(_) => opcode::POWER_CANCEL,
            Self::Application(message) => message.opcode(),
            #[cfg(feature = "services")]
            Self::Items(_) => opcode::ITEMS,
            #[cfg(feature = "transfer")]
            Self::TransferOpened(_) => opcode::TRANSFER_OPENED,
            Self::Working(_) => opcode::WORKING,
            Self::Unsupported(_) => opcode::UNSUPPORTED,
            Self::Refused(_) => opcode::REFUSED,
        }
    }

    /// Writes the body and returns its length.
    ///
    /// # Errors
    ///
    /// [`BadBody::TooLong`] if `out` is too small.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, BadBody> {
        // The shortest way for the shortest reply.
        if matches!(self, Self::Done) {
            return Ok(0);
        }
        encode(self, out)
    }
}

impl<S: Field> Field for Reply<S> {
    fn write(&self, out: &mut Writer<'_>) {
        match self {
            Self::Done => {}
            Self::Identity(identity) => identity.write(out),
            Self::Status(status) => status.write(out),
            Self::Uptime(uptime) => uptime.write(out),
            Self::Initiated(initiated) => initiated.write(out),
            Self::AlreadyDone(already) => already.write(out),
            Self::PowerStatus(status) => status.write(out),
            Self::Cancelled(cancelled) => cancelled.write(out),
            Self::Application(message) => message.write(out),
            #[cfg(feature = "services")]
            Self::Items(page) => page.write(out),
            #[cfg(feature = "transfer")]
            Self::TransferOpened(opened) => opened.write(out),
            Self::Working(working) => working.write(out),
            Self::Unsupported(opcode) => opcode.write(out),
            Self::Refused(refusal) => refusal.write(out),
        }
    }
}

impl Reply {
    /// Reads the reply from a frame's opcode and body.
    ///
    /// # Errors
    ///
    /// [`BadBody::Malformed`] if the opcode is unknown or the body is not of its kind.
    pub fn decode(opcode: u8, body: &[u8]) -> Result<Self, BadBody> {
        match opcode {
            opcode::DONE => Ok(Self::Done),
            opcode::IDENTITY => Self::read(opcode, body, Self::Identity),
            opcode::STATUS => Self::read(opcode, body, Self::Status),
            opcode::UPTIME => Self::read(opcode, body, Self::Uptime),
            opcode::INITIATED => Self::read(opcode, body, Self::Initiated),
            opcode::ALREADY_DONE => Self::read(opcode, body, Self::AlreadyDone),
            opcode::POWER_STATUS => Self::read(opcode, body, Self::PowerStatus),
            opcode::POWER_CANCEL => Self::read(opcode, body, Self::Cancelled),
            #[cfg(feature = "services")]
            opcode::ITEMS => service::Page::read(body).map(Self::Items),
            #[cfg(feature = "transfer")]
            opcode::TRANSFER_OPENED => TransferOpened::read(body)
                .map(Self::TransferOpened)
                .ok_or(BadBody::Malformed(opcode)),
            opcode::WORKING => Self::read(opcode, body, Self::Working),
            opcode::UNSUPPORTED => Self::read(opcode, body, Self::Unsupported),
            opcode::REFUSED => Self::read(opcode, body, Self::Refused),
            unknown => Err(BadBody::Malformed(unknown)),
        }
    }

    /// As [`Reply::decode`], from a board that may have an application.
    ///
    /// # Errors
    ///
    /// As [`Reply::decode`]; [`BadBody::TooLong`] if it is an application's with too long a body.
    pub fn decode_any(opcode: u8, body: &[u8]) -> Result<Self, BadBody> {
        if opcode < Application::FIRST {
            return Self::decode(opcode, body);
        }
        Application::from_bytes(opcode, body).map(Self::Application)
    }

    /// Reads one kind of body.
    ///
    /// On its own, because inlined side by side every kind, the empty one too, is moved through
    /// the room of all of them.
    #[inline(never)]
    fn read<T: DeserializeOwned>(
        opcode: u8,
        body: &[u8],
        reply: impl FnOnce(T) -> Self,
    ) -> Result<Self, BadBody> {
        decode(opcode, body).map(reply)
    }
}

/// Writes `body` in postcard's format and returns its length.
///
/// # Errors
///
/// [`BadBody::TooLong`] if `out` is too small.
pub fn encode(body: &impl Field, out: &mut [u8]) -> Result<usize, BadBody> {
    let mut writer = Writer::new(out);
    body.write(&mut writer);
    writer.finish().ok_or(BadBody::TooLong)
}

/// Reads a body in postcard's format; bytes behind it are ignored.
pub(crate) fn decode<T: DeserializeOwned>(opcode: u8, body: &[u8]) -> Result<T, BadBody> {
    postcard::from_bytes(body).map_err(|_| BadBody::Malformed(opcode))
}
