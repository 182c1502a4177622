//! The client: one conversation with one board over any link, in typed requests.
//!
//! [`Caller`] decides what to send and when; this drives it over a [`Dial`]ed stream. The session
//! outlives its link: [`Client::reconnect`] carries it over to the next one.

mod error;
mod link;
mod objects;
mod options;
mod streaming;
#[cfg(test)]
mod tests;

pub use error::{CallError, GreetError, LinkError, RoundedSpan, Unwelcome};
pub use link::{BoardOutput, Link, TextSink};
pub use objects::{LocalObject, ObjectId, TransferError, TransferOptions, TransferProgress};
pub use options::{Options, with_wire_time};

use crate::clock::Clock;
use crate::dial::Dial;
use lastword_protocol::caller::{Caller, Effect, Patience};
use lastword_protocol::frame::{DELIMITER, Frame};
use lastword_protocol::hello::{self, Welcome};
use lastword_protocol::identity::Identity;
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::{ClientId, Instant, Millis};
use std::time::Duration;

/// One conversation with one board.
///
/// Its futures are not cancel-safe: after dropping one, [`Client::greet`] before the next call.
pub struct Client {
    caller: Caller<REQUEST_BYTES>,
    patience: Patience,
    id: ClientId,
    clock: Clock,
    is_line: bool,
    /// True if the board may have a session of ours: a hello was sent.
    has_greeted: bool,
    /// The time of the board's reset, as far as is known: from then on a boot loader may hear what is sent.
    resets_at: Option<Instant>,
    link: Option<Link>,
    sink: TextSink,
}

impl Client {
    /// A client with an open link and no session yet; console text is dropped until
    /// [`Client::on_text`] says where it goes.
    ///
    /// # Errors
    ///
    /// [`LinkError`] if the link cannot be opened in time.
    pub async fn connect(dial: &dyn Dial, options: &Options) -> Result<Self, LinkError> {
        let mut client = Self::unconnected(dial, options);
        client.reconnect(dial, options.connect).await?;
        Ok(client)
    }

    /// A client without a link, for [`Client::reconnect`].
    #[must_use]
    pub fn unconnected(dial: &dyn Dial, options: &Options) -> Self {
        let client = options.id.unwrap_or_else(|| ClientId(rand::random()));
        let patience = Patience {
            reply: with_wire_time(options.patience.reply, dial.baud()),
            ..options.patience
        };
        Self {
            caller: Caller::new(client, options.name.clone(), patience),
            patience,
            id: client,
            clock: Clock::start(),
            is_line: dial.baud().is_some(),
            has_greeted: false,
            resets_at: None,
            link: None,
            sink: Box::new(|_| {}),
        }
    }

    /// Hands console text, everything that arrives outside of frames, to `sink`.
    pub fn on_text(&mut self, sink: TextSink) {
        self.sink = sink;
    }

    /// The clock that this client's instants are read from.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// Whether there is a link, as far as is known.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    /// Whether there is a session to ask in, as far as is known.
    #[must_use]
    pub fn has_session(&self) -> bool {
        self.caller.has_session()
    }

    /// The board resets at `at`: unless it is heard again, nothing is sent from then on without
    /// being asked for, not even a goodbye. A boot loader may stop at any byte.
    pub const fn resets_at(&mut self, at: Instant) {
        self.resets_at = Some(at);
    }

    /// Opens a link in place of the one there was, and keeps the session. Greet next.
    ///
    /// # Errors
    ///
    /// [`LinkError`] if that does not succeed within `connect`.
    pub async fn reconnect(&mut self, dial: &dyn Dial, connect: Duration) -> Result<(), LinkError> {
        self.hang_up();
        let dialled = tokio::time::timeout(connect, dial.dial()).await;
        let stream = dialled.map_err(|_| LinkError::NotMade)??;
        self.link = Some(Link::new(stream, dial.baud()));
        Ok(())
    }

    /// Closes the link and keeps the session.
    pub fn hang_up(&mut self) {
        if let Some(mut link) = self.link.take() {
            let rest = link.rest();
            if !rest.is_empty() {
                (self.sink)(&rest);
            }
        }
    }

    /// Opens or resumes the session. `take_over` takes a serial line from the client that owns it.
    ///
    /// # Errors
    ///
    /// [`GreetError`].
    pub async fn greet(&mut self, take_over: bool) -> Result<Welcome, GreetError> {
        self.greet_until(take_over, None).await
    }

