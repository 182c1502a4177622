//! Both ends of a transfer, with a bad line between them, in real frames and simulated time.

use super::bad_line::{BadLine, LineRates};
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::frame::{self, Class, Header};
use lastword_protocol::message::TransferOpened;
use lastword_protocol::transfer::{
    ObjectPiece, PIECE_CREDIT_OPCODE, PIECE_OPCODE, PieceCredit, PieceDecision, PieceOrder,
    TransferPatience, TransferReceiver, TransferSender, TransferStatus,
};
use lastword_protocol::{Instant, Nonce, Sequence, TransferId};
use std::num::NonZeroU16;

/// The length of a piece in bytes.
pub(super) const PIECE: u64 = 40;
/// The most pieces that the sender has under way.
const WINDOW: usize = 17;
/// Longer than any frame here, in bytes.
const ROOM: usize = 96;
/// The time that the line takes for a frame.
const FRAME_MS: u64 = 2;
/// The time from a reset or failure to the next transfer.
const REOPEN_MS: u64 = 100;
/// The most times that a transfer which stalled is opened again.
const REOPENINGS_MOST: u32 = 20;

/// An end that forgets what it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WorldReset {
    Sender,
    Receiver,
}

/// All that a run depends on.
#[derive(Clone, Debug)]
pub(super) struct WorldPlan {
    pub(super) seed: u64,
    pub(super) pieces: u64,
    /// The length of one more, shorter piece.
    pub(super) tail: u64,
    pub(super) order: PieceOrder,
    pub(super) room: u16,
    pub(super) rates: LineRates,
    /// The times of resets, in milliseconds.
    pub(super) resets: Vec<(u64, WorldReset)>,
    /// The time from which on nothing arrives.
    pub(super) dies_at: Option<u64>,
}

pub(super) struct TransferWorld {
    pub(super) now: Instant,
    /// The state of the last transfer.
    pub(super) status: TransferStatus,
    pub(super) pieces_sent: u64,
    pub(super) pieces_lost: u64,
    /// The pieces that each transfer wrote although an earlier one had.
    pub(super) written_again: Vec<u64>,
    plan: WorldPlan,
    object: Vec<u8>,
    store: Vec<u8>,
    /// The pieces that were written, by any transfer.
    written: Vec<bool>,
    acknowledged: u64,
    sender: TransferSender<WINDOW>,
    receiver: TransferReceiver,
    nonce: Nonce,
    forward: BadLine,
    backward: BadLine,
    at_receiver: Decoder<ROOM>,
    at_sender: Decoder<ROOM>,
    line_free: Instant,
    reopenings: u32,
}

impl TransferWorld {
    pub(super) fn new(mut plan: WorldPlan) -> Self {
        plan.resets.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        let size = plan.pieces * PIECE + plan.tail;
        // Each place has a byte of its own kind, zeros among them.
        let object = (0..size).map(|at| (at ^ at >> 7).to_le_bytes()[0]);
        let (now, opened) = (Instant(0), opened(0, size));
        let patience = TransferPatience::default();
        let taking = (plan.order, plan.room);
        let mut world = Self {
            now,
            status: TransferStatus::UnderWay,
            pieces_sent: 0,
            pieces_lost: 0,
            written_again: vec![0],
            object: object.collect(),
            store: vec![0xEE; usize::try_from(size).expect("small")],
            written: vec![false; usize::try_from(plan.pieces + 1).expect("small")],
            acknowledged: 0,
            sender: TransferSender::new(now, &opened, patience),
            receiver: TransferReceiver::new(now, &opened, taking, patience),
            nonce: Nonce(1),
            forward: BadLine::new(plan.rates, plan.seed),
            backward: BadLine::new(plan.rates, plan.seed.rotate_left(32)),
            at_receiver: Decoder::new(Manner::DEVICE_SERIAL),
            at_sender: Decoder::new(Manner::HOST),
            line_free: now,
            reopenings: 0,
            plan,
        };
        world.enter();
        world
    }

    pub(super) fn is_whole(&self) -> bool {
        self.store == self.object
    }

    /// Returns whether what the receiver says it has is right.
    pub(super) fn prefix_is_right(&self) -> bool {
        let end = usize::try_from(self.acknowledged).expect("small");
        self.store[..end] == self.object[..end]
    }

    /// Runs until the sender knows that all is there, or it is given up.
    pub(super) fn run(&mut self) {
        loop {
            self.befall();
            self.deliver();
            self.say();
            assert!(self.prefix_is_right(), "{:?}", self.plan);
            self.status = self.sender.status(self.now);
            match self.status {
                TransferStatus::Complete => return,
                TransferStatus::Stalled if self.reopenings == REOPENINGS_MOST => return,
                TransferStatus::Stalled if self.is_dead() => return,
                TransferStatus::Stalled => {
                    self.reopenings += 1;
                    self.reopen();
                }
                TransferStatus::UnderWay => self.now = self.next_moment(),
            }
        }
    }

