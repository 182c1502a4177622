//! The transfer of a client: the pieces of an object that travel between its link and the board's store.

mod receiving;

use super::objects::ObjectPipe;
use lastword_protocol::frame::{self, Class, Frame, Header, Packet, TooLong};
use lastword_protocol::message::{Reply, TransferOpened, TransferRequest};
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::transfer::{
    ObjectPiece, PIECE_CREDIT_OPCODE, PIECE_OPCODE, PieceCredit, PieceDecision, PieceOrder,
    TransferPatience, TransferReceiver, TransferSender, TransferStatus, piece_bytes,
};
use lastword_protocol::{Instant, Nonce, ObjectHash, Sequence, TransferId};
use receiving::{ReceivingEnd, room};
use std::num::NonZeroU16;
use std::task::Waker;

/// The most pieces that the agent has under way, or grants room for.
pub const TRANSFER_WINDOW: usize = 1_024;

/// A question to the board's store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectAsk {
    /// Begin to put an object of this length in bytes.
    Put(ObjectHash, u64),
    /// Begin to get an object from this offset on.
    Get(ObjectHash, u64),
    /// Keep the object that went through this pipe, for good.
    Commit(ObjectPipe),
}

/// The use of an object by a transfer, which ends when this is dropped; but what is to be kept is kept.
#[derive(Debug)]
pub struct OpenObject {
    /// The way to its bytes.
    pub pipe: ObjectPipe,
    /// The place in the object of the first byte that goes through the pipe.
    pub offset: u64,
    /// Its length in bytes.
    pub size: u64,
}

impl Drop for OpenObject {
    fn drop(&mut self) {
        self.pipe.close();
    }
}

/// The fate of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum TransferStep {
    /// It has its answer.
    Answer(Box<Reply>),
    /// The store has to be asked first.
    Ask(ObjectAsk),
}

/// The transfer of a client, if there is one.
#[derive(Debug, Default)]
pub struct ClientTransfer {
    /// The number of transfers there ever were.
    count: u32,
    /// The direction and the longest piece of the one that the store is asked to begin.
    opening: Option<(ObjectDirection, NonZeroU16)>,
    open: Option<Box<OpenTransfer>>,
    /// The last one that has failed, and why.
    failed: Option<(TransferId, Refusal)>,
    /// True if there may be a frame to send.
    is_due: bool,
}

/// The way of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectDirection {
    /// Into the store.
    Put,
    /// Out of the store.
    Get,
}

#[derive(Debug)]
struct OpenTransfer {
    id: TransferId,
    piece: NonZeroU16,
    object: OpenObject,
    /// The number of changes of the pipe that were seen.
    seen: u64,
    /// The time by which an object that is here is to be committed: nothing else would end its transfer.
    commit_by: Option<Instant>,
    end: TransferEnd,
}

#[derive(Debug)]
enum TransferEnd {
    Receiving(ReceivingEnd),
    Sending(Box<TransferSender<TRANSFER_WINDOW>>),
}

impl ClientTransfer {
    /// Takes a request.
    pub fn admit(&mut self, request: TransferRequest) -> TransferStep {
        match request {
            TransferRequest::Put { .. } | TransferRequest::Get { .. }
                if self.open.is_some() || self.opening.is_some() =>
            {
                refuse(Code::Busy, "this client has a transfer already")
            }
            TransferRequest::Put {
                hash,
                size,
                piece_max,
            } => {
                self.opening = Some((ObjectDirection::Put, piece_max));
                TransferStep::Ask(ObjectAsk::Put(hash, size))
            }
            TransferRequest::Get {
                hash,
                from,
                piece_max,
            } => {
                self.opening = Some((ObjectDirection::Get, piece_max));
                TransferStep::Ask(ObjectAsk::Get(hash, from))
            }
            TransferRequest::Commit(id) => self.commit(id),
            TransferRequest::Cancel(id) => {
                let is_open = self.open.take_if(|open| open.id == id).is_some();
                if is_open {
                    TransferStep::Answer(Box::new(Reply::Done))
                } else {
                    self.refuse_unknown(id)
                }
            }
        }
    }

