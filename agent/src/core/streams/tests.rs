//! Streams: credit, chunks that are sent again, and what is read for them.

use super::*;
use crate::core::log::Cursor;
use lastword_protocol::message::service::{Item, Logs, Page};
use lastword_protocol::refusal::Refusal;
use lastword_protocol::stream::{ChunkDecision, StreamReader};
use lastword_protocol::{Instant, Millis, Text};

const NOTHING: [u64; 0] = [];
const NOBODY: StreamId = StreamId(99);

/// A page that is known by its number.
fn page(number: u64) -> Page {
    let mut page = Page::default();
    assert!(page.push(&Item::Next {
        from: number,
        missed: 0,
    }));
    page
}

/// So many pages, each but the last with more behind it.
fn pages(count: u64) -> VecDeque<Reply> {
    let pages = (0..count).map(|number| {
        let page = page(number);
        if number + 1 == count {
            page
        } else {
            page.and_more()
        }
    });
    pages.map(Reply::Items).collect()
}

fn credit(stream: StreamId, acknowledged: u64, limit: u64, again: bool) -> StreamControl {
    StreamControl::Credit(StreamCredit {
        stream,
        acknowledged,
        limit,
        again,
    })
}

/// The next chunk that may be sent now.
fn next_chunk(streams: &mut OpenStreams) -> Option<StreamChunk> {
    match streams.take_frame()? {
        StreamFrame::Chunk(chunk) | StreamFrame::Events(chunk) => Some(chunk),
        StreamFrame::Idle(idle) => panic!("{idle:?}"),
    }
}

/// All chunks that may be sent now.
fn chunks(streams: &mut OpenStreams) -> Vec<StreamChunk> {
    std::iter::from_fn(|| next_chunk(streams)).collect()
}

/// The numbers of all chunks that may be sent now.
fn sent(streams: &mut OpenStreams) -> Vec<u64> {
    chunks(streams)
        .into_iter()
        .map(|chunk| chunk.sequence)
        .collect()
}

fn of_pages(count: u64) -> (OpenStreams, StreamId) {
    let mut streams = OpenStreams::default();
    let id = streams.open(pages(count), None);
    (streams, id)
}

fn range() -> LogRange {
    let wanted = Logs {
        name: Text::try_from("camera").unwrap(),
        from: Some(0),
        lines: 100,
        follow: false,
    };
    LogRange::new(&wanted, Cursor(100), false)
}

#[test]
fn nothing_is_sent_without_credit_and_no_more_than_a_window_beyond_what_is_acknowledged() {
    let (mut streams, id) = of_pages(20);
    assert_eq!(sent(&mut streams), NOTHING);
    streams.control(&credit(id, 0, 3, false));
    assert_eq!(sent(&mut streams), [0, 1, 2]);
    streams.control(&credit(id, 0, u64::MAX, false));
    assert_eq!(sent(&mut streams), [3, 4, 5, 6, 7]);
    streams.control(&credit(id, 6, 9, false));
    assert_eq!(sent(&mut streams), [8]);
}

#[test]
fn copies_of_credit_and_old_ones_change_nothing() {
    let (mut streams, id) = of_pages(20);
    streams.control(&credit(id, 0, 8, false));
    sent(&mut streams);
    streams.control(&credit(id, 5, 13, false));
    assert_eq!(sent(&mut streams), [8, 9, 10, 11, 12]);
    for old in [credit(id, 5, 13, false), credit(id, 0, 8, true)] {
        streams.control(&old);
        assert_eq!(sent(&mut streams), NOTHING);
    }
}

#[test]
fn what_is_not_acknowledged_is_sent_again_as_it_was() {
    let (mut streams, id) = of_pages(5);
    streams.control(&credit(id, 0, 8, false));
    let first: Vec<_> = chunks(&mut streams);
    assert_eq!(first.last().unwrap().end, Some(StreamEnd::Complete));
    streams.control(&credit(id, 2, 8, true));
    let again: Vec<_> = chunks(&mut streams);
    assert_eq!(again, first[2..]);
    let bytes = |chunks: &[StreamChunk]| chunks.iter().map(|it| it.page.bytes() as u64).sum();
    for (index, chunk) in first.iter().enumerate() {
        let before: u64 = bytes(&first[..index]);
        assert_eq!(chunk.offset, before);
    }
}

#[test]
fn a_stream_is_forgotten_once_all_of_it_is_acknowledged_or_cancelled() {
    for last in [2, u64::MAX] {
        let (mut streams, id) = of_pages(2);
        streams.control(&credit(id, 0, 8, false));
        assert_eq!(sent(&mut streams), [0, 1]);
        streams.control(&credit(id, last, last, false));
        assert_eq!(streams.open.len(), 0);
        assert_eq!(sent(&mut streams), NOTHING, "a farewell is not answered");
    }
    let (mut streams, id) = of_pages(2);
    streams.control(&StreamControl::Cancel(NOBODY));
    assert_eq!(streams.open.len(), 1);
    streams.control(&StreamControl::Cancel(id));
    assert_eq!(streams.open.len(), 0);
}

