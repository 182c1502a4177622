//! Events in the text dialects of a session: subscriptions, what comes of them, and the list of those that
//! are kept.

use super::super::event_subscriptions::{EventListing, EventReader, numbered};
use super::super::follow::ROWS_OUTPUT_BYTES;
use super::super::json::notifications;
use super::super::output::Output;
use super::{AnswerFormat, Lines, RunningLine, say};
use crate::core::clients::NO_EVENTS;
use crate::core::events::EventReading;
use crate::core::session::EVENTS_PER_TURN;
use crate::core::world::World;
use lastword_protocol::Instant;
use lastword_protocol::message::Reply;
use lastword_protocol::message::event::EventTopics;
use lastword_protocol::refusal::{Code, Refusal};
use lastword_shell::WantedEvents;
use std::fmt::Write;

impl Lines {
    /// Returns whether any events are subscribed to.
    pub(in super::super) const fn is_subscribed(&self) -> bool {
        !self.events.is_empty()
    }

    /// Returns whether something that is subscribed to could be told now: nothing comes within an answer.
    pub(in super::super) fn may_tell_events(&self) -> bool {
        self.events.any(self.may_tell())
    }

    /// Returns whether there is something to tell now of what is subscribed to.
    pub(in super::super) fn has_event(&self, world: &dyn World) -> bool {
        let events = world.events().filter(|_| self.may_tell_events());
        events.is_some_and(|events| self.events.has_more(&events.lock(), self.may_tell()))
    }

    /// Tells what has happened, for one turn.
    pub(in super::super) fn tell_events(
        &mut self,
        now: Instant,
        out: &mut Output,
        world: &dyn World,
    ) {
        let Some(events) = world.events() else {
            return;
        };
        self.tell_hidden_events(now, out);
        for _ in 0..EVENTS_PER_TURN {
            if out.len() >= ROWS_OUTPUT_BYTES {
                return;
            }
            let may_tell = self.may_tell();
            let Some((reader, reading)) = self.events.read(&events.lock(), may_tell) else {
                return;
            };
            self.tell_event(now, reader, &reading, out);
        }
    }

    /// Returns when to call [`Lines::tell_hidden_events`].
    pub(in super::super) fn events_deadline(&self) -> Option<Instant> {
        let may_tell = self.may_tell()(EventReader::Lines);
        self.events.notices.deadline().filter(|_| may_tell)
    }

    /// Tells a person how many events were not shown, once that is due.
    pub(in super::super) fn tell_hidden_events(&mut self, now: Instant, out: &mut Output) {
        if !self.may_tell()(EventReader::Lines) {
            return;
        }
        if let Some(hidden) = self.events.notices.take_hidden(now) {
            self.notice(&format!("{hidden} more events; `events` lists them"), out);
        }
    }

    /// Subscribes to topics from now on, as the line under way asks.
    pub(super) fn subscribe(&mut self, topics: EventTopics, out: &mut Output, world: &dyn World) {
        let end = match world.events() {
            Some(events) => events.lock().end(),
            None => return self.no_events(out),
        };
        let Some(RunningLine {
            voice: AnswerFormat::Json(call),
            next,
            ..
        }) = &mut self.running
        else {
            self.events.start(EventReader::Lines, topics, end);
            return self.replies(&[Reply::Done], out);
        };
        if self.events.is_full() {
            let refusal = Refusal::new(Code::SlowDown, "too many subscriptions");
            return self.replies(&[Reply::Refused(refusal)], out);
        }
        *next += 1;
        // Nobody could name the subscription of a call that has no answer.
        if call.has_answer() {
            let id = self.follows.take_id();
            self.events.start(EventReader::Program(id), topics, end);
            say(out, call.subscribed(id));
        }
    }

    /// Ends subscriptions to topics, as the line under way asks.
    pub(super) fn unsubscribe(&mut self, topics: EventTopics, out: &mut Output) {
        let is_program = self.running.as_ref().is_some_and(|it| !it.is_text());
        self.events.stop_topics(topics, is_program);
        self.replies(&[Reply::Done], out);
    }

    /// Begins to list the events that are kept.
    pub(super) fn list_events(
        &mut self,
        wanted: WantedEvents,
        out: &mut Output,
        world: &dyn World,
    ) {
        let Some(events) = world.events() else {
            return self.no_events(out);
        };
        let ring = events.lock();
        let listing = EventListing::new(wanted, &ring);
        drop(ring);
        if let Some(running) = &mut self.running {
            running.list_events(listing, out);
        }
    }

    fn no_events(&mut self, out: &mut Output) {
        let refusal = Refusal::new(Code::NotHere, NO_EVENTS);
        self.replies(&[Reply::Refused(refusal)], out);
    }

    /// Returns which readers may be told something now.
    fn may_tell(&self) -> impl Fn(EventReader) -> bool + use<> {
        let is_shown_a_log = self.showing.is_some() && !self.is_listing && self.is_term();
        let (for_lines, for_programs) = match &self.running {
            None => (true, true),
            Some(running) if running.is_text() || running.has_page() || self.showing.is_some() => {
                (is_shown_a_log, false)
            }
            Some(_) => (false, true),
        };
        move |reader| match reader {
            EventReader::Lines => for_lines,
            EventReader::Program(_) => for_programs,
        }
    }

    fn tell_event(
        &mut self,
        now: Instant,
        reader: EventReader,
        reading: &EventReading,
        out: &mut Output,
    ) {
        let Some(numbered) = numbered(reading) else {
            return;
        };
        match (reader, numbered.event) {
            (EventReader::Lines, event) if self.is_term() => {
                let events = event.err().unwrap_or(1);
                if self.events.notices.admit(now, events) {
                    let mut text = String::new();
                    // A string takes everything, and so does output.
                    let _ = numbered.write_notice(&mut text);
                    self.notice(&text, out);
                }
            }
            (EventReader::Lines, _) => {
                let _ = numbered.write_plain(out);
            }
            // There is a newer one, or it would not be gone.
            (EventReader::Program(_), Err(count)) => self.events.note_dropped(reader, count),
            (EventReader::Program(id), Ok(_)) => {
                let dropped = self.events.take_dropped(reader);
                let _ = writeln!(out, "{}", notifications::event(id, &numbered, dropped));
            }
        }
    }
}
