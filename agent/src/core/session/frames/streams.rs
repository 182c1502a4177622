//! The streams of a line's owner: their frames, the credit for them, and what is read for them.

use super::{Frames, Owner, send};
use crate::core::clients::{ClientState, SharedSession};
use crate::core::session::deferred_request::{DeferredRequest, Requester};
use crate::core::session::output::Output;
use crate::core::world::Ask;
use lastword_protocol::frame::Frame;
use lastword_protocol::stream::StreamControl;
use lastword_protocol::{Instant, Sequence};

impl Frames {
    /// Returns whether there is a frame of a stream to send.
    pub(in crate::core::session) fn has_stream_frame(&self) -> bool {
        let owner = self.owner.as_ref();
        owner.is_some_and(|it| it.attachment.shared().lock().streams.has_frame())
    }

    /// Returns whether the owner still wants what is read for one of its streams. If not, it is put back.
    pub(in crate::core::session) fn wants_read(&self, request: &DeferredRequest) -> bool {
        let Requester::Stream(client, id) = &request.asker else {
            return true;
        };
        let is_owner = |owner: &Owner| owner.attachment.carries(client);
        let mut is_wanted = self.owner.as_ref().is_some_and(is_owner);
        let mut state = client.lock();
        is_wanted &= state.streams.knows(*id);
        if !is_wanted {
            state.streams.put_back(*id);
        }
        is_wanted
    }

    /// Sends the next frame of a stream. What is to be read for the one behind it is returned.
    pub(in crate::core::session) fn say_stream_frame(
        &mut self,
        out: &mut Output,
    ) -> Option<DeferredRequest> {
        let owner = self.owner.as_ref()?;
        self.count += 1;
        let client = owner.attachment.shared();
        let mut state = client.lock();
        if let Some(frame) = state.streams.take_frame() {
            send(out, frame.frame(state.session.nonce()));
        }
        read_on(client, &mut state)
    }

    /// Takes what the owner says of its streams.
    pub(super) fn control(&mut self, now: Instant, frame: &Frame<'_>) -> Option<DeferredRequest> {
        let owner = self.owner.as_mut()?;
        owner.heard = now;
        let control = StreamControl::read(frame)?;
        let client = owner.attachment.shared();
        let mut state = client.lock();
        state.streams.control(&control);
        read_on(client, &mut state)
    }
}

/// Returns what has to be read for a stream of a client.
fn read_on(client: &SharedSession, state: &mut ClientState) -> Option<DeferredRequest> {
    let (stream, range) = state.streams.take_read()?;
    Some(DeferredRequest {
        ask: Ask::ReadLog(range),
        asker: Requester::Stream(client.clone(), stream),
        sequence: Sequence(0),
        rest: None,
    })
}
