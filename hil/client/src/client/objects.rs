//! Objects into and out of a board's store.

mod error;
mod pace;
mod piece_run;
mod read_ahead;
mod watch;

pub use error::TransferError;

use super::{CallError, Client, LinkError, Unwelcome};
use lastword_protocol::caller::Effect;
use lastword_protocol::frame::{self, Class, Frame, Header, wire_bytes};
use lastword_protocol::message::{Reply, Request, TransferOpened, TransferRequest};
use lastword_protocol::refusal::Code;
use lastword_protocol::transfer::{
    ObjectPiece, PIECE_CREDIT_OPCODE, PIECE_OPCODE, PieceCredit, PieceDecision, PieceOrder,
    PieceRange, TransferPatience, TransferReceiver, TransferSender, TransferStatus, WINDOW_PIECES,
};
use lastword_protocol::{Instant, Nonce, ObjectHash, Sequence, TransferId};
use pace::TransferPace;
use piece_run::PieceRun;
use read_ahead::ReadAhead;
use std::io;
use std::num::{NonZeroU16, NonZeroU64};
use watch::ProgressWatch;

/// The longest piece that this client sends or takes, in bytes.
const PIECE_MAX: NonZeroU16 = NonZeroU16::new(1_024).expect("not 0");
/// The longest frame of a transfer on the wire, in bytes.
const FRAME_BYTES: usize = wire_bytes(PIECE_MAX.get() as usize + 16);
/// The most pieces under way on a connection, where none is lost.
const CONNECTION_WINDOW: usize = 1_024;
/// The pieces that there is room for on a connection.
const CONNECTION_ROOM: u16 = 1_024;
/// The pieces that are written at once to a connection, in bytes.
const BURST_BYTES: usize = 64 << 10;

/// An object by its name and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectId {
    /// The SHA-256 of its content.
    pub hash: ObjectHash,
    /// Its length in bytes.
    pub size: u64,
}

/// The progress of a transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferProgress {
    /// The bytes that were at the other end when it began.
    pub from: u64,
    /// The bytes that are at the other end.
    pub done: u64,
    /// The length of the object in bytes.
    pub size: u64,
    /// The number of pieces that were sent again, as far as this end knows.
    pub sent_again: u64,
}

/// The owner of an object's bytes on this side, and whoever watches.
pub trait LocalObject: Send {
    /// Fills `out` with the bytes from `offset` on, for a put.
    ///
    /// # Errors
    ///
    /// If they cannot be read; the transfer ends with it.
    fn read(&mut self, offset: u64, out: &mut [u8]) -> io::Result<()>;

    /// Takes the bytes at `offset`, of a get; in any order, each once.
    ///
    /// # Errors
    ///
    /// If they cannot be written; the transfer ends with it.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Called when the transfer has got on.
    fn progress(&mut self, progress: TransferProgress);
}

/// The bounds of a transfer.
#[derive(Clone, Copy, Debug, Default)]
pub struct TransferOptions {
    /// The most bytes in a second on the link; as fast as it goes otherwise.
    pub rate: Option<NonZeroU64>,
}

impl Client {
    /// Puts an object into the board's store. Returns once it is there, durable and checked. What an earlier transfer
    /// has left there is not sent again.
    ///
    /// # Errors
    ///
    /// [`TransferError`].
    pub async fn put(
        &mut self,
        object: ObjectId,
        local: &mut dyn LocalObject,
        options: TransferOptions,
    ) -> Result<TransferProgress, TransferError> {
        let request = TransferRequest::Put {
            hash: object.hash,
            size: object.size,
            piece_max: PIECE_MAX,
        };
        let Some(opened) = self.open(request).await? else {
            let progress = TransferProgress {
                from: object.size,
                done: object.size,
                size: object.size,
                sent_again: 0,
            };
            local.progress(progress);
            return Ok(progress);
        };
        let sent = if self.is_line {
            self.send_object::<{ WINDOW_PIECES as usize }>(&opened, local, options)
                .await
        } else {
            Box::pin(self.send_object::<CONNECTION_WINDOW>(&opened, local, options)).await
        };
        if sent.is_err() {
            self.give_up(&opened).await;
        }
        let progress = sent?;
        match self.ask(TransferRequest::Commit(opened.transfer())).await? {
            Reply::Done => Ok(progress),
            Reply::Refused(refusal) => Err(TransferError::Refused(Box::new(refusal))),
            _ => Err(TransferError::Unexpected),
        }
    }

    /// Gets an object out of the board's store, from the offset `from` on. Its hash is to be compared by the caller.
    ///
    /// # Errors
    ///
    /// [`TransferError`].
    pub async fn get(
        &mut self,
        hash: ObjectHash,
        from: u64,
        local: &mut dyn LocalObject,
    ) -> Result<TransferProgress, TransferError> {
        let request = TransferRequest::Get {
            hash,
            from,
            piece_max: PIECE_MAX,
        };
        let opened = self.open(request).await?;
        let opened = opened.ok_or(TransferError::Unexpected)?;
        let receiving = self.receive_object(&opened, local).await;
        if receiving.is_err() {
            self.give_up(&opened).await;
        }
        receiving
    }

