//! One end of the line: a decoder, and a sender or a receiver or both, in real frames.

use super::instant;
use super::uart_line::{SimulatedNanos, UartLine};
use anyhow::{Result, anyhow, ensure};
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::frame::{self, Class, Header, Packet, wire_bytes};
use lastword_protocol::message::TransferOpened;
use lastword_protocol::transfer::{
    ObjectPiece, PIECE_CREDIT_OPCODE, PIECE_OPCODE, PieceCredit, PieceDecision, PieceOrder,
    PieceRange, TransferPatience, TransferReceiver, TransferSender, TransferStatus, WINDOW_PIECES,
};
use lastword_protocol::{Nonce, Sequence, TransferId};

/// The name of either transfer: directions keep them apart.
pub(super) const TRANSFER: TransferId = TransferId(1);
const NONCE: Nonce = Nonce(0x5EED_1234);
/// Room for the longest frame, in bytes.
const FRAME_BYTES: usize = wire_bytes(512);

/// An end of the line.
pub(super) struct LineEnd {
    /// The direction that it sends in.
    pub(super) line: UartLine,
    decoder: Decoder<FRAME_BYTES>,
    sender: Option<TransferSender<{ WINDOW_PIECES as usize }>>,
    /// The object that it sends.
    object: Vec<u8>,
    receiver: Option<TransferReceiver>,
    store: Vec<u8>,
}

impl LineEnd {
    /// The end of a host.
    pub(super) fn host() -> Self {
        Self::new(Manner::HOST, 0x9E37_79B9_7F4A_7C15)
    }

    /// The end of a board.
    pub(super) fn device() -> Self {
        Self::new(Manner::DEVICE_SERIAL, 0xD1B5_4A32_D192_ED03)
    }

    fn new(manner: Manner, seed: u64) -> Self {
        let mut decoder = Decoder::new(manner);
        decoder.enter(Some(NONCE));
        Self {
            line: UartLine::new(seed),
            decoder,
            sender: None,
            object: Vec::new(),
            receiver: None,
            store: Vec::new(),
        }
    }

    /// Has it send an object.
    pub(super) fn sends(&mut self, opened: &TransferOpened) {
        self.object = incompressible(opened.size());
        let patience = TransferPatience::default();
        self.sender = Some(TransferSender::new(
            instant(SimulatedNanos(0)),
            opened,
            patience,
        ));
    }

    /// Has it receive one.
    pub(super) fn receives(&mut self, opened: &TransferOpened, taking: (PieceOrder, u16)) {
        let (now, patience) = (instant(SimulatedNanos(0)), TransferPatience::default());
        self.receiver = Some(TransferReceiver::new(now, opened, taking, patience));
    }

    /// Returns the lengths of the frames that hold the pieces of an object, in bytes.
    pub(super) fn frames(mut self, opened: &TransferOpened) -> Result<Vec<i32>> {
        self.sends(opened);
        let pieces = (0..opened.size()).step_by(opened.piece().get().into());
        let lengths = pieces.map(|offset| {
            let left = u16::try_from(opened.size() - offset).unwrap_or(u16::MAX);
            let length = left.min(opened.piece().get());
            let packet = self.frame(PieceRange { offset, length })?;
            Ok(i32::try_from(packet.len())?)
        });
        lengths.collect()
    }

    /// Returns whether all that it sends is known to be there.
    pub(super) fn is_done(&self) -> bool {
        let sender = self.sender.as_ref();
        sender.is_none_or(|sender| sender.acknowledged() == sender.size())
    }

    /// Returns whether what it has received is the object that everybody sends.
    pub(super) fn is_whole(&self) -> bool {
        let receiver = self.receiver.as_ref();
        receiver.is_none_or(|receiver| self.store == incompressible(receiver.size()))
    }

    /// The number of pieces that it sent again.
    pub(super) fn sent_again(&self) -> u64 {
        self.sender.as_ref().map_or(0, TransferSender::sent_again)
    }

