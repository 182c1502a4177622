//! The streams of a client: what is left of answers that are longer than a reply, and how far it was sent.

mod event_feed;

pub use event_feed::EventFeed;

use super::events::EventRing;
use super::log::range::LogRange;
use super::service::answer::ANSWER_PAGES;
use lastword_protocol::message::Reply;
use lastword_protocol::refusal::Code;
use lastword_protocol::stream::{
    STREAM_WINDOW, StreamChunk, StreamControl, StreamCredit, StreamEnd, StreamFrame, StreamId,
    StreamIdle,
};
use std::collections::VecDeque;
use std::mem;

/// The most streams of a client at once. Those that were opened first give way, also to keep all their pages
/// below those of the longest answer.
pub const STREAMS: usize = 4;

/// The rest of one answer.
#[derive(Debug)]
struct OpenStream {
    id: StreamId,
    /// The pages that were not sent yet.
    pages: VecDeque<Reply>,
    /// What those do not hold.
    rest: StreamSource,
    /// The chunks that were sent and are not acknowledged.
    kept: VecDeque<StreamChunk>,
    /// The first chunk that is not acknowledged.
    acknowledged: u64,
    /// The next chunk to be sent.
    next: u64,
    /// The first chunk for which there is no credit.
    limit: u64,
    /// The bytes of items in all chunks that were made.
    offset: u64,
    /// The lines or events that were missed so far, because its reader was too slow.
    dropped: u64,
    /// True if its reader asks whether anything is there, and there was nothing to send.
    is_asked: bool,
    /// True once the last chunk was made.
    is_ended: bool,
    /// True if its chunks hold events.
    has_events: bool,
}

/// The source of what the pages of a stream do not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
enum StreamSource {
    /// None: they hold all of it.
    Nothing,
    /// This part of a log is to be read once there is credit for it.
    Unread(LogRange),
    /// This part of a log is being read.
    Reading(LogRange),
    /// Events.
    Events(EventFeed),
}

/// The streams of one client.
#[derive(Debug, Default)]
pub struct OpenStreams {
    open: VecDeque<OpenStream>,
    /// The number of streams there ever were.
    count: u32,
    /// Streams that a reader asks for and that are not known.
    unknown: VecDeque<StreamId>,
}

impl OpenStreams {
    /// Opens a stream for the rest of an answer, and returns its name.
    pub fn open(&mut self, pages: VecDeque<Reply>, rest: Option<LogRange>) -> StreamId {
        self.make_room(pages.len());
        self.add(
            pages,
            rest.map_or(StreamSource::Nothing, StreamSource::Unread),
        )
    }

    /// Opens a stream of events, and returns its name. A client has one for events that are still to come: it does not
    /// give way to answers, but to another of its kind.
    pub fn open_events(&mut self, feed: EventFeed) -> StreamId {
        if feed.follows() {
            self.open.retain(|it| !it.is_subscription());
        } else {
            self.make_room(0);
        }
        self.add(VecDeque::new(), StreamSource::Events(feed))
    }

    /// Makes room for one more answer of so many pages.
    fn make_room(&mut self, pages: usize) {
        let answers = |it: &Self| it.open.iter().filter(|it| !it.is_subscription()).count();
        while (answers(self) >= STREAMS || self.pages() + pages > ANSWER_PAGES)
            && let Some(oldest) = self.open.iter().position(|it| !it.is_subscription())
        {
            self.open.remove(oldest);
        }
    }

    fn add(&mut self, pages: VecDeque<Reply>, rest: StreamSource) -> StreamId {
        self.count = self.count.checked_add(1).unwrap_or(1);
        let id = StreamId(self.count);
        let has_events = matches!(rest, StreamSource::Events(_));
        self.open.push_back(OpenStream {
            id,
            pages,
            rest,
            kept: VecDeque::new(),
            acknowledged: 0,
            next: 0,
            limit: 0,
            offset: 0,
            dropped: 0,
            is_asked: false,
            is_ended: false,
            has_events,
        });
        id
    }

    /// Returns how many pages they hold.
    #[must_use]
    pub fn pages(&self) -> usize {
        let pages = self.open.iter().map(|it| it.pages.len() + it.kept.len());
        pages.sum()
    }

