//! The events of the board: the newest of each topic, and how far each reader is.
//!
//! Nobody who reports an event waits for those who read: they stay in a ring, each topic's in a lane of
//! its own, so that a flood of one topic leaves the others' alone. Readers are cursors. Who falls behind
//! is told how many events of its topics are gone, at the place where they were.

use lastword_protocol::message::event::{BoardEvent, EVENT_BYTES, EventTopic, EventTopics};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most events of a topic that are kept.
pub const LANE_EVENTS: usize = 1_024;
/// The most bytes that the kept events of a topic take, as they stand on the wire.
pub const LANE_BYTES: usize = 64 * 1024;

/// An event that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptEvent {
    /// Its number in the sequence of all events; the first one's is 1.
    pub sequence: u64,
    /// Its form on the wire.
    bytes: Arc<[u8]>,
}

impl KeptEvent {
    /// Returns the event; `None` if it was kept in a form that nobody can read.
    #[must_use]
    pub fn event(&self) -> Option<BoardEvent<'_>> {
        BoardEvent::decode(&self.bytes)
    }
}

/// A position in the sequence of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCursor {
    /// The number of events of each topic in front of it.
    passed: [u64; EventTopic::COUNT],
    /// The number of the newest event in front of it, where it is the end of a ring.
    last: u64,
}

impl EventCursor {
    /// Returns the position that is `other`'s for some topics, and this one's for the rest.
    #[must_use]
    pub fn moved_to(mut self, other: Self, topics: EventTopics) -> Self {
        for topic in topics.iter() {
            self.passed[topic as usize] = other.passed[topic as usize];
        }
        self
    }
}

/// The next thing at a reader's cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventReading {
    /// The next event.
    Event(KeptEvent),
    /// Events that are gone.
    Dropped {
        /// The number of the last of them in the sequence of all events.
        sequence: u64,
        /// Their number.
        count: u64,
    },
}

impl EventReading {
    const fn sequence(&self) -> u64 {
        match self {
            Self::Event(event) => event.sequence,
            Self::Dropped { sequence, .. } => *sequence,
        }
    }
}

/// The newest events of a topic.
#[derive(Debug, Default)]
struct EventLane {
    kept: VecDeque<KeptEvent>,
    /// Their size in bytes.
    bytes: usize,
    /// The number of those that were let go.
    dropped: u64,
    /// The sequence number of the last that was let go.
    last_dropped: u64,
}

impl EventLane {
    fn push(&mut self, event: KeptEvent, limit_events: usize, limit_bytes: usize) {
        self.bytes += event.bytes.len();
        self.kept.push_back(event);
        while self.kept.len() > limit_events || self.bytes > limit_bytes {
            let Some(oldest) = self.kept.pop_front() else {
                return;
            };
            self.bytes -= oldest.bytes.len();
            self.dropped += 1;
            self.last_dropped = oldest.sequence;
        }
    }

    /// Returns how many there ever were.
    fn count(&self) -> u64 {
        self.dropped + self.kept.len() as u64
    }

    /// Returns what is behind so many events.
    fn read(&self, passed: u64) -> Option<EventReading> {
        let Some(index) = passed.checked_sub(self.dropped) else {
            return Some(EventReading::Dropped {
                sequence: self.last_dropped,
                count: self.dropped - passed,
            });
        };
        let event = self.kept.get(usize::try_from(index).ok()?)?;
        Some(EventReading::Event(event.clone()))
    }
}

/// The newest events of each topic.
#[derive(Debug)]
pub struct EventRing {
    lanes: [EventLane; EventTopic::COUNT],
    limit_events: usize,
    limit_bytes: usize,
    last: u64,
}

impl Default for EventRing {
    fn default() -> Self {
        Self::new(LANE_EVENTS, LANE_BYTES)
    }
}

impl EventRing {
    /// Returns an empty one, which keeps so many events of a topic and so many bytes of them.
    #[must_use]
    pub fn new(limit_events: usize, limit_bytes: usize) -> Self {
        Self {
            lanes: Default::default(),
            limit_events,
            limit_bytes,
            last: 0,
        }
    }

    /// Takes an event, whose texts must not be longer than they may be, and returns its number.
    pub fn push(&mut self, event: &BoardEvent<'_>) -> u64 {
        let mut room = [0; EVENT_BYTES];
        let Ok(length) = event.encode(&mut room) else {
            tracing::error!(?event, "an event is longer than it may be");
            return self.last;
        };
        self.last += 1;
        let kept = KeptEvent {
            sequence: self.last,
            bytes: Arc::from(&room[..length]),
        };
        let lane = &mut self.lanes[event.topic() as usize];
        lane.push(kept, self.limit_events, self.limit_bytes);
        self.last
    }

    /// Returns the position behind the newest event.
    #[must_use]
    pub fn end(&self) -> EventCursor {
        let passed = std::array::from_fn(|index| self.lanes[index].count());
        EventCursor {
            passed,
            last: self.last,
        }
    }

    /// Returns the position in front of the last `count` events of these topics that are kept.
    #[must_use]
    pub fn tail(&self, topics: EventTopics, count: usize) -> EventCursor {
        let mut cursor = self.end();
        for _ in 0..count {
            let before = |topic: &EventTopic| {
                let lane = &self.lanes[*topic as usize];
                let index = cursor.passed[*topic as usize].checked_sub(lane.dropped + 1)?;
                let event = lane.kept.get(usize::try_from(index).ok()?)?;
                Some((event.sequence, *topic))
            };
            let newest = topics
                .iter()
                .filter_map(|topic| before(&topic))
                .max_by_key(|it| it.0);
            let Some((_, topic)) = newest else {
                break;
            };
            cursor.passed[topic as usize] -= 1;
        }
        cursor
    }

    /// Returns what comes next of these topics, and moves the cursor behind it. `until`: the position
    /// behind the last of interest, or the end.
    pub fn read(
        &self,
        topics: EventTopics,
        cursor: &mut EventCursor,
        until: Option<EventCursor>,
    ) -> Option<EventReading> {
        let (topic, reading) = self.next(topics, cursor, until)?;
        cursor.passed[topic as usize] += match &reading {
            EventReading::Event(_) => 1,
            EventReading::Dropped { count, .. } => *count,
        };
        Some(reading)
    }

    /// Returns whether anything of these topics is behind the cursor.
    #[must_use]
    pub fn has_more(&self, topics: EventTopics, cursor: &EventCursor) -> bool {
        let mut topics = topics.iter();
        topics.any(|it| cursor.passed[it as usize] < self.lanes[it as usize].count())
    }

    fn next(
        &self,
        topics: EventTopics,
        cursor: &EventCursor,
        until: Option<EventCursor>,
    ) -> Option<(EventTopic, EventReading)> {
        let readings = topics.iter().filter_map(|topic| {
            let passed = cursor.passed[topic as usize];
            let most = until.map_or(u64::MAX, |until| until.passed[topic as usize]);
            let left = most.checked_sub(passed).filter(|left| *left > 0)?;
            let mut reading = self.lanes[topic as usize].read(passed)?;
            if let EventReading::Dropped { sequence, count } = &mut reading {
                *count = left.min(*count);
                // Of those behind the end nothing is told.
                *sequence = until.map_or(*sequence, |until| until.last.min(*sequence));
            }
            Some((topic, reading))
        });
        readings.min_by_key(|(_, reading)| reading.sequence())
    }
}

/// The events of the board, for everybody. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct SharedEvents(Arc<Mutex<EventRing>>);

impl SharedEvents {
    /// Returns the ring. Nothing waits while it is held.
    pub fn lock(&self) -> MutexGuard<'_, EventRing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