#[test]
fn a_reader_of_a_stream_that_is_not_known_is_told_so() {
    let (mut streams, _) = of_pages(2);
    streams.control(&credit(NOBODY, 0, 8, false));
    assert_eq!(next_chunk(&mut streams), Some(StreamChunk::unknown(NOBODY)));
    assert_eq!(next_chunk(&mut streams), None);
}

#[test]
fn the_stream_that_was_opened_first_gives_way() {
    let mut streams = OpenStreams::default();
    let ids: Vec<_> = (0..=STREAMS)
        .map(|_| streams.open(pages(2), None))
        .collect();
    streams.control(&credit(ids[0], 0, 8, false));
    assert_eq!(next_chunk(&mut streams), Some(StreamChunk::unknown(ids[0])));
    for id in &ids[1..] {
        streams.control(&credit(*id, 0, 8, false));
        assert_eq!(sent(&mut streams), [0, 1]);
    }
    let longest = u64::try_from(ANSWER_PAGES).unwrap();
    streams.open(pages(longest), None);
    streams.open(pages(longest), None);
    assert_eq!(streams.open.len(), 1, "pages are bounded, too");
}

#[test]
fn streams_take_turns() {
    let mut streams = OpenStreams::default();
    let ids = [(); 2].map(|()| streams.open(pages(3), None));
    for id in ids {
        streams.control(&credit(id, 0, 8, false));
    }
    let order: Vec<_> = chunks(&mut streams)
        .into_iter()
        .map(|chunk| chunk.stream)
        .collect();
    assert_eq!(order, [ids, ids, ids].concat());
}

#[test]
fn a_refusal_behind_pages_ends_the_stream() {
    let refusal = Refusal::new(Code::Unknown, "no");
    let mut streams = OpenStreams::default();
    let mut replies = pages(1);
    replies[0] = Reply::Items(page(0).and_more());
    replies.push_back(Reply::Refused(refusal.clone()));
    let id = streams.open(replies, None);
    streams.control(&credit(id, 0, 8, false));
    assert_eq!(next_chunk(&mut streams).unwrap().end, None);
    let last = next_chunk(&mut streams).unwrap();
    assert_eq!(last.end, Some(StreamEnd::Refused(refusal)));
    assert!(last.page.is_empty());
}

#[test]
fn the_rest_of_a_log_is_read_as_its_reader_takes_it() {
    let mut streams = OpenStreams::default();
    let id = streams.open(pages(0), Some(range()));
    assert_eq!(streams.take_read(), None, "nobody has asked for it");
    streams.control(&credit(id, 0, 2, false));
    assert_eq!(streams.take_read(), Some((id, range())));
    assert_eq!(streams.take_read(), None, "it is being read");
    assert!(!streams.has_frame());
    let more = [page(0), page(1), page(2)].map(|page| Reply::Items(page.and_more()));
    streams.read(id, &more, Some(range()));
    assert_eq!(sent(&mut streams), [0, 1]);
    assert_eq!(streams.take_read(), None, "there is no credit");
    streams.control(&credit(id, 2, 8, false));
    assert_eq!(sent(&mut streams), [2]);
    assert_eq!(streams.take_read(), Some((id, range())));
    let last: Vec<_> = pages(1).into();
    streams.read(id, &last, None);
    let chunk = next_chunk(&mut streams).unwrap();
    assert_eq!((chunk.sequence, chunk.end), (3, Some(StreamEnd::Complete)));
}

#[test]
fn a_part_of_a_log_for_which_there_was_no_room_is_read_when_its_reader_asks_again() {
    let full = [Reply::Refused(Refusal::new(Code::SlowDown, "later"))];
    let mut streams = OpenStreams::default();
    let id = streams.open(pages(0), Some(range()));
    streams.control(&credit(id, 0, 8, false));
    for _ in 0..3 {
        assert_eq!(streams.take_read(), Some((id, range())));
        streams.read(id, &full, None);
        assert_eq!(streams.take_read(), None);
        assert!(!streams.has_frame());
        streams.control(&credit(id, 0, 8, true));
        let idle = StreamIdle {
            stream: id,
            next: 0,
        };
        assert_eq!(streams.take_frame(), Some(StreamFrame::Idle(idle)));
    }
}

#[test]
fn what_is_read_for_a_stream_that_is_gone_is_for_nobody() {
    let mut streams = OpenStreams::default();
    let id = streams.open(pages(0), Some(range()));
    streams.control(&credit(id, 0, 8, false));
    streams.take_read().unwrap();
    streams.control(&StreamControl::Cancel(id));
    streams.read(id, &Vec::from(pages(1)), None);
    assert!(!streams.has_frame());
}

/// Chance, the same each time (Marsaglia's xorshift).
struct SeededChance(u64);

