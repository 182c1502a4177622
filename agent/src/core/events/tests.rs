//! The ring of events and its readers.

use super::*;
use lastword_protocol::OperationId;
use lastword_protocol::message::event::{LinkKind, PowerEvent, PowerStep, SessionEvent};
use lastword_protocol::power::Operation;
use proptest::prelude::*;

const POWER: EventTopics = EventTopics::NONE.with(EventTopic::Power);
const SESSIONS: EventTopics = EventTopics::NONE.with(EventTopic::Sessions);

fn power() -> BoardEvent<'static> {
    BoardEvent::Power(PowerEvent {
        at_unix_ms: 1,
        id: OperationId(7),
        operation: Operation::Reboot,
        step: PowerStep::Staged,
    })
}

fn session(number: u64) -> BoardEvent<'static> {
    BoardEvent::Session(SessionEvent {
        at_unix_ms: 1,
        number,
        link: LinkKind::Tcp,
        peer: "127.0.0.1:1",
        end: None,
    })
}

/// Reads from `cursor` to the end: `5` an event, `-9/4` four that are gone, the last of them 9.
fn read(ring: &EventRing, topics: EventTopics, mut cursor: EventCursor) -> String {
    let mut words = Vec::new();
    while let Some(reading) = ring.read(topics, &mut cursor, None) {
        words.push(match reading {
            EventReading::Event(event) => event.sequence.to_string(),
            EventReading::Dropped { sequence, count } => format!("-{sequence}/{count}"),
        });
    }
    assert!(!ring.has_more(topics, &cursor));
    words.join(" ")
}

#[test]
fn events_are_numbered_from_one_across_topics() {
    let mut ring = EventRing::default();
    let start = ring.end();
    assert_eq!((ring.push(&power()), ring.push(&session(1))), (1, 2));
    assert_eq!(ring.push(&power()), 3);
    assert_eq!(read(&ring, EventTopics::ALL, start), "1 2 3");
    assert_eq!(read(&ring, POWER, start), "1 3");
    assert_eq!(read(&ring, POWER, ring.end()), "");
}

#[test]
fn what_was_put_in_is_read() {
    let mut ring = EventRing::default();
    let mut cursor = ring.end();
    ring.push(&session(9));
    match ring.read(SESSIONS, &mut cursor, None) {
        Some(EventReading::Event(kept)) => assert_eq!(kept.event(), Some(session(9))),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_falls_behind_is_told_exactly_how_many_of_its_topics_are_gone_and_where() {
    let mut ring = EventRing::new(2, usize::MAX);
    let start = ring.end();
    // 1 is power's, 2 to 6 are sessions', 7 is power's.
    ring.push(&power());
    for number in 0..5 {
        ring.push(&session(number));
    }
    ring.push(&power());
    assert_eq!(read(&ring, SESSIONS, start), "-4/3 5 6");
    assert_eq!(read(&ring, POWER, start), "1 7");
    assert_eq!(read(&ring, EventTopics::ALL, start), "1 -4/3 5 6 7");
}

#[test]
fn a_flood_of_one_topic_drops_nothing_of_another() {
    let mut ring = EventRing::default();
    let start = ring.end();
    ring.push(&power());
    for number in 0..10_000 {
        ring.push(&session(number));
    }
    assert_eq!(read(&ring, POWER, start), "1");
}

#[test]
fn bytes_are_bounded_too() {
    let mut one = [0; EVENT_BYTES];
    let length = session(1).encode(&mut one).unwrap();
    let mut ring = EventRing::new(usize::MAX, 2 * length);
    let start = ring.end();
    for number in 0..3 {
        ring.push(&session(number));
    }
    assert_eq!(read(&ring, SESSIONS, start), "-1/1 2 3");
}

#[test]
fn a_tail_begins_in_front_of_the_last_events_of_its_topics() {
    let mut ring = EventRing::new(2, usize::MAX);
    for event in [power(), session(1), session(2), power(), session(3)] {
        ring.push(&event);
    }
    let tail = |topics, count| read(&ring, topics, ring.tail(topics, count));
    assert_eq!(tail(EventTopics::ALL, 0), "");
    assert_eq!(tail(EventTopics::ALL, 2), "4 5");
    assert_eq!(tail(POWER, 2), "1 4");
    // One of the sessions' is gone, and it is not among the kept ones.
    assert_eq!(tail(EventTopics::ALL, 9), "1 3 4 5");
}

#[test]
fn nothing_behind_the_position_of_interest_is_read() {
    let mut ring = EventRing::default();
    let mut cursor = ring.end();
    ring.push(&power());
    let until = Some(ring.end());
    ring.push(&power());
    assert!(ring.read(POWER, &mut cursor, until).is_some());
    assert_eq!(ring.read(POWER, &mut cursor, until), None);
}

#[test]
fn a_topic_that_is_added_begins_where_it_is_added() {
    let mut ring = EventRing::default();
    let cursor = ring.end();
    ring.push(&power());
    ring.push(&session(1));
    let cursor = cursor.moved_to(ring.end(), SESSIONS);
    ring.push(&session(2));
    assert_eq!(read(&ring, EventTopics::ALL, cursor), "1 3");
}

proptest! {
    /// Reads now and then, whatever happens between: each event of its topics is read once, in
    /// order, or counted among those that are gone.
    #[test]
    fn every_event_is_read_once_or_counted(
        steps in prop::collection::vec((0..4_u8, any::<bool>()), 1..200),
        bits in 1..8_u8,
    ) {
        let topics = EventTopics::from_bits(bits).unwrap();
        let mut ring = EventRing::new(3, usize::MAX);
        let (mut cursor, mut last, mut accounted, mut pushed) = (ring.end(), 0, 0, 0);
        for (kind, drains) in steps {
            let event = if kind % 2 == 0 { power() } else { session(1) };
            ring.push(&event);
            pushed += u64::from(topics.contains(event.topic()));
            if kind < 2 {
                continue;
            }
            while let Some(reading) = ring.read(topics, &mut cursor, None) {
                prop_assert!(reading.sequence() > last);
                last = reading.sequence();
                accounted += match reading {
                    EventReading::Event(_) => 1,
                    EventReading::Dropped { count, .. } => count,
                };
                if !drains {
                    break;
                }
            }
        }
        while let Some(reading) = ring.read(topics, &mut cursor, None) {
            accounted += match reading {
                EventReading::Event(_) => 1,
                EventReading::Dropped { count, .. } => count,
            };
        }
        prop_assert_eq!(accounted, pushed);
    }
}
