//! The hello: how a session begins, resumes and ends.

use crate::codec::{Field, Reader, Writer, fields};
use crate::frame::{self, Class, Header, Packet, TooLong};
use crate::identity::{CURRENT, Identity, NAME_BYTES, OLDEST};
use crate::message;
use crate::refusal::Refusal;
use crate::units::{ClientId, Millis, Nonce, Sequence, Text};
use serde::{Deserialize, Serialize};

/// Numbers of the frames of class [`Class::Hello`].
pub mod opcode {
    /// A client greets; the body is a [`super::Hello`].
    pub const ASK: u8 = 0x00;
    /// The board answers; the body is a [`super::Welcome`].
    pub const WELCOME: u8 = 0x01;
    /// Another client owns the line; the body is a [`super::Busy`].
    pub const BUSY: u8 = 0x02;
    /// A client leaves and gives the line free; the body is its id. There is no answer.
    pub const GOODBYE: u8 = 0x04;
    /// No common version; the body is a [`super::VersionRefused`].
    pub const VERSION_REFUSED: u8 = 0x05;
    /// No session, and why not; the body is a [`crate::refusal::Refusal`].
    pub const HELLO_REFUSED: u8 = 0x06;
}

/// A client's greeting: mandatory at connect and after every timeout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The client's random name, kept through reconnects.
    pub client: ClientId,
    /// The oldest version it speaks.
    pub oldest: u8,
    /// The newest version it speaks.
    pub current: u8,
    /// Take a serial line from the client that owns it.
    pub take_over: bool,
    /// What to tell others who asks who owns the line, such as `alice@desk`; may be empty.
    pub name: Text<NAME_BYTES>,
}

impl Hello {
    /// Whether this side and the client have a version in common.
    #[must_use]
    pub const fn has_common_version(&self) -> bool {
        have_common_version(self.oldest, self.current)
    }
}

/// A [`Hello`] as a board reads it, which keeps the name elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeting<'a> {
    /// As [`Hello::client`].
    pub client: ClientId,
    /// Whether there is a version in common: see [`Hello::has_common_version`].
    pub has_common_version: bool,
    /// As [`Hello::take_over`].
    pub take_over: bool,
    /// As [`Hello::name`]; UTF-8, of at most [`NAME_BYTES`].
    pub name: &'a [u8],
}

impl<'a> Greeting<'a> {
    /// Reads the body of a frame [`opcode::ASK`]; `None` if it is none, which is as good as noise.
    #[must_use]
    pub fn read(body: &'a [u8]) -> Option<Self> {
        let mut from = Reader::new(body);
        let greeting = Self {
            client: ClientId(from.number()),
            has_common_version: have_common_version(from.byte(), from.byte()),
            take_over: from.flag(),
            name: from.text(NAME_BYTES),
        };
        from.finish(greeting)
    }
}

/// Whether this side speaks one of the versions from `oldest` to `current`.
const fn have_common_version(oldest: u8, current: u8) -> bool {
    oldest <= CURRENT && OLDEST <= current
}

/// A [`Busy`] as a board tells it, which keeps the name elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupied<'a> {
    /// As [`Busy::owner`].
    pub owner: ClientId,
    /// As [`Busy::idle`].
    pub idle: Millis,
    /// As [`Busy::name`]; UTF-8.
    pub name: &'a [u8],
    /// As [`Busy::nonce`].
    pub nonce: Nonce,
    /// As [`Busy::owned`].
    pub owned: Millis,
}

impl Field for Occupied<'_> {
    fn write(&self, out: &mut Writer<'_>) {
        self.owner.write(out);
        self.idle.write(out);
        out.text(self.name);
        self.nonce.write(out);
        self.owned.write(out);
    }
}

/// Reads the body of a frame [`opcode::GOODBYE`]; `None` if it is none.
#[must_use]
pub fn read_goodbye(body: &[u8]) -> Option<ClientId> {
    let mut from = Reader::new(body);
    let client = ClientId(from.number());
    from.finish(client)
}

