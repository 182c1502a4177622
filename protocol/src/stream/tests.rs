//! The reader of a stream: its credit, gaps and silences.

use super::*;
use crate::message::service::Item;
use crate::units::{Instant, Millis};

const STREAM: StreamId = StreamId(1);
fn page() -> Page {
    let mut page = Page::default();
    assert!(page.push(&Item::Next { from: 1, missed: 0 }));
    page
}

fn chunk(sequence: u64, end: Option<StreamEnd>) -> StreamChunk {
    StreamChunk {
        sequence,
        offset: sequence * page().bytes() as u64,
        end,
        page: page(),
        ..StreamChunk::unknown(STREAM)
    }
}

/// A reader and the time. The credit that it gives is `acknowledged..limit`, with a `!` for again.
struct ReaderBench {
    reader: StreamReader,
    now: Instant,
}

impl ReaderBench {
    fn new() -> Self {
        let now = Instant(0);
        let reader = StreamReader::new(STREAM, Millis(1_000), 3, now);
        Self { reader, now }
    }

    fn credit(&mut self, last: ChunkDecision) -> String {
        match self.reader.credit(self.now, last) {
            Some(StreamControl::Credit(credit)) => {
                let again = if credit.again { "!" } else { "" };
                format!("{}..{}{again}", credit.acknowledged, credit.limit)
            }
            Some(StreamControl::Cancel(_)) => panic!("nobody cancels"),
            None => String::new(),
        }
    }

    #[track_caller]
    fn check(&mut self, chunk: &StreamChunk, decision: ChunkDecision, credit: &str) {
        let decided = self.reader.receive(self.now, chunk);
        assert_eq!(decided, decision, "{chunk:?}");
        assert_eq!(self.credit(decided), credit, "behind {chunk:?}");
    }

    #[track_caller]
    fn wait(&mut self, millis: u64, credit: &str) {
        self.now = self.now.after(Millis(millis));
        assert_eq!(self.credit(ChunkDecision::Copy), credit);
    }
}

#[test]
fn credit_is_given_at_first_for_every_half_window_and_at_the_end() {
    let mut reading = ReaderBench::new();
    assert_eq!(reading.credit(ChunkDecision::Copy), "0..8");
    for sequence in 0..3 {
        reading.check(&chunk(sequence, None), ChunkDecision::Take, "");
    }
    reading.check(&chunk(3, None), ChunkDecision::Take, "4..12");
    let last = chunk(4, Some(StreamEnd::Complete));
    reading.check(&last, ChunkDecision::Take, "5..13");
    assert_eq!(reading.reader.end(), Some(&StreamEnd::Complete));
    assert_eq!(reading.reader.deadline(), None);
    reading.check(&last, ChunkDecision::Foreign, "5..13");
}

#[test]
fn a_gap_is_told_once_and_copies_are_dropped() {
    let mut reading = ReaderBench::new();
    reading.credit(ChunkDecision::Copy);
    reading.check(&chunk(0, None), ChunkDecision::Take, "");
    reading.check(&chunk(2, None), ChunkDecision::Gap, "1..9!");
    reading.check(&chunk(3, None), ChunkDecision::Gap, "");
    reading.check(&chunk(0, None), ChunkDecision::Copy, "");
    reading.check(&chunk(1, None), ChunkDecision::Take, "");
    reading.check(&chunk(3, None), ChunkDecision::Gap, "2..10!");
}

#[test]
fn a_chunk_that_is_lost_again_is_asked_for_again_once_the_board_has_gone_back() {
    let mut reading = ReaderBench::new();
    reading.credit(ChunkDecision::Copy);
    reading.check(&chunk(1, None), ChunkDecision::Gap, "0..8!");
    reading.check(&chunk(2, None), ChunkDecision::Gap, "");
    // 0 is lost once more, and what is behind it comes again.
    reading.check(&chunk(1, None), ChunkDecision::Gap, "0..8!");
    reading.check(&chunk(2, None), ChunkDecision::Gap, "");
    reading.check(&chunk(2, None), ChunkDecision::Gap, "0..8!");
    reading.check(&chunk(0, None), ChunkDecision::Take, "");
}

#[test]
fn a_chunk_that_does_not_follow_the_bytes_before_it_is_not_taken() {
    let mut reading = ReaderBench::new();
    reading.credit(ChunkDecision::Copy);
    let shifted = StreamChunk {
        offset: 1,
        ..chunk(0, None)
    };
    reading.check(&shifted, ChunkDecision::Gap, "0..8!");
}

#[test]
fn after_a_silence_what_is_missing_is_asked_for_again_and_then_given_up() {
    let mut reading = ReaderBench::new();
    assert_eq!(reading.credit(ChunkDecision::Copy), "0..8");
    reading.check(&chunk(0, None), ChunkDecision::Take, "");
    reading.wait(999, "");
    for _ in 0..3 {
        assert!(!reading.reader.has_given_up(reading.now));
        reading.wait(1_000, "1..9!");
    }
    assert!(!reading.reader.has_given_up(reading.now));
    reading.now = reading.now.after(Millis(1_000));
    assert!(reading.reader.has_given_up(reading.now));
    reading.check(&chunk(1, None), ChunkDecision::Take, "");
    assert!(
        !reading.reader.has_given_up(reading.now),
        "it is there again"
    );
}

#[test]
fn a_board_that_says_that_nothing_has_come_yet_is_there() {
    let mut reading = ReaderBench::new();
    reading.credit(ChunkDecision::Copy);
    for round in 0..10 {
        reading.wait(1_000, "0..8!");
        let idle = |next| StreamIdle {
            stream: STREAM,
            next,
        };
        reading.reader.receive_idle(reading.now, &idle(0));
        assert!(!reading.reader.has_given_up(reading.now), "{round}");
    }
    // What it has sent, and has not come, is missing.
    for _ in 0..3 {
        let idle = StreamIdle {
            stream: STREAM,
            next: 1,
        };
        reading.wait(1_000, "0..8!");
        reading.reader.receive_idle(reading.now, &idle);
    }
    reading.now = reading.now.after(Millis(1_000));
    assert!(reading.reader.has_given_up(reading.now));
}

#[test]
fn a_stream_that_the_board_does_not_know_is_over_and_needs_no_acknowledgement() {
    let mut reading = ReaderBench::new();
    reading.credit(ChunkDecision::Copy);
    let unknown = StreamChunk::unknown(STREAM);
    reading.check(&unknown, ChunkDecision::Take, "");
    assert_eq!(reading.reader.end(), Some(&StreamEnd::Unknown));
    let other = StreamChunk::unknown(StreamId(2));
    let mut reading = ReaderBench::new();
    assert_eq!(reading.credit(ChunkDecision::Copy), "0..8");
    reading.check(&other, ChunkDecision::Foreign, "");
}