    /// Ends a transfer that has failed, so that the next can begin. It ends by itself where that cannot be said.
    async fn give_up(&mut self, opened: &TransferOpened) {
        if self.is_connected() {
            let _ = self.ask(TransferRequest::Cancel(opened.transfer())).await;
        }
    }

    async fn ask(&mut self, request: TransferRequest) -> Result<Reply, CallError> {
        self.call(&Request::Transfer(request)).await
    }

    /// Opens a transfer; none if the board has the object.
    async fn open(
        &mut self,
        request: TransferRequest,
    ) -> Result<Option<TransferOpened>, TransferError> {
        match self.ask(request).await? {
            Reply::TransferOpened(opened) => Ok(Some(opened)),
            Reply::Done => Ok(None),
            Reply::Refused(refusal) => Err(TransferError::Refused(Box::new(refusal))),
            Reply::Unsupported(_) => Err(TransferError::NoStore),
            _ => Err(TransferError::Unexpected),
        }
    }

    async fn send_object<const W: usize>(
        &mut self,
        opened: &TransferOpened,
        local: &mut dyn LocalObject,
        options: TransferOptions,
    ) -> Result<TransferProgress, TransferError> {
        let clock = self.clock;
        let mut sender = TransferSender::<W>::new(clock.now(), opened, TransferPatience::default());
        let mut pace = TransferPace::new(options.rate);
        let mut watch = ProgressWatch::new(clock.now(), opened);
        let mut source = (ReadAhead::new(opened.size()), local);
        let mut burst = Vec::new();
        while sender.status(clock.now()) != TransferStatus::Complete {
            if watch.is_in_doubt(clock.now()) {
                self.find_out(opened.transfer()).await?;
            }
            if sender.status(clock.now()) == TransferStatus::Stalled {
                return Err(TransferError::Stalled);
            }
            burst.clear();
            // On a line, what waits in a queue makes the round trip longer.
            let most = if self.is_line { 1 } else { BURST_BYTES };
            while burst.len() < most
                && pace.is_free()
                && let Some(range) = sender.next_piece(clock.now())
            {
                let before = burst.len();
                self.add_piece((opened.transfer(), range), &mut source, &mut burst)?;
                pace.sent(burst.len() - before);
            }
            let paced = pace.deadline(clock);
            let until = sender.deadline().into_iter().chain(paced).min();
            let mut take = |frame: &Frame<'_>| {
                let credit = credit_of(frame);
                credit.map(|credit| sender.on_credit(clock.now(), credit));
                credit.is_some()
            };
            if burst.is_empty() {
                self.take_frames(until, &mut take).await?;
            } else {
                self.send(&burst).await?;
                self.take_frames_at_once(&mut take).await?;
            }
            watch.note(
                clock.now(),
                sender.acknowledged(),
                sender.sent_again(),
                source.1,
            );
        }
        Ok(watch.progress)
    }

    /// Adds the frame of a piece to what is to be sent.
    fn add_piece(
        &self,
        (transfer, range): (TransferId, PieceRange),
        (ahead, local): &mut (ReadAhead, &mut dyn LocalObject),
        burst: &mut Vec<u8>,
    ) -> Result<(), TransferError> {
        let header = Header::new(Class::Data, Sequence(0), PIECE_OPCODE);
        let mut failure = None;
        let packet = frame::encode::<FRAME_BYTES>(header, self.nonce(), |out| {
            let head = ObjectPiece::write_head(transfer, range.offset, out)?;
            let end = head + usize::from(range.length);
            failure = ahead.read(range, out.get_mut(head..end)?, *local).err();
            Some(end)
        });
        if let Some(error) = failure {
            return Err(TransferError::Local(error));
        }
        burst.extend_from_slice(&packet.map_err(|_| TransferError::Unexpected)?);
        Ok(())
    }

    async fn receive_object(
        &mut self,
        opened: &TransferOpened,
        local: &mut dyn LocalObject,
    ) -> Result<TransferProgress, TransferError> {
        let clock = self.clock;
        let taking = if self.is_line {
            (PieceOrder::Any, WINDOW_PIECES)
        } else {
            (PieceOrder::InOrder, CONNECTION_ROOM)
        };
        let patience = TransferPatience::default();
        let mut receiver = TransferReceiver::new(clock.now(), opened, taking, patience);
        let mut watch = ProgressWatch::new(clock.now(), opened);
        loop {
            if watch.is_in_doubt(clock.now()) {
                self.find_out(opened.transfer()).await?;
            }
            let now = clock.now();
            if let Some(credit) = receiver.credit(now) {
                self.send_credit(&credit).await?;
            }
            watch.note(now, receiver.acknowledged(), 0, local);
            match receiver.status(now) {
                TransferStatus::UnderWay => {}
                TransferStatus::Complete => return Ok(watch.progress),
                TransferStatus::Stalled => return Err(TransferError::Stalled),
            }
            let until = receiver.deadline();
            let (mut run, mut failure) = (PieceRun::default(), None);
            let mut take = |frame: &Frame<'_>| {
                let piece = piece_of(frame).filter(|it| it.transfer == opened.transfer());
                let Some(piece) = piece else {
                    return false;
                };
                let decision = receiver.on_piece(clock.now(), piece.offset, piece.bytes.len());
                if let PieceDecision::WriteAt(offset) = decision {
                    let added = run.add(offset, piece.bytes, local);
                    failure = failure.take().or(added.err());
                }
                true
            };
            self.take_frames(until, &mut take).await?;
            if let Some(error) = failure.or(run.write(local).err()) {
                return Err(TransferError::Local(error));
            }
        }
    }

    /// Hands the frames of a transfer to `take`, which says whether a frame was that; waits for some, at most until
    /// `until`.
    async fn take_frames(
        &mut self,
        until: Option<Instant>,
        take: &mut (dyn FnMut(&Frame<'_>) -> bool + Send),
    ) -> Result<(), TransferError> {
        if !self.take_unread(take).await? {
            self.fill([until, self.caller.deadline()]).await?;
            self.take_unread(take).await?;
        }
        Ok(())
    }

    /// As [`Client::take_frames`], but waits for none.
    async fn take_frames_at_once(
        &mut self,
        take: &mut (dyn FnMut(&Frame<'_>) -> bool + Send),
    ) -> Result<(), TransferError> {
        self.take_unread(take).await?;
        let link = self.link.as_mut().ok_or(LinkError::Closed)?;
        if link.fill_at_once()? {
            self.take_unread(take).await?;
        }
        Ok(())
    }

    /// Hands the frames that were read to `take`. Returns whether there were some.
    async fn take_unread(
        &mut self,
        take: &mut (dyn FnMut(&Frame<'_>) -> bool + Send),
    ) -> Result<bool, TransferError> {
        let now = self.clock.now();
        let mut has_taken = false;
        loop {
            let mut noting = |frame: &Frame<'_>| {
                let is_taken = take(frame);
                has_taken |= is_taken;
                is_taken
            };
            let heard = self.decode_beside(now, &mut noting)?;
            match heard.or_else(|| self.caller.tick(now)) {
                None => return Ok(has_taken),
                // A board that has announced another boot is greeted.
                Some(Effect::Send(packet)) => self.send_hello(&packet).await?,
                Some(Effect::Restarted(identity)) => {
                    return Err(CallError::Restarted(Box::new(identity)).into());
                }
                // Its transfers have ended with the session that there was.
                Some(Effect::Welcomed(welcome)) => {
                    return Err(CallError::Restarted(Box::new(welcome.identity)).into());
                }
                Some(Effect::Busy(busy)) => {
                    return Err(CallError::from(Unwelcome::Busy(busy)).into());
                }
                Some(Effect::GaveUp) => return Err(CallError::Silent.into()),
                Some(_) => {}
            }
        }
    }

    fn nonce(&self) -> Nonce {
        self.caller.nonce().unwrap_or(frame::HELLO_NONCE)
    }

    async fn send_credit(&mut self, credit: &PieceCredit) -> Result<(), TransferError> {
        let header = Header::new(Class::Credit, Sequence(0), PIECE_CREDIT_OPCODE);
        let packet = frame::encode::<FRAME_BYTES>(header, self.nonce(), |out| credit.write(out));
        let packet = packet.map_err(|_| TransferError::Unexpected)?;
        Ok(self.send(&packet).await?)
    }

    /// Asks a board whether it goes on with a transfer: one whose disk has failed tells so.
    async fn find_out(&mut self, transfer: TransferId) -> Result<(), TransferError> {
        match self.ask(TransferRequest::Commit(transfer)).await? {
            // Pieces are missing, which is known.
            Reply::Refused(refusal) if refusal.code == Code::Busy => Ok(()),
            Reply::Done => Ok(()),
            Reply::Refused(refusal) => Err(TransferError::Refused(Box::new(refusal))),
            _ => Err(TransferError::Unexpected),
        }
    }
}

fn credit_of(frame: &Frame<'_>) -> Option<PieceCredit> {
    let is_credit =
        frame.header.class == Class::Credit && frame.header.opcode == PIECE_CREDIT_OPCODE;
    is_credit.then(|| PieceCredit::read(frame.body))?
}

fn piece_of<'f>(frame: &Frame<'f>) -> Option<ObjectPiece<'f>> {
    let is_piece = frame.header.class == Class::Data && frame.header.opcode == PIECE_OPCODE;
    is_piece.then(|| ObjectPiece::read(frame.body))?
}