    /// Does what a reader says.
    pub fn control(&mut self, control: &StreamControl) {
        match control {
            StreamControl::Credit(credit) => {
                if let Some(stream) = self.find(credit.stream) {
                    stream.credit(*credit);
                } else if credit.acknowledged < credit.limit && self.unknown.len() < STREAMS {
                    self.unknown.push_back(credit.stream);
                }
            }
            StreamControl::Cancel(id) => self.open.retain(|it| it.id != *id),
        }
        self.open.retain(|it| !it.is_over());
    }

    /// Returns whether there is a frame to send.
    #[must_use]
    pub fn has_frame(&self) -> bool {
        !self.unknown.is_empty() || self.open.iter().any(OpenStream::has_frame)
    }

    /// Returns whether there is a frame to send that goes before those of transfers.
    #[must_use]
    pub fn has_event_frame(&self) -> bool {
        self.open.iter().any(OpenStream::has_event_frame)
    }

    /// Returns whether there is a stream of events that are still to come.
    #[must_use]
    pub fn is_subscribed(&self) -> bool {
        self.open.iter().any(OpenStream::is_subscription)
    }

    /// Returns whether a reader of events waits for some.
    #[must_use]
    pub fn want_events(&self) -> bool {
        self.open.iter().any(OpenStream::wants_events)
    }

    /// Returns whether [`OpenStreams::take_events`] would take some.
    #[must_use]
    pub fn have_events(&self, ring: &EventRing) -> bool {
        let mut feeds = self.open.iter().filter_map(OpenStream::awaited_feed);
        feeds.any(|feed| feed.has_more(ring))
    }

    /// Takes what has happened into the streams whose readers wait for that, a page each.
    pub fn take_events(&mut self, ring: &EventRing) {
        for stream in &mut self.open {
            stream.take_events(ring);
        }
    }

    /// The next frame to send: events first, then each stream has its turn.
    pub fn take_frame(&mut self) -> Option<StreamFrame> {
        if let Some(id) = self.unknown.pop_front() {
            return Some(StreamFrame::Chunk(StreamChunk::unknown(id)));
        }
        let index = self.open.iter().position(OpenStream::has_event_frame);
        let index = index.or_else(|| self.open.iter().position(OpenStream::has_frame))?;
        self.open.rotate_left(index);
        let frame = self.open.front_mut()?.take_frame();
        self.open.rotate_left(1);
        frame
    }

    /// Returns whether a stream is still wanted.
    #[must_use]
    pub fn knows(&self, id: StreamId) -> bool {
        self.open.iter().any(|it| it.id == id)
    }

    /// Has a part of a log that was being read be read another time: nobody reads it any more.
    pub fn put_back(&mut self, id: StreamId) {
        if let Some(stream) = self.find(id)
            && let StreamSource::Reading(range) = &stream.rest
        {
            stream.limit = stream.next;
            stream.rest = StreamSource::Unread(range.clone());
        }
    }

    /// The next part of a log to be read for one of them: it goes to [`OpenStreams::read`].
    pub fn take_read(&mut self) -> Option<(StreamId, LogRange)> {
        let stream = self.open.iter_mut().find(|it| it.wants_read())?;
        let StreamSource::Unread(range) = &stream.rest else {
            return None;
        };
        let range = range.clone();
        stream.rest = StreamSource::Reading(range.clone());
        Some((stream.id, range))
    }

    /// Takes what was read, and what is left to be read behind it. Where there was no room for it (429) the
    /// reader's next credit has it tried again.
    pub fn read(&mut self, id: StreamId, replies: &[Reply], rest: Option<LogRange>) {
        let Some(stream) = self.find(id) else {
            return;
        };
        let StreamSource::Reading(range) = &stream.rest else {
            return;
        };
        stream.rest = match replies {
            [Reply::Refused(refusal)] if refusal.code == Code::SlowDown => {
                // Not before the reader asks again.
                stream.limit = stream.next;
                StreamSource::Unread(range.clone())
            }
            _ => {
                stream.pages.extend(replies.iter().cloned());
                stream.dropped = rest.as_ref().map_or(stream.dropped, |rest| rest.missed);
                rest.map_or(StreamSource::Nothing, StreamSource::Unread)
            }
        };
    }

    fn find(&mut self, id: StreamId) -> Option<&mut OpenStream> {
        self.open.iter_mut().find(|it| it.id == id)
    }
}

impl OpenStream {
    /// The number of chunks that were made.
    fn made(&self) -> u64 {
        self.acknowledged + self.kept.len() as u64
    }

