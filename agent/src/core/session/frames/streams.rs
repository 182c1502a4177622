//! The streams of a line's owner: their frames, the credit for them, and what is read for them.

use super::{Frames, Owner, send};
use crate::core::clients::{ClientState, SharedSession};
use crate::core::session::deferred_request::{DeferredRequest, Requester};
use crate::core::session::output::Output;
use crate::core::world::{Ask, World};
use lastword_protocol::frame::Frame;
use lastword_protocol::stream::StreamControl;
use lastword_protocol::{Instant, Sequence};

impl Frames {
    /// Returns whether there is a frame of a stream, or of a transfer, to send.
    pub(in crate::core::session) fn has_bulk_frame(&self) -> bool {
        let owner = self.owner.as_ref();
        let state = owner.and_then(|it| it.attachment.carried());
        state.is_some_and(|it| it.transfer.has_frame() || it.streams.has_frame())
    }

    /// Returns whether its owner follows events here.
    pub(in crate::core::session) fn is_subscribed(&self) -> bool {
        let owner = self.owner.as_ref();
        let state = owner.and_then(|it| it.attachment.carried());
        state.is_some_and(|it| it.streams.is_subscribed())
    }

    /// Returns whether its owner waits for events.
    pub(in crate::core::session) fn want_events(&self) -> bool {
        let owner = self.owner.as_ref();
        let state = owner.and_then(|it| it.attachment.carried());
        state.is_some_and(|it| it.streams.want_events())
    }

    /// Returns whether a frame of events is the next of its streams.
    pub(in crate::core::session) fn has_event_frame(&self) -> bool {
        let owner = self.owner.as_ref();
        let state = owner.and_then(|it| it.attachment.carried());
        state.is_some_and(|it| it.streams.has_event_frame())
    }

    /// Returns whether there are events that its owner waits for.
    pub(in crate::core::session) fn has_event(&self, world: &dyn World) -> bool {
        let Some((owner, events)) = self.owner.as_ref().zip(world.events()) else {
            return false;
        };
        let state = owner.attachment.carried();
        state.is_some_and(|it| it.streams.have_events(&events.lock()))
    }

    /// Takes events that its owner waits for, to be sent with [`Frames::say_bulk_frame`].
    pub(in crate::core::session) fn take_events(&self, world: &dyn World) {
        if let Some((owner, events)) = self.owner.as_ref().zip(world.events())
            && let Some(mut state) = owner.attachment.carried()
        {
            state.streams.take_events(&events.lock());
        }
    }

    /// Returns whether its owner puts an object.
    pub(in crate::core::session) fn receives_object(&self) -> bool {
        let owner = self.owner.as_ref();
        owner.is_some_and(|it| it.attachment.shared().lock().transfer.is_receiving())
    }

    /// Returns the time at which the transfer of its owner needs [`Frames::tick_transfer`].
    pub(in crate::core::session) fn transfer_deadline(&self) -> Option<Instant> {
        let owner = self.owner.as_ref()?;
        owner.attachment.carried()?.transfer.deadline()
    }

    /// Lets time pass for the transfer of its owner, and sees what the board's store has done.
    pub(in crate::core::session) fn tick_transfer(&self, now: Instant) {
        if let Some(owner) = &self.owner {
            owner.attachment.shared().lock().transfer.tick(now);
        }
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

    /// Sends the next frame of a stream, or of a transfer: they take turns. What is to be read for the stream is
    /// returned.
    pub(in crate::core::session) fn say_bulk_frame(
        &mut self,
        now: Instant,
        out: &mut Output,
    ) -> Option<DeferredRequest> {
        let owner = self.owner.as_ref()?;
        self.count += 1;
        let client = owner.attachment.shared();
        let mut state = owner.attachment.carried()?;
        let has_turn = self.count.is_multiple_of(2) || !state.streams.has_frame();
        if has_turn && state.transfer.has_frame() && !state.streams.has_event_frame() {
            let nonce = state.session.nonce();
            if let Some(packet) = state.transfer.take_frame(now, nonce) {
                send(out, packet);
            }
            return None;
        }
        if let Some(frame) = state.streams.take_frame() {
            send(out, frame.frame(state.session.nonce()));
        }
        read_on(client, &mut state)
    }

    /// Takes what the owner says of its streams.
    pub(super) fn control(&mut self, now: Instant, frame: &Frame<'_>) -> Option<DeferredRequest> {
        let owner = self.owner.as_mut()?;
        owner.heard = now;
        let client = owner.attachment.shared();
        let is_here = owner.attachment.carried().is_some();
        let mut state = client.lock();
        if !is_here {
            // What comes of it goes over the link that carries the session now.
            state.wake();
        }
        if state.transfer.receive(now, frame) {
            return None;
        }
        let control = StreamControl::read(frame)?;
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
        object: None,
    })
}