    /// As [`Client::greet`] without taking over, but waits no longer than `within`.
    ///
    /// # Errors
    ///
    /// [`GreetError`].
    pub async fn probe(&mut self, within: Millis) -> Result<Welcome, GreetError> {
        let until = self.clock.now().after(within);
        self.greet_until(false, Some(until)).await
    }

    async fn greet_until(
        &mut self,
        take_over: bool,
        until: Option<Instant>,
    ) -> Result<Welcome, GreetError> {
        let packet = self.caller.greet(self.clock.now(), take_over)?;
        self.send_hello(&packet).await?;
        loop {
            match self.next_effect(until).await? {
                Some(Effect::Welcomed(welcome)) => return Ok(welcome),
                Some(Effect::Busy(busy)) => return Err(Unwelcome::Busy(busy).into()),
                Some(Effect::HelloRefused(refusal)) => {
                    return Err(Unwelcome::Refused(refusal).into());
                }
                Some(Effect::VersionRefused(refused)) => {
                    return Err(Unwelcome::Version(refused).into());
                }
                // The board booted while it was greeted, and has not seen the greeting.
                Some(Effect::Restarted(_)) => {
                    let packet = self.caller.greet(self.clock.now(), take_over)?;
                    self.send_hello(&packet).await?;
                }
                // What was asked for before is asked for again, if it is still wanted.
                Some(
                    Effect::Send(_)
                    | Effect::Answered(_)
                    | Effect::Unreadable(_)
                    | Effect::Stream(_),
                ) => {}
                Some(Effect::GaveUp | Effect::StillWorking(_)) | None => {
                    return Err(GreetError::Silent);
                }
            }
        }
    }

    /// Asks, and returns what the board says, which may be no.
    ///
    /// A request whose reply is lost is sent again only where the board still knows the session,
    /// so that it runs once at most.
    ///
    /// # Errors
    ///
    /// [`CallError`]; unless it is [`CallError::Cannot`], the request may have run.
    pub async fn call(&mut self, request: &Request) -> Result<Reply, CallError> {
        self.await_greeting().await?;
        let packet = self.caller.call(self.clock.now(), request)?;
        self.send(&packet).await?;
        loop {
            match self.next_effect(None).await? {
                Some(Effect::Answered(reply)) => return Ok(reply),
                Some(Effect::Unreadable(opcode)) => return Err(CallError::Unreadable(opcode)),
                Some(Effect::Restarted(identity)) => {
                    return Err(CallError::Restarted(Box::new(identity)));
                }
                Some(Effect::Busy(busy)) => return Err(Unwelcome::Busy(busy).into()),
                Some(Effect::HelloRefused(refusal)) => {
                    return Err(Unwelcome::Refused(refusal).into());
                }
                Some(Effect::VersionRefused(refused)) => {
                    return Err(Unwelcome::Version(refused).into());
                }
                // A chunk that comes meanwhile comes again: its reader sees a gap.
                Some(Effect::Send(_) | Effect::Welcomed(_) | Effect::Stream(_)) => {}
                Some(Effect::StillWorking(working)) => {
                    return Err(CallError::StillWorking(working));
                }
                Some(Effect::GaveUp) | None => return Err(CallError::Silent),
            }
        }
    }

    /// Waits for the end of a greeting that the board's announcement has led to, behind which a request can be sent.
    async fn await_greeting(&mut self) -> Result<(), CallError> {
        while self.caller.is_greeting() {
            match self.next_effect(None).await? {
                Some(Effect::Busy(busy)) => return Err(Unwelcome::Busy(busy).into()),
                Some(Effect::HelloRefused(refusal)) => {
                    return Err(Unwelcome::Refused(refusal).into());
                }
                Some(Effect::VersionRefused(refused)) => {
                    return Err(Unwelcome::Version(refused).into());
                }
                Some(Effect::GaveUp) => return Err(CallError::Silent),
                _ => {}
            }
        }
        Ok(())
    }

    /// Listens until `until`, handing on console text, and sends nothing, because a boot loader may
    /// stop at any byte, except a hello to a board that announces another boot. Returns earlier,
    /// with who it is, when a welcome arrives.
    ///
    /// # Errors
    ///
    /// [`LinkError`] if the link breaks.
    pub async fn listen(&mut self, until: Instant) -> Result<Option<Identity>, LinkError> {
        loop {
            let now = self.clock.now();
            match self.decode(now)? {
                Some(Effect::Restarted(identity)) => return Ok(Some(identity)),
                Some(Effect::Welcomed(welcome)) => return Ok(Some(welcome.identity)),
                Some(Effect::Send(packet)) => self.send_hello(&packet).await?,
                Some(_) => {}
                None if until <= now => return Ok(None),
                None => self.fill([Some(until), None]).await?,
            }
        }
    }

