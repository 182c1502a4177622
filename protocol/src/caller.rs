//! The host's side of a session: greets, asks, retries with the same number, and never asks twice
//! what may have run.
//!
//! One request is under way at a time. After a timeout the caller greets first and sends the
//! request again only where the board still knows the session; a board that booted meanwhile, or
//! whose agent restarted, is reported as [`Effect::Restarted`] instead. A board that answers
//! `Working` has the request and is at it: the caller waits on for as long as the board says so.
//! One that has no room for it (429) has not admitted it, and is asked again.

mod effect;
mod patience;

pub use effect::{CannotCall, Effect};
pub use patience::Patience;

use crate::announcement::Announcement;
use crate::frame::{self, Class, Frame, Header, Packet, TooLong};
use crate::hello::{self, Busy, Hello, Welcome};
use crate::identity::{CURRENT, NAME_BYTES, OLDEST};
use crate::message::{self, Reply, Request, Working};
use crate::refusal::Code;
#[cfg(feature = "services")]
use crate::stream::{StreamControl, StreamFrame};
use crate::units::{BootId, ClientId, Instant, Nonce, Sequence, Text};

/// One client's conversation with one board. `N` bounds a packet in bytes.
#[derive(Debug)]
pub struct Caller<const N: usize> {
    hello: Hello,
    patience: Patience,
    greeting: Sequence,
    sequence: Sequence,
    session: Option<Open>,
    /// Of a line that another client owns: what may be asked all the same is summed with it.
    refused: Option<Nonce>,
    state: State<N>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Open {
    nonce: Nonce,
    boot: BootId,
}

#[derive(Debug)]
enum State<const N: usize> {
    Idle,
    Greeting {
        attempt: Attempt,
        behind: Option<Call<N>>,
    },
    Calling {
        attempt: Attempt,
        call: Call<N>,
    },
}

/// A request under way.
#[derive(Debug)]
struct Call<const N: usize> {
    sequence: Sequence,
    /// The time at which it was sent first.
    since: Instant,
    packet: Packet<N>,
}

#[derive(Clone, Copy, Debug)]
struct Attempt {
    until: Instant,
    left: u16,
}

impl<const N: usize> Caller<N> {
    /// A caller that has not greeted yet. `client` must be random: it names the session.
    #[must_use]
    pub fn new(client: ClientId, name: Text<NAME_BYTES>, patience: Patience) -> Self {
        let hello = Hello {
            client,
            oldest: OLDEST,
            current: CURRENT,
            take_over: false,
            name,
        };
        Self {
            hello,
            patience,
            greeting: Sequence(0),
            sequence: Sequence(0),
            session: None,
            refused: None,
            state: State::Idle,
        }
    }

    /// What the board's frames are summed with, for the decoder.
    #[must_use]
    pub fn nonce(&self) -> Option<Nonce> {
        self.session.map(|open| open.nonce).or(self.refused)
    }

    /// Returns whether there is a session to ask anything in.
    #[must_use]
    pub const fn has_session(&self) -> bool {
        self.session.is_some()
    }