    fn commit(&mut self, id: TransferId) -> TransferStep {
        let Some(open) = self.open.as_ref().filter(|open| open.id == id) else {
            return self.refuse_unknown(id);
        };
        let TransferEnd::Receiving(end) = &open.end else {
            return refuse(Code::Busy, "it is a get, and pieces are missing");
        };
        if end.receiver.acknowledged() < end.receiver.size() {
            return refuse(Code::Busy, "pieces are missing");
        }
        let pipe = open.object.pipe.clone();
        pipe.complete();
        self.open = None;
        TransferStep::Ask(ObjectAsk::Commit(pipe))
    }

    fn refuse_unknown(&self, id: TransferId) -> TransferStep {
        match &self.failed {
            Some((failed, refusal)) if *failed == id => {
                TransferStep::Answer(Box::new(Reply::Refused(refusal.clone())))
            }
            _ => refuse(Code::Unknown, "no such transfer"),
        }
    }

    /// Takes the store's answer to the question that begins one. On a serial line pieces may be lost, on a connection
    /// none is; a piece with its head has at most `mtu` bytes. `None` if no client waits for it.
    pub fn open(
        &mut self,
        now: Instant,
        object: OpenObject,
        (is_line, mtu): (bool, u16),
    ) -> Option<Reply> {
        let (direction, piece_max) = self.opening.take()?;
        let id = TransferId(self.count.wrapping_add(1));
        let longest = NonZeroU16::new(piece_bytes(mtu, id, object.size))?;
        let piece = longest.min(piece_max);
        let opened = TransferOpened::new(id, object.offset, object.size, piece)?;
        let patience = TransferPatience::default();
        let end = match direction {
            ObjectDirection::Put => {
                let order = if is_line {
                    PieceOrder::Any
                } else {
                    PieceOrder::InOrder
                };
                let room = room(&object.pipe, piece);
                let receiver = TransferReceiver::new(now, &opened, (order, room), patience);
                TransferEnd::Receiving(ReceivingEnd::new(receiver, object.offset))
            }
            ObjectDirection::Get => {
                TransferEnd::Sending(Box::new(TransferSender::new(now, &opened, patience)))
            }
        };
        self.count = id.0;
        self.is_due = true;
        let mut open = OpenTransfer {
            id,
            piece,
            object,
            seen: 0,
            commit_by: None,
            end,
        };
        open.note_whole(now);
        self.open = Some(Box::new(open));
        Some(Reply::TransferOpened(opened))
    }

    /// The store refuses to begin one.
    pub fn not_opened(&mut self) {
        self.opening = None;
    }

    /// Ends it: the link of its client is gone.
    pub fn close(&mut self) {
        self.open = None;
    }

    /// Takes a frame of class data or credit. Returns whether it was for a transfer.
    pub fn receive(&mut self, now: Instant, frame: &Frame<'_>) -> bool {
        match (frame.header.class, frame.header.opcode) {
            (Class::Data, PIECE_OPCODE) => {
                if let Some(piece) = ObjectPiece::read(frame.body) {
                    self.take_piece(now, &piece);
                }
                true
            }
            (Class::Credit, PIECE_CREDIT_OPCODE) => {
                if let Some(credit) = PieceCredit::read(frame.body) {
                    self.take_credit(now, credit);
                }
                true
            }
            _ => false,
        }
    }

    fn take_piece(&mut self, now: Instant, piece: &ObjectPiece<'_>) {
        let Some(open) = self.open.as_mut().filter(|it| it.id == piece.transfer) else {
            return;
        };
        if let TransferEnd::Receiving(end) = &mut open.end {
            self.is_due = true;
            let decision = end.receiver.on_piece(now, piece.offset, piece.bytes.len());
            if let PieceDecision::WriteAt(offset) = decision {
                end.write(offset, piece.bytes, &open.object.pipe);
            }
        }
        open.note_whole(now);
    }

    fn take_credit(&mut self, now: Instant, credit: PieceCredit) {
        let Some(open) = self.open.as_mut().filter(|it| it.id == credit.transfer) else {
            return;
        };
        if let TransferEnd::Sending(sender) = &mut open.end {
            self.is_due = true;
            sender.on_credit(now, credit);
            open.object.pipe.discard_before(sender.acknowledged());
        }
        // Its client may ask for the next at once.
        self.open.take_if(|open| open.is_sent());
    }

    /// Returns whether the thread of the store has done something that was not seen. `waker` is woken when it does.
    #[must_use]
    pub fn has_news(&self, waker: &Waker) -> bool {
        self.open.as_ref().is_some_and(|open| {
            open.object.pipe.wake_on_change(waker);
            open.object.pipe.changes() != open.seen
        })
    }