    fn credit(&mut self, credit: StreamCredit) {
        // Whoever has more than was made has all of that.
        let acknowledged = credit.acknowledged.min(self.made());
        while self.acknowledged < acknowledged {
            self.kept.pop_front();
            self.acknowledged += 1;
        }
        self.next = self.next.max(self.acknowledged);
        let most = self.acknowledged + STREAM_WINDOW;
        self.limit = self.limit.max(credit.limit.min(most));
        // What is asked for again is what this reader lacks, not what an old copy lacked.
        if credit.again && acknowledged == self.acknowledged {
            self.next = self.acknowledged;
            self.is_asked = !self.has_chunk();
        }
    }

    fn has_frame(&self) -> bool {
        self.is_asked || self.has_chunk()
    }

    fn take_frame(&mut self) -> Option<StreamFrame> {
        let is_asked = mem::take(&mut self.is_asked);
        if self.has_chunk() {
            let frame = if self.has_events {
                StreamFrame::Events
            } else {
                StreamFrame::Chunk
            };
            return self.take_chunk().map(frame);
        }
        is_asked.then_some(StreamFrame::Idle(StreamIdle {
            stream: self.id,
            next: self.next,
        }))
    }

    /// Returns whether its reader has all of it.
    fn is_over(&self) -> bool {
        self.is_ended && self.kept.is_empty()
    }

    fn has_chunk(&self) -> bool {
        let is_kept = self.next < self.made();
        self.next < self.limit && (is_kept || !self.is_ended && self.has_page())
    }

    fn has_page(&self) -> bool {
        !self.pages.is_empty() || self.rest == StreamSource::Nothing
    }

    fn wants_read(&self) -> bool {
        self.wants_page() && matches!(self.rest, StreamSource::Unread(_))
    }

    /// Returns whether there is credit for a page that is not there.
    fn wants_page(&self) -> bool {
        let has_credit = self.next < self.limit && self.next == self.made();
        has_credit && self.pages.is_empty()
    }

    fn has_event_frame(&self) -> bool {
        self.has_events && self.has_frame()
    }

    /// Returns whether it is of events that are still to come.
    fn is_subscription(&self) -> bool {
        matches!(&self.rest, StreamSource::Events(feed) if feed.follows())
    }

    fn wants_events(&self) -> bool {
        self.awaited_feed().is_some()
    }

    /// The events of which its reader takes some.
    fn awaited_feed(&self) -> Option<&EventFeed> {
        match &self.rest {
            StreamSource::Events(feed) if self.wants_page() => Some(feed),
            _ => None,
        }
    }

    fn take_events(&mut self, ring: &EventRing) {
        if !self.wants_events() {
            return;
        }
        let StreamSource::Events(feed) = &mut self.rest else {
            return;
        };
        let Some((page, dropped)) = feed.take_page(ring) else {
            return;
        };
        let is_last = !page.has_more();
        self.dropped += dropped;
        self.pages.push_back(Reply::Items(page));
        if is_last {
            self.rest = StreamSource::Nothing;
        }
    }

    fn take_chunk(&mut self) -> Option<StreamChunk> {
        let index = usize::try_from(self.next - self.acknowledged).ok()?;
        if let Some(kept) = self.kept.get(index) {
            self.next += 1;
            return Some(kept.clone());
        }
        let chunk = self.make_chunk();
        self.offset += chunk.page.bytes() as u64;
        self.is_ended = chunk.end.is_some();
        self.next += 1;
        self.kept.push_back(chunk.clone());
        Some(chunk)
    }

    /// Makes a chunk of the next page. A refusal ends the stream, in the place of a page.
    fn make_chunk(&mut self) -> StreamChunk {
        let mut chunk = StreamChunk {
            sequence: self.made(),
            offset: self.offset,
            dropped: self.dropped,
            ..StreamChunk::unknown(self.id)
        };
        chunk.end = match self.pages.pop_front() {
            Some(Reply::Items(mut page)) => {
                let is_last = !page.has_more();
                page.stream = None;
                chunk.page = page;
                is_last.then_some(StreamEnd::Complete)
            }
            Some(Reply::Refused(refusal)) => Some(StreamEnd::Refused(refusal)),
            Some(_) | None => Some(StreamEnd::Complete),
        };
        chunk
    }
}

#[cfg(test)]
mod tests;