    fn is_dead(&self) -> bool {
        self.plan.dies_at.is_some_and(|at| at <= self.now.0)
    }

    /// Resets an end if it is time.
    fn befall(&mut self) {
        let due = self.plan.resets.last().filter(|(at, _)| *at <= self.now.0);
        if let Some((_, reset)) = due.copied() {
            self.plan.resets.pop();
            // Either way the session is another, and the store alone knows what is there.
            if reset == WorldReset::Sender {
                self.at_sender = Decoder::new(Manner::HOST);
            } else {
                self.at_receiver = Decoder::new(Manner::DEVICE_SERIAL);
            }
            self.reopen();
        }
    }

    fn reopen(&mut self) {
        self.now.0 += REOPEN_MS;
        self.nonce.0 += 1;
        let opened = opened(self.acknowledged, self.object.len() as u64);
        let patience = TransferPatience::default();
        let taking = (self.plan.order, self.plan.room);
        self.sender = TransferSender::new(self.now, &opened, patience);
        self.receiver = TransferReceiver::new(self.now, &opened, taking, patience);
        self.written_again.push(0);
        self.enter();
    }

    fn enter(&mut self) {
        self.at_receiver.enter(Some(self.nonce));
        self.at_sender.enter(Some(self.nonce));
    }

    fn deliver(&mut self) {
        while let Some(bytes) = self.forward.arrival(self.now) {
            for byte in bytes {
                if let Step::Frame(frame) = self.at_receiver.push(self.now, byte)
                    && (frame.header.class, frame.header.opcode) == (Class::Data, PIECE_OPCODE)
                {
                    let piece = ObjectPiece::read(frame.body).expect("no frame is damaged");
                    let (at, length) = (piece.offset, piece.bytes.len());
                    let decision = self.receiver.on_piece(self.now, at, length);
                    assert_ne!(decision, PieceDecision::Malformed);
                    if let PieceDecision::WriteAt(at) = decision {
                        let at = usize::try_from(at).expect("small");
                        self.store[at..at + length].copy_from_slice(piece.bytes);
                        let number = at / usize::try_from(PIECE).expect("small");
                        let was = std::mem::replace(&mut self.written[number], true);
                        *self.written_again.last_mut().expect("one") += u64::from(was);
                    }
                    self.acknowledged = self.receiver.acknowledged();
                }
            }
        }
        while let Some(bytes) = self.backward.arrival(self.now) {
            for byte in bytes {
                if let Step::Frame(frame) = self.at_sender.push(self.now, byte) {
                    let credit = PieceCredit::read(frame.body).expect("no frame is damaged");
                    self.sender.on_credit(self.now, credit);
                }
            }
        }
    }

    /// Has both ends send what they have.
    fn say(&mut self) {
        let is_dead = self.is_dead();
        while let Some(credit) = self.receiver.credit(self.now) {
            let header = Header::new(Class::Credit, Sequence(0), PIECE_CREDIT_OPCODE);
            let packet = frame::encode::<ROOM>(header, self.nonce, |out| credit.write(out));
            if !is_dead {
                self.backward.send(self.now, packet.expect("room").to_vec());
            }
        }
        if self.line_free <= self.now
            && let Some(range) = self.sender.next_piece(self.now)
        {
            self.line_free = Instant(self.now.0 + FRAME_MS);
            let at = usize::try_from(range.offset).expect("small");
            let piece = ObjectPiece {
                transfer: TransferId(1),
                offset: range.offset,
                bytes: &self.object[at..at + usize::from(range.length)],
            };
            let header = Header::new(Class::Data, Sequence(0), PIECE_OPCODE);
            let packet = frame::encode::<ROOM>(header, self.nonce, |out| piece.write(out));
            let packet = packet.expect("room").to_vec();
            self.pieces_sent += 1;
            let arrives = !is_dead && self.forward.send(self.now, packet);
            self.pieces_lost += u64::from(!arrives);
        }
    }

    fn next_moment(&self) -> Instant {
        let reset = self.plan.resets.last().map(|(at, _)| Instant(*at));
        let line = (self.now < self.line_free).then_some(self.line_free);
        let ends = [self.sender.deadline(), self.receiver.deadline()];
        let lines = [self.forward.deadline(), self.backward.deadline()];
        let all = ends.into_iter().chain(lines).chain([reset, line]);
        // A receiver that has stalled waits for the sender to do so.
        let later = all.flatten().filter(|at| self.now < *at).min();
        later.expect("an end has a deadline")
    }
}

fn opened(offset: u64, size: u64) -> TransferOpened {
    let piece = u16::try_from(PIECE).ok().and_then(NonZeroU16::new);
    let opened = TransferOpened::new(TransferId(1), offset, size, piece.expect("a length"));
    opened.expect("no more is there than there is")
}
