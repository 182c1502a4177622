//! Answers that are longer than a reply, read as their chunks come.

use super::{CallError, Client, REQUEST_BYTES, Unwelcome};
use lastword_protocol::Instant;
use lastword_protocol::caller::{Effect, Patience};
use lastword_protocol::message::Reply;
use lastword_protocol::stream::{
    ChunkDecision, StreamChunk, StreamControl, StreamEnd, StreamFrame, StreamReader,
};

impl Client {
    /// The reader of what a reply does not hold of an answer, for [`Client::read_on`].
    #[must_use]
    pub fn rest_of(&self, reply: &Reply) -> Option<StreamReader> {
        let Reply::Items(page) = reply else {
            return None;
        };
        let Patience {
            reply, attempts, ..
        } = self.patience;
        let now = self.clock.now();
        page.stream
            .map(|stream| StreamReader::new(stream, reply, attempts, now))
    }

    /// Waits for the next page, and for a refusal behind it: each but the last has more behind it, and then
    /// there is no `reader` any more. Without one there is nothing to wait for.
    ///
    /// # Errors
    ///
    /// [`CallError`]: the rest of the answer cannot be had.
    pub async fn read_on(
        &mut self,
        reader: &mut Option<StreamReader>,
    ) -> Result<Vec<Reply>, CallError> {
        let Some(rest) = reader else {
            return Ok(Vec::new());
        };
        let replies = self.next_page(rest).await?;
        reader.take_if(|rest| rest.end().is_some());
        Ok(replies)
    }

    async fn next_page(&mut self, reader: &mut StreamReader) -> Result<Vec<Reply>, CallError> {
        let mut last = ChunkDecision::Copy;
        loop {
            let now = self.clock.now();
            if reader.has_given_up(now) {
                return Err(CallError::Silent);
            }
            if let Some(control) = reader.credit(now, last) {
                self.send_control(&control).await?;
            }
            last = ChunkDecision::Copy;
            let chunk = match self.next_frame(reader.deadline()).await? {
                Some(StreamFrame::Chunk(chunk) | StreamFrame::Events(chunk)) => chunk,
                Some(StreamFrame::Idle(idle)) => {
                    reader.receive_idle(self.clock.now(), &idle);
                    continue;
                }
                None => continue,
            };
            last = reader.receive(self.clock.now(), &chunk);
            if last == ChunkDecision::Take {
                if let Some(control) = reader.credit(self.clock.now(), last) {
                    self.send_control(&control).await?;
                }
                return replies(chunk).ok_or(CallError::StreamLost);
            }
        }
    }

    /// Tells the board that the rest of an answer is not wanted.
    ///
    /// # Errors
    ///
    /// [`CallError`] if the board cannot be told.
    pub async fn cancel_stream(&mut self, reader: &StreamReader) -> Result<(), CallError> {
        self.send_control(&StreamControl::Cancel(reader.stream()))
            .await
    }

    async fn send_control(&mut self, control: &StreamControl) -> Result<(), CallError> {
        let packet = self.caller.control(control)?;
        Ok(self.send(&packet).await?)
    }

    /// Waits for a frame of any stream, at most until `until`.
    async fn next_frame(
        &mut self,
        until: Option<Instant>,
    ) -> Result<Option<StreamFrame>, CallError> {
        loop {
            match self.next_effect(until).await? {
                None => return Ok(None),
                Some(Effect::<REQUEST_BYTES>::Stream(frame)) => return Ok(Some(frame)),
                Some(Effect::Restarted(identity)) => {
                    return Err(CallError::Restarted(Box::new(identity)));
                }
                Some(Effect::Busy(busy)) => return Err(Unwelcome::Busy(busy).into()),
                Some(_) => {}
            }
        }
    }
}

/// Returns what a chunk says, as replies; `None` if the board does not know its stream.
fn replies(chunk: StreamChunk) -> Option<Vec<Reply>> {
    let StreamChunk {
        stream, page, end, ..
    } = chunk;
    Some(match end {
        None => vec![Reply::Items(page.in_front_of(stream))],
        Some(StreamEnd::Complete) => vec![Reply::Items(page)],
        Some(StreamEnd::Refused(refusal)) if page.is_empty() => vec![Reply::Refused(refusal)],
        Some(StreamEnd::Refused(refusal)) => {
            vec![
                Reply::Items(page.in_front_of(stream)),
                Reply::Refused(refusal),
            ]
        }
        Some(StreamEnd::Unknown) => return None,
    })
}
