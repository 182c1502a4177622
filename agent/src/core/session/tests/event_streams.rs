//! Events that a client in frames reads: which come, and what goes before them.

use super::events::{EventfulBoard, power_event, session_events};
use super::*;
use crate::core::events::LANE_EVENTS;
use lastword_protocol::message::event::{EventTopic, EventTopics, EventsRequest};
use lastword_protocol::message::service::Item;
use lastword_protocol::stream::{ChunkDecision, StreamReader};

/// A client in frames, and the session that tells it events.
struct EventClient {
    board: EventfulBoard,
    session: Session,
    now: Instant,
    nonce: Nonce,
    sequence: u16,
    reader: Option<StreamReader>,
}

impl EventClient {
    fn new(traits: Traits) -> Self {
        Self::of(traits, &Bench::house(), EventfulBoard::default())
    }

    /// A client of a board that others may share.
    fn of(traits: Traits, house: &House, board: EventfulBoard) -> Self {
        let mut client = Self {
            board,
            session: Session::new(traits, house, Nonce(1), Instant(0)),
            now: Instant(0),
            nonce: Nonce(0),
            sequence: 0,
            reader: None,
        };
        let said = client.send(&ask_hello(CLIENT, false));
        client.nonce = welcomed(&said);
        client
    }

    /// Sends bytes; returns what the session says.
    fn send(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.session.receive(self.now, bytes, &self.board);
        self.said()
    }

    /// Takes what the session says, as its edge has it said.
    fn said(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        loop {
            said.extend_from_slice(self.session.output().front());
            let count = self.session.output().len();
            self.session.wrote(self.now, count);
            if self.session.has_work() {
                self.session.work(self.now, &self.board);
            } else if self.session.has_event(&self.board) {
                self.session.tell_events(self.now, &self.board);
            } else if self.session.has_bulk_frame() {
                self.session.say_bulk_frame(self.now);
            } else {
                return said;
            }
        }
    }

    fn request(&mut self, asked: &Request) -> Vec<u8> {
        self.sequence += 1;
        self.send(&request(self.nonce, self.sequence, asked))
    }

    /// Asks for events; the reader of those is this client's from now on.
    fn ask(&mut self, topics: EventTopics, tail: u16, follow: bool) -> StreamId {
        let asked = Request::Events(EventsRequest {
            topics,
            tail,
            follow,
        });
        let said = self.request(&asked);
        let replies = replies(&said, self.nonce);
        let [Reply::Items(page)] = replies.as_slice() else {
            panic!("{replies:?}");
        };
        assert!(page.is_empty());
        let stream = page.stream.expect("it has a stream");
        self.reader = Some(StreamReader::new(stream, Millis(1_000), 5, self.now));
        stream
    }

    /// Takes what has come as a reader of the stream does; returns the numbers of the events, and of those that are
    /// gone how many.
    fn read(&mut self) -> Vec<Result<u64, u64>> {
        let mut taken = Vec::new();
        let mut last = ChunkDecision::Copy;
        let mut said = self.said();
        loop {
            let reader = self.reader.as_mut().expect("it has asked");
            for frame in stream_frames(&said, self.nonce) {
                let StreamFrame::Events(chunk) = frame else {
                    panic!("{frame:?}");
                };
                last = reader.receive(self.now, &chunk);
                if last == ChunkDecision::Take {
                    taken.extend(chunk.page.items().map(|item| match item {
                        Item::Event { sequence, .. } => Ok(sequence),
                        Item::EventsDropped { count, .. } => Err(count),
                        item => panic!("{item:?}"),
                    }));
                }
            }
            let has_ended = reader.end().is_some();
            let Some(credit) = reader.credit(self.now, last) else {
                return taken;
            };
            let credit: Packet<FRAME_BYTES> = credit.frame(self.nonce).unwrap();
            said = self.send(&credit);
            if has_ended {
                assert!(said.is_empty(), "a farewell has no answer");
                return taken;
            }
        }
    }
}

fn stream_frames(bytes: &[u8], nonce: Nonce) -> Vec<StreamFrame> {
    let mut decoder = Decoder::<FRAME_BYTES>::new(Manner::HOST);
    decoder.enter(Some(nonce));
    let mut found = Vec::new();
    for byte in bytes {
        if let Step::Frame(frame) = decoder.push(Instant(0), *byte) {
            found.extend(StreamFrame::read(&frame));
        }
    }
    found
}

fn replies(bytes: &[u8], nonce: Nonce) -> Vec<Reply> {
    let mut decoder = Decoder::<FRAME_BYTES>::new(Manner::HOST);
    decoder.enter(Some(nonce));
    let mut found = Vec::new();
    for byte in bytes {
        if let Step::Frame(frame) = decoder.push(Instant(0), *byte)
            && frame.header.class == Class::Reply
        {
            found.push(Reply::decode(frame.header.opcode, frame.body).unwrap());
        }
    }
    found
}

const POWER: EventTopics = EventTopics::NONE.with(EventTopic::Power);

#[test]
fn a_list_holds_the_newest_events_of_its_topics_and_ends() {
    let mut client = EventClient::new(TCP);
    for _ in 0..100 {
        client.board.push(&power_event());
    }
    session_events(&client.board, 50);
    client.ask(POWER, 60, false);
    let read = client.read();
    assert!(read.into_iter().eq((41..=100).map(Ok)));
    let reader = client.reader.as_ref().unwrap();
    assert_eq!(reader.end(), Some(&StreamEnd::Complete));
}

