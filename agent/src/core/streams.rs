//! The streams of a client: what is left of answers that are longer than a reply, and how far it was sent.

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
    /// What those do not hold of a log.
    rest: LogRest,
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
    /// The lines that were missed so far, because its reader was too slow.
    dropped: u64,
    /// True if its reader asks whether anything is there, and there was nothing to send.
    is_asked: bool,
    /// True once the last chunk was made.
    is_ended: bool,
}

/// The part of a log that the pages of a stream do not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
enum LogRest {
    /// Nothing.
    Nothing,
    /// This, and it is to be read once there is credit for it.
    Unread(LogRange),
    /// This, and it is being read.
    Reading(LogRange),
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
        self.count = self.count.checked_add(1).unwrap_or(1);
        let id = StreamId(self.count);
        let is_full =
            |it: &Self| it.open.len() >= STREAMS || it.pages() + pages.len() > ANSWER_PAGES;
        while !self.open.is_empty() && is_full(self) {
            self.open.pop_front();
        }
        self.open.push_back(OpenStream {
            id,
            pages,
            rest: rest.map_or(LogRest::Nothing, LogRest::Unread),
            kept: VecDeque::new(),
            acknowledged: 0,
            next: 0,
            limit: 0,
            offset: 0,
            dropped: 0,
            is_asked: false,
            is_ended: false,
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

    /// The next frame to send; each stream has its turn.
    pub fn take_frame(&mut self) -> Option<StreamFrame> {
        if let Some(id) = self.unknown.pop_front() {
            return Some(StreamFrame::Chunk(StreamChunk::unknown(id)));
        }
        let index = self.open.iter().position(OpenStream::has_frame)?;
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
            && let LogRest::Reading(range) = mem::replace(&mut stream.rest, LogRest::Nothing)
        {
            stream.limit = stream.next;
            stream.rest = LogRest::Unread(range);
        }
    }

    /// The next part of a log to be read for one of them: it goes to [`OpenStreams::read`].
    pub fn take_read(&mut self) -> Option<(StreamId, LogRange)> {
        let stream = self.open.iter_mut().find(|it| it.wants_read())?;
        let LogRest::Unread(range) = mem::replace(&mut stream.rest, LogRest::Nothing) else {
            return None;
        };
        stream.rest = LogRest::Reading(range.clone());
        Some((stream.id, range))
    }

    /// Takes what was read, and what is left to be read behind it. Where there was no room for it (429) the
    /// reader's next credit has it tried again.
    pub fn read(&mut self, id: StreamId, replies: &[Reply], rest: Option<LogRange>) {
        let Some(stream) = self.find(id) else {
            return;
        };
        let LogRest::Reading(range) = mem::replace(&mut stream.rest, LogRest::Nothing) else {
            return;
        };
        stream.rest = match replies {
            [Reply::Refused(refusal)] if refusal.code == Code::SlowDown => {
                // Not before the reader asks again.
                stream.limit = stream.next;
                LogRest::Unread(range)
            }
            _ => {
                stream.pages.extend(replies.iter().cloned());
                stream.dropped = rest.as_ref().map_or(stream.dropped, |rest| rest.missed);
                rest.map_or(LogRest::Nothing, LogRest::Unread)
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
        let acknowledged = credit.acknowledged.min(self.made());
        while self.acknowledged < acknowledged {
            self.kept.pop_front();
            self.acknowledged += 1;
        }
        self.next = self.next.max(self.acknowledged);
        let most = self.acknowledged + STREAM_WINDOW;
        self.limit = self.limit.max(credit.limit.min(most));
        // What is asked for again is what this reader lacks, not what an old copy lacked.
        if credit.again && credit.acknowledged == self.acknowledged {
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
            return self.take_chunk().map(StreamFrame::Chunk);
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
        !self.pages.is_empty() || self.rest == LogRest::Nothing
    }

    fn wants_read(&self) -> bool {
        let has_credit = self.next < self.limit && self.next == self.made();
        has_credit && self.pages.is_empty() && matches!(self.rest, LogRest::Unread(_))
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
