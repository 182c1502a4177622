//! The events that a session has subscribed to: how far each subscription is, and how often a person is told.
//!
//! Events wait in the board's ring until the session has room for them, never in its output.

use super::follows::FollowId;
use crate::core::events::{EventCursor, EventReading, EventRing, SharedEvents};
use lastword_protocol::message::event::EventTopics;
use lastword_protocol::{Instant, Millis};
use lastword_shell::WantedEvents;
use lastword_shell::events::NumberedEvent;

/// The most subscriptions that programs of a session have at once.
pub(super) const EVENT_SUBSCRIPTIONS: usize = 16;
/// The most notices of events that a person is shown within [`NOTICE_WINDOW`]; the others are counted.
const NOTICES_SHOWN: u32 = 10;
const NOTICE_WINDOW: Millis = Millis(1_000);

/// The reader of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventReader {
    /// The one who reads the session's lines: a script or a person.
    Lines,
    /// A program, which knows it by this.
    Program(FollowId),
}

impl EventReader {
    const fn is_program(self) -> bool {
        matches!(self, Self::Program(_))
    }
}

/// One subscription.
#[derive(Clone, Copy, Debug)]
struct EventSubscription {
    reader: EventReader,
    topics: EventTopics,
    cursor: EventCursor,
    /// The number of events that are gone and that a program was not told of yet.
    dropped: u64,
}

/// All subscriptions of a session.
#[derive(Debug, Default)]
pub(super) struct EventSubscriptions {
    all: Vec<EventSubscription>,
    pub(super) notices: NoticeRate,
}

impl EventSubscriptions {
    pub(super) const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns whether programs have as many as they may.
    pub(super) fn is_full(&self) -> bool {
        let programs = self.all.iter().filter(|it| it.reader.is_program());
        programs.count() >= EVENT_SUBSCRIPTIONS
    }

    /// Tells a reader the events of some topics that come behind `end`. Lines have one subscription, to
    /// which topics are added.
    pub(super) fn start(&mut self, reader: EventReader, topics: EventTopics, end: EventCursor) {
        let known = self.all.iter_mut().find(|it| it.reader == reader);
        if let Some(known) = known {
            let added = topics.without(known.topics);
            known.cursor = known.cursor.moved_to(end, added);
            known.topics = known.topics.and(topics);
            return;
        }
        self.all.push(EventSubscription {
            reader,
            topics,
            cursor: end,
            dropped: 0,
        });
    }

    /// Tells no more events of these topics, to programs or to others.
    pub(super) fn stop_topics(&mut self, topics: EventTopics, of_programs: bool) {
        for it in &mut self.all {
            if it.reader.is_program() == of_programs {
                it.topics = it.topics.without(topics);
            }
        }
        self.all.retain(|it| !it.topics.is_empty());
    }

    /// Ends a program's subscription, if there is one of this name.
    pub(super) fn stop(&mut self, id: FollowId) {
        self.all.retain(|it| it.reader != EventReader::Program(id));
    }

    pub(super) fn stop_all(&mut self) {
        self.all.clear();
        self.notices = NoticeRate::default();
    }

    /// Returns whether something has come of a subscription that may be told now.
    pub(super) fn has_more(
        &self,
        ring: &EventRing,
        may_tell: impl Fn(EventReader) -> bool,
    ) -> bool {
        let mut told = self.all.iter().filter(|it| may_tell(it.reader));
        told.any(|it| ring.has_more(it.topics, &it.cursor))
    }

    /// Returns whether any subscription may be told something now.
    pub(super) fn any(&self, may_tell: impl Fn(EventReader) -> bool) -> bool {
        self.all.iter().any(|it| may_tell(it.reader))
    }

    /// Takes the next of what has come of the subscriptions that may be told now. Each has its turn.
    pub(super) fn read(
        &mut self,
        ring: &EventRing,
        may_tell: impl Fn(EventReader) -> bool,
    ) -> Option<(EventReader, EventReading)> {
        for index in 0..self.all.len() {
            let it = &mut self.all[index];
            if may_tell(it.reader)
                && let Some(reading) = ring.read(it.topics, &mut it.cursor, None)
            {
                let reader = it.reader;
                self.all[index..].rotate_left(1);
                return Some((reader, reading));
            }
        }
        None
    }

