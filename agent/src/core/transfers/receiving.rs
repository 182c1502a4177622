//! The pieces that arrive, put in order.

use super::TRANSFER_WINDOW;
use crate::core::objects::ObjectPipe;
use lastword_protocol::transfer::TransferReceiver;
use std::collections::BTreeMap;
use std::num::NonZeroU16;

/// The receiving end of a transfer, with the pieces that are not in order.
#[derive(Debug)]
pub(super) struct ReceivingEnd {
    pub(super) receiver: TransferReceiver,
    /// The place in the object behind what went into the pipe.
    next: u64,
    /// The pieces that have overtaken a missing one, by their places.
    ahead: BTreeMap<u64, Vec<u8>>,
}

impl ReceivingEnd {
    /// An end that has everything before `offset`.
    pub(super) const fn new(receiver: TransferReceiver, offset: u64) -> Self {
        Self {
            receiver,
            next: offset,
            ahead: BTreeMap::new(),
        }
    }

    /// Has a piece written, and those behind it that wait for it.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8], pipe: &ObjectPipe) {
        if offset != self.next {
            self.ahead.insert(offset, bytes.to_vec());
            return;
        }
        pipe.push(bytes);
        self.next += bytes.len() as u64;
        while let Some(bytes) = self.ahead.remove(&self.next) {
            pipe.push(&bytes);
            self.next += bytes.len() as u64;
        }
    }
}

/// Returns how many pieces there is room for.
pub(super) fn room(pipe: &ObjectPipe, piece: NonZeroU16) -> u16 {
    let pieces = pipe.free_bytes() / usize::from(piece.get());
    u16::try_from(pieces.min(TRANSFER_WINDOW)).unwrap_or(u16::MAX)
}