    /// Ends the session, which gives a serial line free, and the link.
    ///
    /// # Errors
    ///
    /// [`LinkError`] if the board cannot be told.
    pub async fn goodbye(mut self) -> Result<(), LinkError> {
        self.has_greeted = false;
        let told = match hello::goodbye::<REQUEST_BYTES>(self.id) {
            Ok(packet) => self.send(&packet).await,
            Err(_) => Ok(()),
        };
        if self.is_line {
            // What has not left a socket that stands for a line is dropped with it.
            tokio::time::sleep(LINGER).await;
        }
        self.hang_up();
        told
    }

    /// Waits for something to happen, at most until `until`. Sends by itself.
    async fn next_effect(&mut self, until: Option<Instant>) -> Result<Option<Heard>, LinkError> {
        loop {
            let now = self.clock.now();
            match self.decode(now)? {
                Some(Effect::Send(packet)) => self.send_hello(&packet).await?,
                Some(effect) => return Ok(Some(effect)),
                None if until.is_some_and(|until| until <= now) => return Ok(None),
                None => match self.caller.tick(now) {
                    Some(Effect::Send(packet)) => self.send_hello(&packet).await?,
                    Some(effect) => return Ok(Some(effect)),
                    None => self.fill([until, self.caller.deadline()]).await?,
                },
            }
        }
    }

    /// Takes in what was read, up to the first thing that happens.
    fn decode(&mut self, now: Instant) -> Result<Option<Heard>, LinkError> {
        self.decode_beside(now, &mut |_| false)
    }

    /// As [`Client::decode`]; but a frame of which `take` says that it was for it is nobody else's.
    fn decode_beside(
        &mut self,
        now: Instant,
        take: &mut (dyn FnMut(&Frame<'_>) -> bool + Send),
    ) -> Result<Option<Heard>, LinkError> {
        let Some(link) = self.link.as_mut() else {
            return Err(LinkError::Closed);
        };
        let caller = &mut self.caller;
        let heard = link.decode(now, &mut self.sink, |said| match said {
            BoardOutput::Frame(frame) if take(frame) => None,
            BoardOutput::Frame(frame) => caller.receive(now, frame),
            BoardOutput::Announcement(announcement) => caller.announced(now, announcement),
        });
        link.enter(self.caller.nonce());
        if matches!(heard, Some(Effect::Welcomed(_) | Effect::Restarted(_))) {
            self.resets_at = None;
        }
        Ok(heard)
    }

    /// Reads more, at most until the first of these, or until the link has something to say.
    async fn fill(&mut self, until: [Option<Instant>; 2]) -> Result<(), LinkError> {
        let Some(link) = self.link.as_mut() else {
            return Err(LinkError::Closed);
        };
        let wake = until.into_iter().chain([link.deadline()]).flatten().min();
        let filled = link.fill(self.clock, wake).await;
        if filled.is_err() {
            self.hang_up();
        }
        filled
    }

    /// Sends a hello, or a request behind one, with a delimiter more in front: right behind a
    /// return the first one would be text.
    async fn send_hello(&mut self, packet: &[u8]) -> Result<(), LinkError> {
        self.has_greeted = true;
        self.send(&[&[DELIMITER], packet].concat()).await
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        let Some(link) = self.link.as_mut() else {
            return Err(LinkError::Closed);
        };
        let sent = link.send(bytes).await;
        if sent.is_err() {
            self.hang_up();
        }
        sent
    }
}

impl Drop for Client {
    /// Gives a serial line free, as far as that needs no waiting: whoever is interrupted, or fails,
    /// must not keep it.
    fn drop(&mut self) {
        let now = self.clock.now();
        let may_boot = self.resets_at.is_some_and(|at| at <= now);
        if self.is_line
            && self.has_greeted
            && !may_boot
            && let Some(link) = self.link.as_mut()
            && let Ok(packet) = hello::goodbye::<REQUEST_BYTES>(self.id)
        {
            link.send_at_once(&[&[DELIMITER], packet.as_slice()].concat());
        }
    }
}

type Heard = Effect<REQUEST_BYTES>;

/// The longest hello or request with its delimiters, in bytes.
const REQUEST_BYTES: usize = 256;
/// How long a line stays open behind the goodbye.
const LINGER: Duration = Duration::from_millis(50);