#[test]
fn an_empty_list_ends_at_once() {
    let mut client = EventClient::new(TCP);
    client.ask(EventTopics::ALL, 100, false);
    assert_eq!(client.read(), []);
    let reader = client.reader.as_ref().unwrap();
    assert_eq!(reader.end(), Some(&StreamEnd::Complete));
}

#[test]
fn what_is_followed_comes_as_it_happens_on_a_connection_and_on_a_line() {
    for traits in [TCP, UART] {
        let mut client = EventClient::new(traits);
        client.board.push(&power_event());
        client.ask(POWER, 0, true);
        assert_eq!(client.read(), []);
        for number in 2..50 {
            client.board.push(&power_event());
            assert_eq!(client.read(), [Ok(number)]);
        }
    }
}

#[test]
fn without_credit_nothing_is_told_and_what_is_gone_is_counted() {
    let mut client = EventClient::new(TCP);
    client.ask(POWER, 0, true);
    let pushed = LANE_EVENTS as u64 + 500;
    for _ in 0..pushed {
        client.board.push(&power_event());
        assert!(!client.session.wants_events());
        assert!(client.said().is_empty());
    }
    let read = client.read();
    assert_eq!(read[0], Err(500));
    assert!(read[1..].iter().copied().eq((501..=pushed).map(Ok)));
    assert_eq!(client.reader.as_ref().unwrap().dropped(), 500);
}

#[test]
fn a_subscription_gives_way_to_no_list_but_to_another_subscription() {
    let mut client = EventClient::new(TCP);
    let first = client.ask(POWER, 0, true);
    let subscription = client.reader.take();
    for _ in 0..10 {
        client.ask(EventTopics::ALL, 0, false);
    }
    client.reader = subscription;
    client.board.push(&power_event());
    assert_eq!(client.read(), [Ok(1)]);
    let forgotten = client.reader.take();
    let second = client.ask(POWER, 0, true);
    assert_ne!(first, second);
    client.reader = forgotten;
    client.board.push(&power_event());
    let credit = StreamControl::Credit(StreamCredit {
        stream: first,
        acknowledged: 1,
        limit: 9,
        again: true,
    });
    let credit: Packet<FRAME_BYTES> = credit.frame(client.nonce).unwrap();
    let said = client.send(&credit);
    let unknown = StreamChunk::unknown(first);
    assert_eq!(
        stream_frames(&said, client.nonce),
        [StreamFrame::Chunk(unknown)]
    );
}

#[test]
fn a_stream_goes_on_over_the_link_that_its_session_has_now_and_over_no_other() {
    let (house, board) = (Bench::house(), EventfulBoard::default());
    let mut old = EventClient::of(TCP, &house, board.clone());
    let stream = old.ask(POWER, 0, true);
    assert_eq!(old.read(), []);
    let mut new = EventClient::of(TCP, &house, board.clone());
    new.reader = old.reader.take();
    for number in 1..=20 {
        board.push(&power_event());
        assert!(!old.session.wants_events() && !old.session.has_bulk_frame());
        assert!(old.said().is_empty(), "{number}");
        assert_eq!(new.read(), [Ok(number)]);
    }
    // What is asked for on the old link comes on the new one.
    let credit = StreamControl::Credit(StreamCredit {
        stream,
        acknowledged: 0,
        limit: 8,
        again: true,
    });
    let credit: Packet<FRAME_BYTES> = credit.frame(old.nonce).unwrap();
    assert!(old.send(&credit).is_empty());
}

#[test]
fn whoever_follows_events_need_not_say_anything() {
    let mut client = EventClient::new(TCP);
    client.ask(POWER, 0, true);
    let idle = client.session.deadline(client.now, &client.board);
    assert_eq!(idle, None);
}

#[test]
fn whoever_acknowledges_more_than_was_sent_has_all_of_it_and_is_told_so() {
    let mut client = EventClient::new(TCP);
    let stream = client.ask(POWER, 0, true);
    client.read();
    client.board.push(&power_event());
    client.read();
    let credit = StreamControl::Credit(StreamCredit {
        stream,
        acknowledged: 500,
        limit: 600,
        again: true,
    });
    let credit: Packet<FRAME_BYTES> = credit.frame(client.nonce).unwrap();
    let said = client.send(&credit);
    let idle = StreamFrame::Idle(StreamIdle { stream, next: 1 });
    assert_eq!(stream_frames(&said, client.nonce), [idle]);
}

#[test]
fn a_reply_goes_before_events() {
    let mut client = EventClient::new(TCP);
    client.ask(POWER, 0, true);
    client.read();
    for _ in 0..100 {
        client.board.push(&power_event());
    }
    let said = client.request(&Request::Uptime);
    let first = opcodes(&said, client.nonce)[0];
    assert_eq!(first.0, Class::Reply);
    assert!(stream_frames(&said, client.nonce).len() > 1);
}

#[test]
fn a_board_that_keeps_no_events_says_so() {
    let mut bench = Bench::new(TCP);
    bench.receive(&ask_hello(CLIENT, false));
    let nonce = welcomed(&std::mem::take(&mut bench.said));
    let asked = Request::Events(EventsRequest {
        topics: POWER,
        tail: 1,
        follow: false,
    });
    bench.receive(&request(nonce, 1, &asked));
    let replies = replies(&bench.said, nonce);
    let [Reply::Refused(refusal)] = replies.as_slice() else {
        panic!("{replies:?}");
    };
    assert_eq!(refusal.code, Code::NotHere);
}
