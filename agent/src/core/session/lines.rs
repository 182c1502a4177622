//! The text dialects of a session: bytes become lines, lines run step by step, each gets its
//! one answer.

mod events;
mod following;
mod heard;
mod listing;
mod refusing;
mod running_line;
mod steps;

use super::event_subscriptions::EventSubscriptions;
use super::follows::{FollowId, Follows, Opening};
use super::output::Output;
use crate::core::service::Name;
use crate::core::world::{Ask, World};
use heard::{Heard, Shown};
use lastword_protocol::message::Reply;
use lastword_protocol::refusal::Refusal;
use lastword_protocol::{Instant, Nonce, OperationId, Sequence};
use lastword_shell::{Dialect, Input, Medium, Received, Table, Vocabulary, term};
use running_line::{AnswerFormat, RunningLine, is_dangerous, is_due, say};
use std::fmt::Write;

/// The text side of one session.
#[derive(Debug)]
pub(super) struct Lines {
    input: Input,
    table: Table,
    name: String,
    nonce: Nonce,
    asked: Sequence,
    running: Option<RunningLine>,
    /// A byte behind a line that asked others: it is fed when the answer is there.
    held: Option<u8>,
    /// The logs that are followed.
    follows: Follows,
    /// The events that are subscribed to.
    events: EventSubscriptions,
    /// The one that the running line shows.
    showing: Option<FollowId>,
    /// True if that is the answer itself, which ends where the log did.
    is_listing: bool,
    /// How many steps of lines there were, and what takes as long.
    steps: u64,
    /// What the running line wants to follow, once it is known where that ends.
    opening: Option<Opening>,
    /// The answer to the one line that a session without a place takes.
    refusal: Option<Refusal>,
}

/// What bytes, or an answer, have led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// Go on with the next byte.
    Go,
    /// Wait for others.
    Ask(Ask, OperationId),
    /// End the session: logout, or somebody who speaks HTTP.
    End,
}

impl Lines {
    /// `nonce` tells the operations that this session stages from those of others.
    pub(super) fn new(medium: Medium, table: Table, name: &str, nonce: Nonce) -> Self {
        let mut input = Input::new(medium);
        input.set_name(name);
        Self {
            input,
            table,
            name: name.to_owned(),
            nonce,
            asked: Sequence(0),
            running: None,
            held: None,
            follows: Follows::default(),
            events: EventSubscriptions::default(),
            showing: None,
            is_listing: false,
            steps: 0,
            opening: None,
            refusal: None,
        }
    }

    /// Forgets dialect and line, follows no log any more and is subscribed to nothing. A byte behind the
    /// line is kept.
    pub(super) fn forget(&mut self) {
        self.input.forget();
        self.running = None;
        self.follows.stop_all();
        self.events.stop_all();
        self.showing = None;
        self.is_listing = false;
        self.opening = None;
    }

    /// The byte behind a line that has ended the session.
    pub(super) const fn take_held(&mut self) -> Option<u8> {
        self.held.take()
    }

    /// Bytes are missing here.
    pub(super) fn lost(&mut self) {
        self.input.lost();
    }

    /// Notes that bytes that were no text were dropped here.
    pub(super) fn dropped(&mut self) {
        self.input.dropped();
    }

    /// Whether a person types here.
    pub(super) fn is_term(&self) -> bool {
        self.input.dialect() == Some(Dialect::Term)
    }

    /// Whether a program talks here.
    fn is_program(&self) -> bool {
        self.input.dialect() == Some(Dialect::Json)
    }

    /// Whether any dialect is decided.
    pub(super) const fn is_decided(&self) -> bool {
        self.input.dialect().is_some()
    }

    /// Returns whether nothing is received of the line under way.
    pub(super) fn is_at_line_start(&self) -> bool {
        self.input.is_at_line_start()
    }

