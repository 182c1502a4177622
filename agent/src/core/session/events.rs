//! The events of a session, as its edge has them told.

use super::Session;
use super::follow::ROWS_OUTPUT_BYTES;
use crate::core::world::World;
use lastword_protocol::Instant;

/// The most events that a session tells in one turn.
pub const EVENTS_PER_TURN: usize = 16;

impl Session {
    /// Returns whether events can be told now: it has subscribed to some, says nothing else, and has room
    /// for what it says. If so, have it told by [`Session::tell_events`] that there are new ones; if not,
    /// they stay where they are.
    #[must_use]
    pub fn wants_events(&self) -> bool {
        self.has_room_for_events() && (self.lines.may_tell_events() || self.frames.want_events())
    }

    fn has_room_for_events(&self) -> bool {
        let has_room = self.output.len() < ROWS_OUTPUT_BYTES && !self.output.is_muted();
        has_room && self.end.is_none()
    }

    /// Returns whether there is something for [`Session::tell_events`] to say.
    #[must_use]
    pub fn has_event(&self, world: &dyn World) -> bool {
        self.has_room_for_events() && (self.lines.has_event(world) || self.frames.has_event(world))
    }

    /// Tells what has happened, for one turn, as [`Session::wants_events`] allows.
    pub fn tell_events(&mut self, now: Instant, world: &dyn World) {
        if self.wants_events() {
            self.await_progress(now);
            self.lines.tell_events(now, &mut self.output, world);
            self.frames.take_events(world);
        }
    }

    /// Returns whether [`Session::say_bulk_frame`] says events first.
    #[must_use]
    pub fn has_event_frame(&self) -> bool {
        self.frames.has_event_frame()
    }

    /// Returns when to tell a person how many events were not shown.
    pub(super) fn events_deadline(&self) -> Option<Instant> {
        let deadline = self.lines.events_deadline();
        deadline.filter(|_| self.wants_events())
    }

    /// Returns when the transfer of the link's owner has something to do.
    pub(super) fn transfer_deadline(&self) -> Option<Instant> {
        let may_say = !self.output.is_muted() && self.end.is_none();
        self.frames.transfer_deadline().filter(|_| may_say)
    }

    /// Tells a person how many events were not shown, once that is due.
    pub(super) fn tell_hidden_events(&mut self, now: Instant) {
        if self.wants_events() {
            self.lines.tell_hidden_events(now, &mut self.output);
        }
    }
}
