//! The acknowledgement of a power operation on its way out of a link.

use super::Conversation;
use crate::edge::link::Drain;
use crate::edge::power::Ticket;
use lastword_protocol::message::Pending;
use lastword_protocol::power::Phase;
use std::future::pending;
use std::io;
use tokio::time::Instant;

/// An acknowledgement on its way.
pub(super) struct Ack {
    pub(super) ticket: Ticket,
    /// The position behind it in the output.
    pub(super) position: u64,
    /// When to ask the link again. An instant, not a span: a peer that never stops talking must
    /// not put it off for ever.
    pub(super) again: Instant,
}

/// Waits until the operation is released (true), or over.
pub(super) async fn released(ack: Option<&mut Ack>) -> bool {
    match ack {
        Some(ack) => ack.ticket.changed().await,
        None => pending().await,
    }
}

impl Conversation<'_> {
    /// Returns when to look again for the drain of an acknowledgement.
    pub(super) fn drain_deadline(&self) -> Option<Instant> {
        let draining = self.ack.as_ref().filter(|ack| ack.ticket.is_draining());
        draining.map(|it| it.again)
    }

    /// Returns whether events may be told. Between an acknowledgement and the release that it is evidence for
    /// nothing is said that need not be; while a delay runs, though, it has left long since.
    pub(super) fn may_tell_events(&self) -> bool {
        self.may_speak_unasked() && self.session.wants_events()
    }

    /// Returns whether the parts of streams and transfers may be sent: behind an acknowledgement only events.
    pub(super) fn may_send_bulk(&self) -> bool {
        self.ack.is_none() || self.session.has_event_frame() && self.may_speak_unasked()
    }

    fn may_speak_unasked(&self) -> bool {
        let is_scheduled = |it: Pending| it.phase == Phase::Scheduled;
        match &self.ack {
            None => true,
            Some(ack) => {
                ack.ticket.has_left() && self.room.world.pending().is_some_and(is_scheduled)
            }
        }
    }

    /// Asks the link whether the acknowledgement has left.
    pub(super) fn look_for_drain(&mut self) -> io::Result<()> {
        let Some(ack) = self.ack.as_mut().filter(|ack| ack.ticket.is_draining()) else {
            return Ok(());
        };
        match self.link.drained(ack.ticket.await_close())? {
            Drain::Pending(again) => ack.again = Instant::now() + again,
            Drain::Left(evidence) => ack.ticket.drained(evidence),
        }
        Ok(())
    }

    /// Notes that the operation is released, so that its acknowledgement was the last word; or that it is
    /// over, and the board has stayed up.
    pub(super) fn note_released(&mut self, released: bool) {
        if released {
            return self.session.mute();
        }
        self.ack = None;
        let now = self.room.clock.now();
        self.session.unmute(now, &*self.room.world);
    }
}
