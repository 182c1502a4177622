//! One conversation on a link: bytes in, answers out, and now and then a question to the power
//! desk. Pure: the edge moves the bytes and tells the time.

mod announcement_schedule;
mod answers;
mod bounds;
mod countdown;
mod deferred_request;
mod ending;
mod event_subscriptions;
mod events;
mod follow;
mod follows;
mod frames;
mod input_queue;
mod json;
mod lines;
mod loss;
mod marks;
mod output;
mod patience;
mod pending;
mod telnet;
mod turn;

pub use bounds::{End, SESSION_BYTES, SESSIONS_BYTES, Traits};
pub use deferred_request::OrphanedRequest;
pub use events::EVENTS_PER_TURN;
pub use follows::{FOLLOWS, FollowId, FollowOrder, News};
use input_queue::InputQueue;
pub use loss::LossWatch;
pub use output::Output;
pub use pending::RequestId;
pub use turn::TURN_BYTES;

use super::clients::{Clients, FRAME_BYTES};
use super::config::Limits;
use super::world::{Ask, World};
use announcement_schedule::AnnouncementSchedule;
use answers::TextInput;
use countdown::Countdown;
use frames::Frames;
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::frame::Class;
use lastword_protocol::message::Reply;
use lastword_protocol::{Instant, Nonce, OperationId};
use lastword_shell::{Table, WINDOW_BYTES};
use lines::Lines;
use marks::Marks;
use pending::PendingRequests;
use std::collections::VecDeque;
use std::mem;
use telnet::{IAC, IacScope, Telnet, TelnetEvent};
use turn::TurnEnd;

/// A session takes no more input while this much output waits.
pub const OUTPUT_BYTES: usize = 16 * 1024;

/// The frames of streams and transfers that a connection is given at once, in bytes.
const BULK_BYTES: usize = 8 * 1024;

/// What every session of an agent is given.
#[derive(Clone, Debug)]
pub struct House {
    /// The board's name, for prompts.
    pub name: String,
    /// The commands the board has.
    pub table: Table,
    /// The sessions of machine clients.
    pub clients: Clients,
    /// What bounds a session.
    pub limits: Limits,
}

/// A question to the power desk or the supervisor.
#[derive(Debug, PartialEq, Eq)]
pub struct Job {
    /// Names it, for [`Session::answered`].
    pub id: RequestId,
    /// What is asked.
    pub ask: Ask,
    /// The operation's id, if the client chose none.
    pub assigned: OperationId,
}

/// One conversation.
#[derive(Debug)]
pub struct Session {
    traits: Traits,
    limits: Limits,
    marks: Marks,
    telnet: Telnet,
    decoder: Decoder<FRAME_BYTES>,
    announcements: AnnouncementSchedule,
    frames: Frames,
    lines: Lines,
    countdown: Countdown,
    output: Output,
    /// The decoder holds bytes that may turn out to be no frame.
    holds: bool,
    /// Input that arrived while nothing might be said.
    backlog: InputQueue,
    /// Text behind a line that waits for its answer. Frames overtake it.
    typed: VecDeque<TextInput>,
    /// The newest of that text, whether there was room for it or not.
    last_typed: TextInput,
    pending: PendingRequests,
    heard: Option<Instant>,
    /// When it began, or its link last took a byte while some waited.
    progress: Instant,
    opened: Instant,
    /// There is no place for it: it says so, and ends.
    is_refusing: bool,
    turn_end: TurnEnd,
    input_ended: bool,
    end: Option<End>,
}

impl Session {
    /// A conversation that begins at `now`. `nonce` must be its own: it tells the operations
    /// staged by its text lines from those of others.
    #[must_use]
    pub fn new(traits: Traits, house: &House, nonce: Nonce, now: Instant) -> Self {
        let connected = traits.is_connected();
        let manner = if connected {
            Manner::DEVICE_STREAM
        } else {
            Manner::DEVICE_SERIAL
        };
        Self {
            traits,
            limits: house.limits,
            marks: Marks::default(),
            telnet: Telnet::default(),
            decoder: Decoder::new(manner),
            announcements: AnnouncementSchedule::new(!connected),
            frames: Frames::new(house.clients.clone(), !connected),
            lines: Lines::new(traits.medium, house.table, &house.name, nonce),
            countdown: Countdown::default(),
            output: Output::default(),
            holds: false,
            backlog: InputQueue::default(),
            typed: VecDeque::new(),
            last_typed: TextInput::Lost,
            pending: PendingRequests::default(),
            heard: None,
            progress: now,
            opened: now,
            is_refusing: false,
            turn_end: TurnEnd::Idle,
            input_ended: false,
            end: None,
        }
    }