    /// When to call [`Caller::tick`] at the latest.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Idle => None,
            State::Greeting { attempt, .. } | State::Calling { attempt, .. } => Some(attempt.until),
        }
    }

    /// Greets the board, giving up any request under way. `take_over` takes a serial line from
    /// the client that owns it.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if `N` cannot hold a hello.
    pub fn greet(&mut self, now: Instant, take_over: bool) -> Result<Packet<N>, TooLong> {
        self.hello.take_over = take_over;
        let packet = self.next_hello()?;
        self.state = State::Greeting {
            attempt: self.first_attempt(now),
            behind: None,
        };
        Ok(packet)
    }

    /// Returns whether a hello is under way, and nothing else: a board that has announced another boot is greeted
    /// unasked.
    #[must_use]
    pub const fn is_greeting(&self) -> bool {
        matches!(self.state, State::Greeting { behind: None, .. })
    }

    /// Sends a request. On a line that another client owns that may be [`Request::PowerStatus`] or
    /// [`Request::PowerCancel`]; these may be carried out once for each time they are sent.
    ///
    /// # Errors
    ///
    /// [`CannotCall`] without a session, with a request under way, or if it does not fit.
    pub fn call(&mut self, now: Instant, request: &Request) -> Result<Packet<N>, CannotCall> {
        let may_be_asked = matches!(request, Request::PowerStatus | Request::PowerCancel(_));
        let refused = self.refused.filter(|_| may_be_asked);
        let session = self.session.map(|open| open.nonce);
        let nonce = session.or(refused).ok_or(CannotCall::NoSession)?;
        if !matches!(self.state, State::Idle) {
            return Err(CannotCall::UnderWay);
        }
        let sequence = self.sequence.next();
        let header = Header::new(Class::Request, sequence, request.opcode());
        let packet: Packet<N> = frame::encode(header, nonce, |out| request.encode(out).ok())?;
        let (attempt, since) = (self.first_attempt(now), now);
        self.sequence = sequence;
        let call = Call {
            sequence,
            since,
            packet: packet.clone(),
        };
        self.state = State::Calling { attempt, call };
        Ok(packet)
    }

    /// Frames what a reader tells the board of a stream. There is no answer but the stream's chunks.
    ///
    /// # Errors
    ///
    /// [`CannotCall`] without a session, or if it does not fit.
    #[cfg(feature = "services")]
    pub fn control(&self, control: &StreamControl) -> Result<Packet<N>, CannotCall> {
        let open = self.session.ok_or(CannotCall::NoSession)?;
        Ok(control.frame(open.nonce)?)
    }

    /// Takes a frame that arrived.
    pub fn receive(&mut self, now: Instant, frame: &Frame<'_>) -> Option<Effect<N>> {
        match frame.header.class {
            Class::Hello => self.receive_hello(now, frame),
            Class::Reply => self.receive_reply(now, frame),
            #[cfg(feature = "services")]
            Class::Event | Class::Data => StreamFrame::read(frame).map(Effect::Stream),
            #[cfg(not(feature = "services"))]
            Class::Event | Class::Data => None,
            Class::Request | Class::Credit => None,
        }
    }

    /// Lets time pass; late and repeated ticks are harmless.
    pub fn tick(&mut self, now: Instant) -> Option<Effect<N>> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        let (left, behind) = match core::mem::replace(&mut self.state, State::Idle) {
            State::Idle => return None,
            State::Greeting { attempt, behind } => (attempt.left, behind),
            State::Calling { attempt, call } => (attempt.left, Some(call)),
        };
        let Some(left) = left.checked_sub(1) else {
            return Some(Effect::GaveUp);
        };
        self.greet_again(now, left, behind)
    }

    /// Takes an announcement that stood in the text. A boot other than the session's is greeted at
    /// once, at the cost of an attempt: its welcome tells the rest, and that a request under way is
    /// lost.
    pub fn announced(&mut self, now: Instant, announcement: &Announcement) -> Option<Effect<N>> {
        if self.session?.boot == announcement.boot {
            return None;
        }
        let left = match &self.state {
            State::Idle => self.patience.attempts,
            State::Greeting { attempt, .. } | State::Calling { attempt, .. } => attempt.left,
        };
        let left = left.checked_sub(1)?;
        let behind = match core::mem::replace(&mut self.state, State::Idle) {
            State::Idle => None,
            State::Greeting { behind, .. } => behind,
            State::Calling { call, .. } => Some(call),
        };
        self.greet_again(now, left, behind)
    }

    /// Greets once more, before the request under way is sent again: in a refused client's, which has
    /// no session, that is sent again at once.
    fn greet_again(
        &mut self,
        now: Instant,
        left: u16,
        behind: Option<Call<N>>,
    ) -> Option<Effect<N>> {
        let attempt = Attempt {
            until: now.after(self.patience.reply),
            left,
        };
        if let Some(call) = behind.as_ref().filter(|_| self.session.is_none()) {
            // There is no session to be resumed, and no harm in asking twice.
            let packet = call.packet.clone();
            self.state = State::Calling {
                attempt,
                call: behind?,
            };
            return Some(Effect::Send(packet));
        }
        // Greeting first tells a board that booted from one that lost a frame.
        self.state = State::Greeting { attempt, behind };
        self.next_hello().ok().map(Effect::Send)
    }

    fn receive_hello(&mut self, now: Instant, frame: &Frame<'_>) -> Option<Effect<N>> {
        let opcode = frame.header.opcode;
        let State::Greeting { .. } = &self.state else {
            return None;
        };
        if frame.header.sequence != self.greeting {
            return None;
        }
        let effect = match opcode {
            hello::opcode::WELCOME => {
                let welcome: Welcome = message::decode(opcode, frame.body).ok()?;
                if welcome.client != self.hello.client {
                    return None;
                }
                return self.welcomed(now, welcome);
            }
            hello::opcode::BUSY => {
                let busy: Busy = message::decode(opcode, frame.body).ok()?;
                self.session = None;
                self.refused = Some(busy.nonce);
                Effect::Busy(busy)
            }
            hello::opcode::HELLO_REFUSED => {
                Effect::HelloRefused(message::decode(opcode, frame.body).ok()?)
            }
            hello::opcode::VERSION_REFUSED => {
                Effect::VersionRefused(message::decode(opcode, frame.body).ok()?)
            }
            _ => return None,
        };
        self.state = State::Idle;
        Some(effect)
    }

    fn welcomed(&mut self, now: Instant, welcome: Welcome) -> Option<Effect<N>> {
        let open = Open {
            nonce: welcome.nonce,
            boot: welcome.identity.boot,
        };
        let same = self.session == Some(open);
        self.refused = None;
        self.session = Some(open);
        let State::Greeting { attempt, behind } = core::mem::replace(&mut self.state, State::Idle)
        else {
            return None;
        };
        let Some(call) = behind else {
            return Some(Effect::Welcomed(welcome));
        };
        if !same || !welcome.resumed {
            return Some(Effect::Restarted(welcome.identity));
        }
        let packet = call.packet.clone();
        let attempt = Attempt {
            until: now.after(self.patience.reply),
            ..attempt
        };
        self.state = State::Calling { attempt, call };
        Some(Effect::Send(packet))
    }

    fn receive_reply(&mut self, now: Instant, frame: &Frame<'_>) -> Option<Effect<N>> {
        let (call, is_sent_again) = match &self.state {
            State::Calling { attempt, call } => (call, attempt.left > 0),
            State::Greeting { behind, .. } => (behind.as_ref()?, true),
            State::Idle => return None,
        };
        if frame.header.sequence != call.sequence {
            return None;
        }
        let opcode = frame.header.opcode;
        if opcode == message::opcode::WORKING {
            return self.still_works(now, frame);
        }
        let effect = match Reply::decode_any(opcode, frame.body) {
            // What was given up earlier still runs, and leaves no room: this was not admitted.
            Ok(Reply::Refused(refusal)) if refusal.code == Code::SlowDown && is_sent_again => {
                return None;
            }
            Ok(reply) => Effect::Answered(reply),
            Err(_) => Effect::Unreadable(opcode),
        };
        self.state = State::Idle;
        Some(effect)
    }

    /// The board has the request and is at it: what counts is that it says so, not for how long.
    fn still_works(&mut self, now: Instant, frame: &Frame<'_>) -> Option<Effect<N>> {
        let (State::Calling { call, .. }
        | State::Greeting {
            behind: Some(call), ..
        }) = core::mem::replace(&mut self.state, State::Idle)
        else {
            return None;
        };
        let elapsed = now.since(call.since);
        if self.patience.working <= elapsed {
            let unread = Working {
                elapsed,
                left: None,
            };
            let working = message::decode(message::opcode::WORKING, frame.body);
            return Some(Effect::StillWorking(working.unwrap_or(unread)));
        }
        let attempt = self.first_attempt(now);
        self.state = State::Calling { attempt, call };
        None
    }

    fn next_hello(&mut self) -> Result<Packet<N>, TooLong> {
        self.greeting = self.greeting.next();
        hello::ask(self.greeting, &self.hello)
    }

    fn first_attempt(&self, now: Instant) -> Attempt {
        Attempt {
            until: now.after(self.patience.reply),
            left: self.patience.attempts.saturating_sub(1),
        }
    }
}

#[cfg(test)]
mod tests;
