//! Transfers into and out of the board's store: one at a time, for the session's client.

use crate::hardware::Board;
use crate::store::{CommitOutcome, ObjectStore, PutStart};
use crate::told::Told;
use core::num::NonZeroU16;
use lastword_protocol::frame::{self, Class, Frame, Header, Packet};
use lastword_protocol::message::{BadRequest, TransferOpened, TransferRequest};
use lastword_protocol::refusal::Code;
use lastword_protocol::transfer::{
    ObjectPiece, PIECE_CREDIT_OPCODE, PIECE_OPCODE, PieceCredit, PieceDecision, PieceOrder,
    PieceRange, TransferPatience, TransferReceiver, TransferSender, TransferStatus, WINDOW_PIECES,
    piece_bytes,
};
use lastword_protocol::{Instant, Nonce, ObjectHash, Sequence, TransferId};

/// The most pieces that the board has under way.
const SENDER_WINDOW: usize = 8;

/// The transfer of a session, if there is one, and the frame that is being sent for it.
#[derive(Debug)]
pub(crate) struct SessionTransfer<const FRAME: usize> {
    /// The number of the last transfer in this boot.
    last: u32,
    hash: ObjectHash,
    direction: TransferDirection,
    /// There may be more to send at once.
    is_busy: bool,
    packet: Packet<FRAME>,
}

#[derive(Debug)]
enum TransferDirection {
    None,
    Put(TransferReceiver),
    Get(TransferSender<SENDER_WINDOW>),
}

impl<const FRAME: usize> SessionTransfer<FRAME> {
    pub(crate) const fn new() -> Self {
        Self {
            last: 0,
            hash: ObjectHash([0; 32]),
            direction: TransferDirection::None,
            is_busy: false,
            packet: Packet::new(),
        }
    }

    /// Ends the transfer: its session is over.
    pub(crate) fn close(&mut self) {
        self.direction = TransferDirection::None;
    }

    /// The frame that is being sent.
    pub(crate) fn packet(&self) -> &[u8] {
        &self.packet
    }