    /// What waits to be written. Report what was with [`Session::wrote`].
    #[must_use]
    pub const fn output(&self) -> &Output {
        &self.output
    }

    /// The link took this many bytes of the output at `now`.
    pub fn wrote(&mut self, now: Instant, count: usize) {
        self.output.wrote(count);
        self.progress = now;
    }

    /// Whether more input may be handed in: if not, leave it to the link to hold the peer back. Text
    /// behind a line that waits holds back a connection only: on a line others come behind it.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        let typed = if self.traits.is_connected() {
            self.typed.len()
        } else {
            0
        };
        self.end.is_none()
            && !self.input_ended
            && self.backlog.len() + typed < WINDOW_BYTES
            && self.output.len() < OUTPUT_BYTES
    }

    /// Returns how much it holds, in bytes: at most [`SESSION_BYTES`].
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let input = self.backlog.len() + self.typed.len();
        let pages = self.lines.pages() + self.frames.pages();
        let replies = pages + self.pending.late_replies();
        self.output.len() + input * size_of::<TextInput>() + replies * size_of::<Reply>()
    }

    /// The next question to others; its answer goes to [`Session::answered`].
    pub fn take_job(&mut self) -> Option<Job> {
        self.pending.take_job()
    }

    /// Says nothing more: behind a released operation its acknowledgement must stay the last word.
    /// What arrives waits, and so do answers.
    pub const fn mute(&mut self) {
        self.output.mute(true);
    }

    /// The board has stayed up: speaks again, first to what arrived meanwhile.
    pub fn unmute(&mut self, now: Instant, world: &dyn World) {
        self.output.mute(false);
        for (id, replies) in self.pending.take_late() {
            self.answered(now, id, &replies, false, world);
        }
        self.work(now, world);
    }

    /// Returns whether the pieces of an object arrive, which are many.
    #[must_use]
    pub fn receives_object(&self) -> bool {
        self.frames.receives_object()
    }

    /// Returns whether a frame of a stream or transfer may be sent: one at a time, and only where nothing else waits.
    #[must_use]
    pub fn has_bulk_frame(&self) -> bool {
        let may_say = self.output.is_empty() && !self.output.is_muted() && self.end.is_none();
        may_say && self.frames.has_bulk_frame()
    }

    /// Sends a frame of a stream or transfer, as [`Session::has_bulk_frame`] allows; on a connection several, for it
    /// takes them in no time.
    pub fn say_bulk_frame(&mut self, now: Instant) {
        self.await_progress(now);
        let most = if self.traits.is_connected() {
            BULK_BYTES
        } else {
            1
        };
        while self.output.len() < most && self.frames.has_bulk_frame() {
            if let Some(read) = self.frames.say_bulk_frame(now, &mut self.output) {
                self.pending.ask_frame(read);
            }
        }
    }

    /// The next question whose answer nobody wants any more.
    pub fn take_forgotten(&mut self) -> Option<RequestId> {
        self.pending.take_forgotten()
    }

    /// Takes bytes that arrived at `now`, and has a turn at them: [`Session::has_work`] tells whether
    /// some are left for the next.
    pub fn receive(&mut self, now: Instant, bytes: &[u8], world: &dyn World) {
        self.await_progress(now);
        self.heard = Some(now);
        self.backlog.push(bytes);
        self.work(now, world);
    }

    /// The peer has had no time yet to take what is said from now on.
    fn await_progress(&mut self, now: Instant) {
        if self.output.is_empty() {
            self.progress = now;
        }
    }

    /// Lets time pass; late and repeated ticks are harmless.
    pub fn tick(&mut self, now: Instant, world: &dyn World) {
        self.await_progress(now);
        if self.decoder.tick(now) {
            self.work(now, world);
        }
        self.repeat_announcement(now, world);
        self.frames.tick_transfer(now);
        if !self.is_line_busy() {
            let flow = self.lines.tick(now, &mut self.output, world);
            self.follow(flow);
            self.tell(world);
        }
        self.tell_hidden_events(now);
        let is_past = |deadline: Instant| deadline <= now;
        if self.is_refusing && self.idle_deadline().is_some_and(is_past) {
            self.lines.say_refusal("", &mut self.output);
            self.end = Some(End::Finished);
        } else if self.idle_deadline().is_some_and(is_past) {
            match (self.traits.is_connected(), self.heard) {
                (true, None) => self.end = Some(End::Silent),
                (true, Some(_)) => self.end = Some(End::Idle),
                (false, _) => {
                    self.heard = None;
                    self.forget_lines();
                }
            }
        }
        if self.stall_deadline().is_some_and(is_past) {
            self.end = Some(End::Stalled);
        }
    }

    /// Tells a person how long the board will still be there.
    fn tell(&mut self, world: &dyn World) {
        if self.lines.is_term()
            && let Some(news) = self.countdown.news(world.pending())
        {
            self.lines.notice(&news, &mut self.output);
        }
    }

    /// When there is something to tell a person.
    fn telling_deadline(&self, now: Instant, world: &dyn World) -> Option<Instant> {
        let listens = self.lines.is_term() && !self.is_line_busy();
        listens.then(|| self.countdown.deadline(now, world.pending()))?
    }

    /// When to call [`Session::tick`] at the latest, as of `now`. It is also to be called when an
    /// operation is staged, scheduled or over.
    #[must_use]
    pub fn deadline(&self, now: Instant, world: &dyn World) -> Option<Instant> {
        [
            self.telling_deadline(now, world),
            self.decoder.deadline(),
            self.announcements.deadline(),
            self.lines.deadline(),
            self.events_deadline(),
            self.transfer_deadline(),
            self.idle_deadline(),
            self.stall_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn byte(&mut self, now: Instant, byte: u8, world: &dyn World) {
        if self.traits.telnet {
            if self.telnet.is_inside() || byte == IAC && self.decoder.takes_text(now) {
                return self.telnet(now, byte, world);
            }
            self.telnet.pass();
        }
        self.decode(now, byte, world);
    }

    fn decode(&mut self, now: Instant, byte: u8, world: &dyn World) {
        match self.decoder.push(now, byte) {
            Step::Frame(frame) => {
                let (pending, out) = (&self.pending, &mut self.output);
                let class = frame.header.class;
                let asked = self.frames.receive(now, &frame, pending, out, world);
                if class != Class::Request {
                    let frames = &self.frames;
                    self.pending.retain_frames(|it| frames.wants_read(it));
                }
                self.decoder.enter(self.frames.nonce());
                self.decoder.admit(self.frames.refused());
                if let Some(asked) = asked {
                    self.pending.ask_frame(asked);
                }
                if self.frames.has_refused() {
                    self.end = Some(End::Finished);
                }
            }
            Step::Text(byte) => {
                if mem::take(&mut self.holds) {
                    self.text(now, TextInput::Dropped, world);
                }
                self.text(now, TextInput::Byte(byte), world);
            }
            Step::Invalid => self.say_up(now, world),
            Step::Held => self.holds = true,
            Step::Dropped => self.text(now, TextInput::Dropped, world),
        }
    }

    fn telnet(&mut self, now: Instant, byte: u8, world: &dyn World) {
        let scope = match (self.lines.is_term(), self.is_at_line_start()) {
            (true, _) => IacScope::Session,
            (false, true) => IacScope::LineStart,
            (false, false) => IacScope::WithinLine,
        };
        match self.telnet.push(byte, scope) {
            Some(TelnetEvent::Byte(byte)) => self.text(now, TextInput::Byte(byte), world),
            Some(TelnetEvent::Interrupt) => self.interrupt(now, world),
            Some(TelnetEvent::Answer(answer)) => self.output.push(&answer),
            Some(TelnetEvent::Negotiation(answer)) => {
                self.output
                    .push(answer.as_ref().map_or(&[], <[u8; 3]>::as_slice));
                self.lines.person(&mut self.output);
            }
            Some(TelnetEvent::Text(held)) => {
                for byte in held.iter().copied().chain([byte]) {
                    self.decode(now, byte, world);
                }
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