/// The board's answer to a [`Hello`]: the session is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome<I = Identity> {
    /// Who was greeted. On a line with several clients each hears the answers to all, and their
    /// hellos may carry the same number.
    pub client: ClientId,
    /// What both sides mix into the checksum of every later frame.
    pub nonce: Nonce,
    /// Whether the board still has this session's replies. If not, it forgot what it was asked:
    /// a request under way must not be sent again blindly.
    pub resumed: bool,
    /// Who answers.
    pub identity: I,
}

/// The board's answer to a [`Hello`] on a line that another client owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Busy {
    /// The client that owns the line.
    pub owner: ClientId,
    /// How long since its last valid frame.
    pub idle: Millis,
    /// What it calls itself.
    pub name: Text<NAME_BYTES>,
    /// The nonce of the refused client's frames: good for asking for the power status and for
    /// cancelling a power operation, while the line has this owner.
    pub nonce: Nonce,
    /// The time for which it has owned the line.
    pub owned: Millis,
}

/// The board's answer to a [`Hello`] without a common version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRefused {
    /// The oldest version the board speaks.
    pub oldest: u8,
    /// The newest version the board speaks.
    pub current: u8,
}

fields! {
    Hello { client, oldest, current, take_over, name }
    Welcome<I> { client, nonce, resumed, identity }
    Busy { owner, idle, name, nonce, owned }
    VersionRefused { oldest, current }
}

/// Frames a [`Welcome`] that answers the hello numbered `sequence`.
///
/// # Errors
///
/// [`TooLong`] if it does not fit `N`.
pub fn welcome<const N: usize>(
    sequence: Sequence,
    welcome: &Welcome,
) -> Result<Packet<N>, TooLong> {
    hello_frame(sequence, opcode::WELCOME, welcome)
}

/// Frames a [`Busy`] that answers the hello numbered `sequence`.
///
/// # Errors
///
/// [`TooLong`] if it does not fit `N`.
pub fn busy<const N: usize>(sequence: Sequence, busy: &Busy) -> Result<Packet<N>, TooLong> {
    hello_frame(sequence, opcode::BUSY, busy)
}

/// Frames the answer to a hello without a common version.
///
/// # Errors
///
/// [`TooLong`] if it does not fit `N`.
pub fn version_refused<const N: usize>(sequence: Sequence) -> Result<Packet<N>, TooLong> {
    let refused = VersionRefused {
        oldest: OLDEST,
        current: CURRENT,
    };
    hello_frame(sequence, opcode::VERSION_REFUSED, &refused)
}

/// Frames the answer to a hello that opens no session for another reason.
///
/// # Errors
///
/// [`TooLong`] if it does not fit `N`.
pub fn refused<const N: usize>(
    sequence: Sequence,
    refusal: &Refusal,
) -> Result<Packet<N>, TooLong> {
    hello_frame(sequence, opcode::HELLO_REFUSED, refusal)
}

/// Frames a client's hello.
///
/// # Errors
///
/// [`TooLong`] if it does not fit `N`.
pub fn ask<const N: usize>(sequence: Sequence, hello: &Hello) -> Result<Packet<N>, TooLong> {
    hello_frame(sequence, opcode::ASK, hello)
}

/// Frames a client's goodbye.
///
/// # Errors
///
/// [`TooLong`] if it does not fit `N`.
pub fn goodbye<const N: usize>(client: ClientId) -> Result<Packet<N>, TooLong> {
    hello_frame(Sequence(0), opcode::GOODBYE, &client)
}

fn hello_frame<const N: usize, T: Field>(
    sequence: Sequence,
    opcode: u8,
    body: &T,
) -> Result<Packet<N>, TooLong> {
    let header = Header::new(Class::Hello, sequence, opcode);
    frame::encode(header, frame::HELLO_NONCE, |out| {
        message::encode(body, out).ok()
    })
}

/// Reads the body of a hello frame; `None` if it is no `T`, which is as good as noise.
#[must_use]
pub fn decode<T: serde::de::DeserializeOwned>(frame: &frame::Frame<'_>) -> Option<T> {
    message::decode(frame.header.opcode, frame.body).ok()
}
