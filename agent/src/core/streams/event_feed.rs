//! The events of one stream: which, and how far they were taken.

use crate::core::events::{EventCursor, EventReading, EventRing};
use lastword_protocol::message::event::{EventTopics, EventsRequest};
use lastword_protocol::message::service::{Item, Page};

/// Events of some topics, from a position on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventFeed {
    topics: EventTopics,
    cursor: EventCursor,
    /// The position behind the last that is wanted; none if they are wanted for as long as they come.
    until: Option<EventCursor>,
}

impl EventFeed {
    /// Returns what `request` asks for of what is in the ring, and of what will be.
    #[must_use]
    pub fn new(request: &EventsRequest, ring: &EventRing) -> Self {
        Self {
            topics: request.topics,
            cursor: ring.tail(request.topics, request.tail.into()),
            until: (!request.follow).then(|| ring.end()),
        }
    }

    /// Returns whether events that are still to come belong to it.
    #[must_use]
    pub const fn follows(&self) -> bool {
        self.until.is_none()
    }

    /// Returns whether [`EventFeed::take_page`] would return one.
    #[must_use]
    pub fn has_more(&self, ring: &EventRing) -> bool {
        self.until.is_some() || ring.has_more(self.topics, &self.cursor)
    }

    /// Takes the next events, as many as fit a page, and counts those that are gone among them. The page has more
    /// behind it unless it is the last. `None` if there is nothing to tell yet.
    pub fn take_page(&mut self, ring: &EventRing) -> Option<(Page, u64)> {
        let (mut page, mut dropped) = (Page::default().and_more(), 0);
        loop {
            let mut behind = self.cursor;
            let Some(reading) = ring.read(self.topics, &mut behind, self.until) else {
                if self.until.is_some() {
                    page.stream = None;
                } else if page.is_empty() {
                    return None;
                }
                return Some((page, dropped));
            };
            if !push(&mut page, &reading) {
                return Some((page, dropped));
            }
            if let EventReading::Dropped { count, .. } = reading {
                dropped += count;
            }
            self.cursor = behind;
        }
    }
}

/// Appends what was read; `false` if it does not fit any more. What nobody can read is left out.
fn push(page: &mut Page, reading: &EventReading) -> bool {
    match reading {
        EventReading::Event(kept) => kept.event().is_none_or(|event| {
            let sequence = kept.sequence;
            page.push(&Item::Event { sequence, event })
        }),
        EventReading::Dropped { sequence, count } => page.push(&Item::EventsDropped {
            sequence: *sequence,
            count: *count,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastword_protocol::OperationId;
    use lastword_protocol::message::event::{BoardEvent, EventTopic, PowerEvent, PowerStep};
    use lastword_protocol::power::Operation;

    const POWER: EventTopics = EventTopics::NONE.with(EventTopic::Power);

    /// A ring in which so many events were pushed, and which keeps the last `kept`.
    fn ring(kept: usize, pushed: u64) -> EventRing {
        let mut ring = EventRing::new(kept, usize::MAX);
        for id in 1..=pushed {
            push(&mut ring, id);
        }
        ring
    }

    fn push(ring: &mut EventRing, id: u64) {
        ring.push(&BoardEvent::Power(PowerEvent {
            at_unix_ms: 1_700_000_000_000,
            id: OperationId(id),
            operation: Operation::Reboot,
            step: PowerStep::Staged,
        }));
    }

    fn feed(ring: &EventRing, tail: u16, follow: bool) -> EventFeed {
        let request = EventsRequest {
            topics: POWER,
            tail,
            follow,
        };
        EventFeed::new(&request, ring)
    }

    fn sequences(page: &Page) -> Vec<u64> {
        let sequence = |item| match item {
            Item::Event { sequence, .. } | Item::EventsDropped { sequence, .. } => sequence,
            item => panic!("{item:?}"),
        };
        page.items().map(sequence).collect()
    }

    #[test]
    fn a_list_ends_with_what_was_there_when_it_was_asked_for() {
        let mut ring = ring(100, 100);
        let mut list = feed(&ring, 100, false);
        push(&mut ring, 101);
        let mut all = Vec::new();
        loop {
            let (page, dropped) = list.take_page(&ring).unwrap();
            // The last is one that is not kept any more; the newest came behind the question.
            assert_eq!(dropped, u64::from(all.is_empty()));
            all.extend(sequences(&page));
            if !page.has_more() {
                break;
            }
        }
        assert!(all.iter().copied().eq(1..=100), "{all:?}");
    }

    #[test]
    fn what_is_gone_of_a_list_has_no_number_from_behind_its_end() {
        let mut ring = ring(10, 10);
        let mut list = feed(&ring, 10, false);
        for id in 11..=40 {
            push(&mut ring, id);
        }
        let (page, dropped) = list.take_page(&ring).unwrap();
        assert_eq!(
            (sequences(&page), page.has_more(), dropped),
            (vec![10], false, 10)
        );
    }

    #[test]
    fn an_empty_list_is_one_empty_page() {
        let ring = ring(10, 0);
        let (page, dropped) = feed(&ring, 10, false).take_page(&ring).unwrap();
        assert!(page.is_empty() && !page.has_more() && dropped == 0);
    }

    #[test]
    fn what_is_followed_has_no_page_until_something_happens() {
        let mut ring = ring(10, 5);
        let mut feed = feed(&ring, 0, true);
        assert!(!feed.has_more(&ring));
        assert_eq!(feed.take_page(&ring), None);
        push(&mut ring, 6);
        assert!(feed.has_more(&ring));
        let (page, dropped) = feed.take_page(&ring).unwrap();
        assert_eq!(
            (sequences(&page), page.has_more(), dropped),
            (vec![6], true, 0)
        );
        assert_eq!(feed.take_page(&ring), None);
    }

    #[test]
    fn events_that_are_gone_are_told_at_their_place_and_counted() {
        let mut ring = ring(3, 4);
        let mut feed = feed(&ring, 3, true);
        for id in 5..=9 {
            push(&mut ring, id);
        }
        let (page, dropped) = feed.take_page(&ring).unwrap();
        assert_eq!((sequences(&page), dropped), (vec![6, 7, 8, 9], 5));
    }
}