    /// Lets time pass, and sees what the thread of the store has done.
    pub fn tick(&mut self, now: Instant) {
        if let Some(open) = &mut self.open {
            let changes = open.object.pipe.changes();
            let is_past = open.deadline().is_some_and(|deadline| deadline <= now);
            self.is_due |= is_past || changes != open.seen;
            open.seen = changes;
        }
    }

    /// Returns the time at which [`ClientTransfer::tick`] is needed.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let open = self.open.as_ref().filter(|_| !self.is_due)?;
        open.deadline()
    }

    /// Returns whether pieces arrive.
    #[must_use]
    pub fn is_receiving(&self) -> bool {
        let open = self.open.as_ref();
        open.is_some_and(|open| matches!(open.end, TransferEnd::Receiving(_)))
    }

    /// Returns whether there may be a frame to send.
    #[must_use]
    pub fn has_frame(&self) -> bool {
        self.is_due && self.open.is_some()
    }

    /// The next frame to send. Ends a transfer that has no progress, one that has failed, and one out of the store
    /// of which everything has arrived.
    pub fn take_frame<const FRAME: usize>(
        &mut self,
        now: Instant,
        nonce: Nonce,
    ) -> Option<Result<Packet<FRAME>, TooLong>> {
        let open = self.open.as_mut()?;
        let failure = open.object.pipe.failure().map(|it| *it);
        if let Some(failure) = failure.or_else(|| open.is_stalled(now).then(stalled)) {
            self.failed = Some((open.id, failure));
            self.open = None;
            return None;
        }
        let frame = open.take_frame(now, nonce);
        self.is_due = frame.is_some();
        if frame.is_none() && open.is_sent() {
            // There was nothing to be sent.
            self.open = None;
        }
        frame
    }
}

impl OpenTransfer {
    /// Notes the time at which all of an object is here.
    fn note_whole(&mut self, now: Instant) {
        if let TransferEnd::Receiving(end) = &self.end
            && end.receiver.acknowledged() == end.receiver.size()
        {
            let wait = TransferPatience::default().progress;
            self.commit_by.get_or_insert(now.after(wait));
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let of_end = match &self.end {
            TransferEnd::Receiving(end) => end.receiver.deadline(),
            TransferEnd::Sending(sender) => sender.deadline(),
        };
        of_end.into_iter().chain(self.commit_by).min()
    }

    fn is_stalled(&self, now: Instant) -> bool {
        if self.commit_by.is_some_and(|by| by <= now) {
            return true;
        }
        let status = match &self.end {
            TransferEnd::Receiving(end) => end.receiver.status(now),
            TransferEnd::Sending(sender) => sender.status(now),
        };
        status == TransferStatus::Stalled
    }

    /// Returns whether its client has all of what it gets.
    fn is_sent(&self) -> bool {
        matches!(&self.end, TransferEnd::Sending(end) if end.acknowledged() == end.size())
    }

    fn take_frame<const FRAME: usize>(
        &mut self,
        now: Instant,
        nonce: Nonce,
    ) -> Option<Result<Packet<FRAME>, TooLong>> {
        let pipe = &self.object.pipe;
        match &mut self.end {
            TransferEnd::Receiving(end) => {
                end.receiver.set_room(now, room(pipe, self.piece));
                let credit = end.receiver.credit(now)?;
                let header = Header::new(Class::Credit, Sequence(0), PIECE_CREDIT_OPCODE);
                Some(frame::encode(header, nonce, |out| credit.write(out)))
            }
            TransferEnd::Sending(sender) => {
                let next = sender.unsent() + u64::from(self.piece.get());
                if pipe.end() < next.min(sender.size()) {
                    return None;
                }
                let range = sender.next_piece(now)?;
                let id = self.id;
                let header = Header::new(Class::Data, Sequence(0), PIECE_OPCODE);
                Some(frame::encode(header, nonce, |out| {
                    let head = ObjectPiece::write_head(id, range.offset, out)?;
                    let end = head + usize::from(range.length);
                    let bytes = out.get_mut(head..end)?;
                    pipe.copy(range.offset, bytes).then_some(end)
                }))
            }
        }
    }
}

fn refuse(code: Code, detail: &str) -> TransferStep {
    TransferStep::Answer(Box::new(Reply::Refused(Refusal::new(code, detail))))
}

fn stalled() -> Refusal {
    Refusal::new(Code::Timeout, "the transfer had no progress")
}

#[cfg(test)]
mod tests;