    /// A telnet client negotiates options: a person is there.
    pub(super) fn person(&mut self, out: &mut Output) {
        if !self.is_decided() {
            self.input.set_dialect(Dialect::Term);
            let _ = term::prompt(out, &self.name);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.input.deadline()
    }

    /// Takes one byte of text.
    pub(super) fn feed(
        &mut self,
        now: Instant,
        byte: u8,
        out: &mut Output,
        world: &dyn World,
    ) -> Flow {
        if self.interrupts(byte, out) {
            return Flow::Go;
        }
        // A lone CR is often recognised at the byte behind it, which is then left to be fed again.
        let byte = [byte];
        let mut left = &byte[..];
        loop {
            let mut echo = Output::default();
            let is_program = self.is_program();
            let received = self.input.feed(now, &mut left, &mut echo);
            let heard = received.map(|it| Heard::of(it, is_program, self.table, &self.name));
            let flow = self.hear(heard, &echo, out, world);
            match left.first() {
                Some(_) if flow == Flow::Go && !self.is_busy() => {}
                held => {
                    self.held = held.copied();
                    return flow;
                }
            }
        }
    }

    pub(super) fn tick(&mut self, now: Instant, out: &mut Output, world: &dyn World) -> Flow {
        let mut echo = Output::default();
        let is_program = self.is_program();
        let received = self.input.tick(now, &mut echo);
        let heard = received.map(|it| Heard::of(it, is_program, self.table, &self.name));
        self.hear(heard, &echo, out, world)
    }

    /// Tells a person something between two lines, or in the middle of one.
    pub(super) fn notice(&self, text: &str, out: &mut Output) {
        if self.is_term() {
            // Output takes everything.
            if self.showing.is_some() {
                let _ = write!(out, "! {text}\r\n");
                return;
            }
            let _ = write!(out, "\r\n! {text}\r\n");
            self.redraw(out);
        }
    }

    /// Returns whether a line is being answered, or a log shown.
    pub(super) const fn is_answering(&self) -> bool {
        self.running.is_some() || self.showing.is_some()
    }

    /// Shows again what a person is typing, after something was written between.
    pub(super) fn redraw(&self, out: &mut Output) {
        if self.input.is_shown() {
            // Output takes everything.
            let _ = self.input.redraw(out, &self.name);
        }
    }

    /// The input has ended: an unterminated line is refused, never run, and what is followed ends.
    pub(super) fn end(&mut self, out: &mut Output, world: &dyn World) {
        let mut echo = Output::default();
        let is_program = self.is_program();
        let received = self.input.end(&mut echo);
        let heard = received.map(|it| Heard::of(it, is_program, self.table, &self.name));
        self.hear(heard, &echo, out, world);
        self.end_follows(out);
    }

    /// What the running line asked is answered.
    pub(super) fn answered(
        &mut self,
        replies: &[Reply],
        out: &mut Output,
        world: &dyn World,
    ) -> Flow {
        match self.opening.take() {
            Some(opening) => self.opened(&opening, replies, out),
            None => self.replies(replies, out),
        }
        self.go_on(out, world)
    }

    fn hear(
        &mut self,
        heard: Option<Heard>,
        echo: &Output,
        out: &mut Output,
        world: &dyn World,
    ) -> Flow {
        out.push(echo.front());
        if heard.is_some() {
            self.end_rows(out);
        }
        match heard {
            None => Flow::Go,
            Some(Heard::End) => Flow::End,
            Some(Heard::Say(text)) if self.refusal.is_some() => {
                self.say_refusal(&text, out);
                Flow::End
            }
            Some(Heard::Say(text)) => {
                out.push(text.as_bytes());
                Flow::Go
            }
            Some(Heard::Cancel(call, id)) => {
                self.cancel(&call, id, out);
                Flow::Go
            }
            Some(Heard::Show(shown)) => {
                self.steps += 1;
                self.show(shown, out, world);
                Flow::Go
            }
            Some(Heard::Run(script, voice))
                if self.refusal.is_some() && !is_due(&script, &voice) =>
            {
                self.refuse_unanswered(&script, out);
                Flow::End
            }
            Some(Heard::Run(script, voice)) => {
                if script.steps.iter().any(is_dangerous) {
                    self.input.unkeep();
                }
                self.running = Some(RunningLine::new(script, voice));
                self.run(out, world)
            }
        }
    }

    /// Shows a person the line being typed, as the input has asked for it.
    fn show(&mut self, mut shown: Shown, out: &mut Output, world: &dyn World) {
        let services = world.services();
        let names: Vec<_> = services.iter().map(Name::as_str).collect();
        let known = Vocabulary::of(self.table).with_services(&names);
        if matches!(shown, Shown::Completed) {
            shown = match self.input.complete(known, out) {
                Some(Received::Redraw) => Shown::Line,
                Some(Received::Choices) => Shown::Choices,
                _ => return,
            };
        }
        // Output takes everything.
        let _ = match shown {
            Shown::Choices => self.input.choices(known, out, &self.name),
            Shown::Line | Shown::Completed => self.input.redraw(out, &self.name),
        };
    }
}