    /// Returns the time at which [`SessionTransfer::next`] may have something to send.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.direction {
            TransferDirection::None => None,
            _ if self.is_busy => Some(Instant(0)),
            TransferDirection::Put(receiver) => receiver.deadline(),
            TransferDirection::Get(sender) => sender.deadline(),
        }
    }

    /// Answers a request.
    pub(crate) fn ask(
        &mut self,
        (now, mtu): (Instant, u16),
        request: TransferRequest,
        board: &mut impl Board,
    ) -> Told {
        let Some(store) = board.object_store() else {
            return Told::Bad(BadRequest::Unsupported(request.opcode()));
        };
        let is_open = !matches!(self.direction, TransferDirection::None);
        let answer = match request {
            TransferRequest::Put { .. } | TransferRequest::Get { .. } if is_open => {
                Err((Code::Busy, "another transfer is open"))
            }
            TransferRequest::Put {
                hash,
                size,
                piece_max,
            } => match store.begin(&hash, size) {
                PutStart::Stored => Ok(Told::Done),
                PutStart::Refused(code, detail) => Err((code, detail)),
                PutStart::From(offset) => self
                    .open(hash, (offset, size), (mtu, piece_max))
                    .map(|opened| self.put(now, opened))
                    .ok_or((Code::Internal, "")),
            },
            TransferRequest::Get {
                hash,
                from,
                piece_max,
            } => match store.size_of(&hash) {
                None => Err((Code::Unknown, "no such object")),
                Some(size) => self
                    .open(hash, (from, size), (mtu, piece_max))
                    .map(|opened| self.get(now, opened))
                    .ok_or((Code::BadValue, "it ends before that")),
            },
            TransferRequest::Commit(transfer) => self.commit(transfer, store),
            TransferRequest::Cancel(transfer) if is_open && self.is(transfer) => {
                self.close();
                Ok(Told::Done)
            }
            TransferRequest::Cancel(_) => Err(NO_SUCH),
        };
        answer.unwrap_or_else(|(code, detail)| Told::Refused(code, detail))
    }

    fn put(&mut self, now: Instant, opened: TransferOpened) -> Told {
        let taking = (PieceOrder::Any, WINDOW_PIECES);
        let patience = TransferPatience::default();
        let receiver = TransferReceiver::new(now, &opened, taking, patience);
        self.direction = TransferDirection::Put(receiver);
        Told::Opened(opened)
    }

    fn get(&mut self, now: Instant, opened: TransferOpened) -> Told {
        let sender = TransferSender::new(now, &opened, TransferPatience::default());
        self.direction = TransferDirection::Get(sender);
        Told::Opened(opened)
    }

    fn commit(
        &mut self,
        transfer: TransferId,
        store: &mut dyn ObjectStore,
    ) -> Result<Told, (Code, &'static str)> {
        match &self.direction {
            TransferDirection::Put(receiver) if self.is(transfer) => {
                if receiver.acknowledged() < receiver.size() {
                    return Err((Code::Busy, "pieces are missing"));
                }
                self.close();
                match store.commit(&self.hash) {
                    CommitOutcome::Done => Ok(Told::Done),
                    CommitOutcome::WrongHash => Err((Code::BadValue, "another hash")),
                    CommitOutcome::Failed => Err((Code::Internal, "the store failed")),
                }
            }
            _ => Err(NO_SUCH),
        }
    }

    /// Takes a frame of class data or credit.
    pub(crate) fn receive(&mut self, now: Instant, frame: &Frame<'_>, board: &mut impl Board) {
        self.is_busy = true;
        let last = TransferId(self.last);
        match (&mut self.direction, frame.header.class, frame.header.opcode) {
            (TransferDirection::Put(receiver), Class::Data, PIECE_OPCODE) => {
                let piece = ObjectPiece::read(frame.body).filter(|piece| piece.transfer == last);
                let Some(piece) = piece else { return };
                let decision = receiver.on_piece(now, piece.offset, piece.bytes.len());
                let PieceDecision::WriteAt(offset) = decision else {
                    return;
                };
                let store = board.object_store();
                if !store.is_some_and(|store| store.write(offset, piece.bytes)) {
                    self.direction = TransferDirection::None;
                }
            }
            (TransferDirection::Get(sender), Class::Credit, PIECE_CREDIT_OPCODE) => {
                if let Some(credit) = PieceCredit::read(frame.body) {
                    sender.on_credit(now, credit);
                }
            }
            _ => {}
        }
    }

    /// Makes the next frame; returns whether there is one. Ends a transfer that has no progress, and
    /// one out of the store of which everything has arrived.
    pub(crate) fn next(&mut self, now: Instant, nonce: Nonce, board: &mut impl Board) -> bool {
        self.is_busy = self.make(now, nonce, board);
        self.is_busy
    }

    fn make(&mut self, now: Instant, nonce: Nonce, board: &mut impl Board) -> bool {
        let made = match &mut self.direction {
            TransferDirection::None => return false,
            TransferDirection::Put(receiver) => {
                if receiver.status(now) == TransferStatus::Stalled {
                    self.direction = TransferDirection::None;
                    return false;
                }
                let Some(credit) = receiver.credit(now) else {
                    return false;
                };
                let header = Header::new(Class::Credit, Sequence(0), PIECE_CREDIT_OPCODE);
                seal(&mut self.packet, header, nonce, |out| credit.write(out))
            }
            TransferDirection::Get(sender) => {
                if sender.status(now) != TransferStatus::UnderWay {
                    self.direction = TransferDirection::None;
                    return false;
                }
                let Some(range) = sender.next_piece(now) else {
                    return false;
                };
                let header = Header::new(Class::Data, Sequence(0), PIECE_OPCODE);
                let (last, hash) = (TransferId(self.last), &self.hash);
                seal(&mut self.packet, header, nonce, |out| {
                    write_piece(last, hash, range, board, out)
                })
            }
        };
        if made.is_none() {
            // The store has failed.
            self.direction = TransferDirection::None;
        }
        made.is_some()
    }

    fn is(&self, transfer: TransferId) -> bool {
        transfer.0 == self.last
    }

    /// Gives a transfer its number and its pieces.
    fn open(
        &mut self,
        hash: ObjectHash,
        (offset, size): (u64, u64),
        (mtu, piece_max): (u16, NonZeroU16),
    ) -> Option<TransferOpened> {
        let transfer = TransferId(self.last.wrapping_add(1));
        let piece = NonZeroU16::new(piece_bytes(mtu, transfer, size))?;
        let opened = TransferOpened::new(transfer, offset, size, piece.min(piece_max))?;
        self.last = transfer.0;
        self.hash = hash;
        Some(opened)
    }
}

const NO_SUCH: (Code, &str) = (Code::Unknown, "no such transfer");

/// Makes a frame in `packet`; `None` if its body cannot be written.
fn seal<const FRAME: usize>(
    packet: &mut Packet<FRAME>,
    header: Header,
    nonce: Nonce,
    write: impl FnOnce(&mut [u8]) -> Option<usize>,
) -> Option<()> {
    packet.resize(FRAME, 0).ok()?;
    let length = frame::body_of(packet).and_then(write);
    let length = length.and_then(|length| frame::seal(packet, header, nonce, length));
    packet.truncate(length.unwrap_or_default());
    length.map(|_| ())
}

/// Writes a piece's body, its bytes read from the store to where they belong.
fn write_piece(
    transfer: TransferId,
    hash: &ObjectHash,
    range: PieceRange,
    board: &mut impl Board,
    out: &mut [u8],
) -> Option<usize> {
    let head = ObjectPiece::write_head(transfer, range.offset, out)?;
    let end = head + usize::from(range.length);
    let bytes = out.get_mut(head..end)?;
    let is_read = board.object_store()?.read(hash, range.offset, bytes);
    is_read.then_some(end)
}