    /// Adds to what is gone of a program's events.
    pub(super) fn note_dropped(&mut self, reader: EventReader, count: u64) {
        if let Some(it) = self.all.iter_mut().find(|it| it.reader == reader) {
            it.dropped += count;
        }
    }

    /// Takes the number of events that are gone and that a program was not told of.
    pub(super) fn take_dropped(&mut self, reader: EventReader) -> u64 {
        let known = self.all.iter_mut().find(|it| it.reader == reader);
        known.map_or(0, |it| std::mem::take(&mut it.dropped))
    }
}

/// The part of a list of events that is still to be said.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventListing {
    topics: EventTopics,
    cursor: EventCursor,
    /// The end when the list was asked for.
    until: EventCursor,
}

impl EventListing {
    /// Returns the list of what is in the ring now.
    pub(super) fn new(wanted: WantedEvents, ring: &EventRing) -> Self {
        Self {
            topics: wanted.topics,
            cursor: ring.tail(wanted.topics, wanted.tail.into()),
            until: ring.end(),
        }
    }

    /// Takes the next of the list.
    pub(super) fn read(&mut self, events: &SharedEvents) -> Option<EventReading> {
        let ring = events.lock();
        ring.read(self.topics, &mut self.cursor, Some(self.until))
    }
}

/// Returns what was read as it is spelled; `None` for what nobody can read.
pub(super) fn numbered(reading: &EventReading) -> Option<NumberedEvent<'_>> {
    Some(match reading {
        EventReading::Event(kept) => NumberedEvent {
            sequence: kept.sequence,
            event: Ok(kept.event()?),
        },
        EventReading::Dropped { sequence, count } => NumberedEvent {
            sequence: *sequence,
            event: Err(*count),
        },
    })
}

/// The bound on how often a person is told of events.
#[derive(Debug, Default)]
pub(super) struct NoticeRate {
    /// The time of the first of the notices that are counted.
    since: Option<Instant>,
    shown: u32,
    /// The number of events that were not shown since.
    hidden: u64,
}

impl NoticeRate {
    /// Returns whether one more notice may be shown at `now`; if not, its `events` are counted.
    pub(super) fn admit(&mut self, now: Instant, events: u64) -> bool {
        let is_over = |since: Instant| since.after(NOTICE_WINDOW) <= now;
        if self.hidden == 0 && self.since.is_none_or(is_over) {
            (self.since, self.shown) = (Some(now), 0);
        }
        if self.hidden == 0 && self.shown < NOTICES_SHOWN {
            self.shown += 1;
            return true;
        }
        self.hidden = self.hidden.saturating_add(events);
        false
    }

    /// Returns when to tell how many events were not shown, if any were not.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let since = self.since.filter(|_| self.hidden > 0)?;
        Some(since.after(NOTICE_WINDOW))
    }

    /// Takes the number of events that were not shown, once the time for that has come. To tell it is a
    /// notice, too.
    pub(super) fn take_hidden(&mut self, now: Instant) -> Option<u64> {
        self.deadline().filter(|due| *due <= now)?;
        (self.since, self.shown) = (Some(now), 1);
        Some(std::mem::take(&mut self.hidden))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_notices_a_second_are_shown_and_the_others_counted() {
        let mut rate = NoticeRate::default();
        let mut shown = 0;
        for event in 0..1_000 {
            shown += u32::from(rate.admit(Instant(100 + event / 10), 1));
        }
        assert_eq!(shown, NOTICES_SHOWN);
        assert_eq!(rate.deadline(), Some(Instant(1_100)));
        assert_eq!(rate.take_hidden(Instant(1_099)), None);
        assert_eq!(rate.take_hidden(Instant(1_100)), Some(990));
        assert_eq!(rate.take_hidden(Instant(9_999)), None);
        // The count was the first of the next second.
        let shown = (0..20).filter(|_| rate.admit(Instant(1_101), 1)).count();
        assert_eq!(shown, 9);
    }

    #[test]
    fn a_slow_trickle_is_shown_as_it_comes() {
        let mut rate = NoticeRate::default();
        assert!((0..1_000).all(|event| rate.admit(Instant(event * 100), 1)));
        assert_eq!(rate.deadline(), None);
    }
}