    /// Sends what there is to send, credits first.
    pub(super) fn work(&mut self, now: SimulatedNanos) -> Result<()> {
        let time = instant(now);
        while self.line.has_room(now) {
            if let Some(credit) = self.receiver.as_mut().and_then(|it| it.credit(time)) {
                let header = Header::new(Class::Credit, Sequence(0), PIECE_CREDIT_OPCODE);
                let packet: Packet<FRAME_BYTES> =
                    frame::encode(header, NONCE, |out| credit.write(out))?;
                self.line.send(now, &packet);
            } else if let Some(range) = self.sender.as_mut().and_then(|it| it.next_piece(time)) {
                let packet = self.frame(range)?;
                self.line.send(now, &packet);
            } else {
                break;
            }
        }
        if let Some(sender) = &self.sender {
            let is_stalled = sender.status(time) == TransferStatus::Stalled;
            ensure!(!is_stalled, "the transfer has stalled");
        }
        Ok(())
    }

    fn frame(&self, range: PieceRange) -> Result<Packet<FRAME_BYTES>> {
        let begin = usize::try_from(range.offset)?;
        let bytes = self.object.get(begin..begin + usize::from(range.length));
        let piece = ObjectPiece {
            transfer: TRANSFER,
            offset: range.offset,
            bytes: bytes.ok_or_else(|| anyhow!("a piece outside of the object"))?,
        };
        let header = Header::new(Class::Data, Sequence(0), PIECE_OPCODE);
        Ok(frame::encode(header, NONCE, |out| piece.write(out))?)
    }

    /// Takes what has arrived.
    pub(super) fn take(&mut self, now: SimulatedNanos, line: &mut UartLine) {
        let time = instant(now);
        while let Some(bytes) = line.arrival(now) {
            for byte in bytes {
                let Step::Frame(frame) = self.decoder.push(time, byte) else {
                    continue;
                };
                match (frame.header.class, frame.header.opcode) {
                    (Class::Data, PIECE_OPCODE) => {
                        let receiver = self.receiver.as_mut();
                        let read = receiver.zip(ObjectPiece::read(frame.body));
                        let Some((receiver, piece)) = read else {
                            continue;
                        };
                        let length = piece.bytes.len();
                        let decision = receiver.on_piece(time, piece.offset, length);
                        if let PieceDecision::WriteAt(offset) = decision {
                            write_at(&mut self.store, offset, piece.bytes);
                        }
                    }
                    (Class::Credit, PIECE_CREDIT_OPCODE) => {
                        let sender = self.sender.as_mut();
                        if let Some((sender, credit)) = sender.zip(PieceCredit::read(frame.body)) {
                            sender.on_credit(time, credit);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    /// Returns the next time at which something happens here.
    pub(super) fn next_event(&self, now: SimulatedNanos) -> Option<SimulatedNanos> {
        let deadlines = [
            self.sender.as_ref().and_then(TransferSender::deadline),
            self.receiver.as_ref().and_then(TransferReceiver::deadline),
        ];
        let timers = deadlines.into_iter().flatten();
        let timers = timers.map(|at| SimulatedNanos(at.0.saturating_mul(1_000_000)));
        let events = self.line.next_events().into_iter().flatten();
        timers.chain(events).filter(|at| now < *at).min()
    }
}

/// Writes bytes to their place, which the store may not have yet.
fn write_at(store: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let begin = usize::try_from(offset).unwrap_or(usize::MAX);
    let end = begin.saturating_add(bytes.len());
    if store.len() < end {
        store.resize(end, 0);
    }
    if let Some(place) = store.get_mut(begin..end) {
        place.copy_from_slice(bytes);
    }
}

/// Returns bytes that no compression makes shorter: `SplitMix64` (Steele, Lea, Flood, 2014).
fn incompressible(bytes: u64) -> Vec<u8> {
    let words = (1..=bytes.div_ceil(8)).flat_map(|index| {
        let mut word = index.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word ^ word >> 31).to_le_bytes()
    });
    let mut object: Vec<u8> = words.collect();
    object.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
    object
}