impl SeededChance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// Puts something on a line that loses, doubles and reorders one in five each.
    fn send<T: Clone>(&mut self, line: &mut VecDeque<T>, sent: T) {
        match self.below(5) {
            0 => {}
            1 => line.extend([sent.clone(), sent]),
            2 => line.push_front(sent),
            _ => line.push_back(sent),
        }
    }
}

/// Reads a stream over a bad line, part of it from a log. Returns the numbers of its pages.
fn read_over_a_bad_line(seed: u64) -> Vec<u64> {
    let mut chance = SeededChance(seed);
    let mut streams = OpenStreams::default();
    let log: Vec<_> = pages(30).into();
    let more = |reply: &Reply| match reply {
        Reply::Items(page) => Reply::Items(page.clone().and_more()),
        reply => reply.clone(),
    };
    let id = streams.open(log[..10].iter().map(more).collect(), Some(range()));
    let mut now = Instant(0);
    let mut reader = StreamReader::new(id, Millis(50), 20, now);
    let (mut there, mut back) = (VecDeque::new(), VecDeque::new());
    let (mut taken, mut unread) = (Vec::new(), &log[10..]);
    let mut last = ChunkDecision::Copy;
    while reader.end().is_none() {
        now = now.after(Millis(1));
        assert!(now < Instant(60_000), "{seed}: {reader:?} {streams:?}");
        assert!(!reader.has_given_up(now), "{seed}: {reader:?}");
        if let Some(control) = reader.credit(now, last) {
            chance.send(&mut there, control);
        }
        last = ChunkDecision::Copy;
        if let Some(control) = there.pop_front() {
            streams.control(&control);
        }
        if let Some((id, range)) = streams.take_read() {
            let (read, rest) = unread.split_at(5);
            unread = rest;
            streams.read(id, read, (!rest.is_empty()).then_some(range));
        }
        if let Some(frame) = streams.take_frame() {
            chance.send(&mut back, frame);
        }
        match back.pop_front() {
            Some(StreamFrame::Idle(idle)) => reader.receive_idle(now, &idle),
            Some(StreamFrame::Chunk(chunk) | StreamFrame::Events(chunk)) => {
                last = reader.receive(now, &chunk);
                take(&chunk, last, &mut taken);
            }
            None => {}
        }
    }
    assert_eq!(reader.end(), Some(&StreamEnd::Complete));
    taken
}

/// Notes the numbers of a chunk's pages, if that is taken.
fn take(chunk: &StreamChunk, decision: ChunkDecision, taken: &mut Vec<u64>) {
    if decision == ChunkDecision::Take {
        let numbers = chunk.page.items().map(|item| match item {
            Item::Next { from, .. } => from,
            item => panic!("{item:?}"),
        });
        taken.extend(numbers);
    }
}

#[test]
fn over_a_line_that_loses_doubles_and_reorders_every_page_comes_once_and_in_order() {
    for seed in 1..=500 {
        let taken = read_over_a_bad_line(seed * 0x9E37_79B9);
        assert!(taken.iter().copied().eq(0..30), "{seed}: {taken:?}");
    }
}

#[test]
fn a_reader_that_asks_again_is_told_that_there_is_nothing_yet() {
    let mut streams = OpenStreams::default();
    let id = streams.open(pages(0), Some(range()));
    streams.control(&credit(id, 0, 8, false));
    assert!(streams.take_read().is_some());
    assert_eq!(streams.take_frame(), None, "nobody has asked");
    for _ in 0..2 {
        streams.control(&credit(id, 0, 8, true));
        let idle = StreamIdle {
            stream: id,
            next: 0,
        };
        assert_eq!(streams.take_frame(), Some(StreamFrame::Idle(idle)));
        assert_eq!(streams.take_frame(), None);
    }
    streams.read(id, &[Reply::Items(page(0).and_more())], Some(range()));
    streams.control(&credit(id, 0, 8, true));
    assert_eq!(sent(&mut streams), [0], "a chunk tells as much");
}

#[test]
fn what_nobody_takes_while_it_is_read_is_read_once_its_reader_asks_again() {
    let mut streams = OpenStreams::default();
    let id = streams.open(pages(0), Some(range()));
    streams.control(&credit(id, 0, 8, false));
    assert!(streams.take_read().is_some());
    streams.put_back(id);
    assert_eq!(streams.take_read(), None, "not before");
    streams.control(&credit(id, 0, 8, true));
    assert_eq!(streams.take_read(), Some((id, range())));
}

#[test]
fn chunks_tell_the_lines_that_were_missed_before_them() {
    let mut streams = OpenStreams::default();
    let id = streams.open(pages(0), Some(range()));
    streams.control(&credit(id, 0, 8, false));
    let mut dropped = Vec::new();
    for missed in [0, 7, 7, 9] {
        assert!(streams.take_read().is_some());
        let mut rest = range();
        rest.missed = missed;
        streams.read(id, &[Reply::Items(page(0).and_more())], Some(rest));
        dropped.extend(chunks(&mut streams).iter().map(|chunk| chunk.dropped));
    }
    assert_eq!(dropped, [0, 7, 7, 9]);
}
