//! The requests and the reply that open and end transfers of objects. What travels meanwhile is in
//! [`crate::transfer`].

use super::{BadRequest, opcode};
use crate::codec::{Field, Reader, Writer, fields};
use crate::units::{ObjectHash, TransferId};
use core::num::NonZeroU16;

/// A request about an object of a board's store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferRequest {
    /// Store an object. Answered by [`TransferOpened`], or by `Done` if the store has it.
    Put {
        /// Its name.
        hash: ObjectHash,
        /// Its length in bytes.
        size: u64,
        /// The longest piece that the client sends, in bytes; at least 1.
        piece_max: NonZeroU16,
    },
    /// Send an object. Answered by [`TransferOpened`].
    Get {
        /// Its name.
        hash: ObjectHash,
        /// The number of bytes that the client has: the first byte that is sent.
        from: u64,
        /// The longest piece that the client takes, in bytes; at least 1.
        piece_max: NonZeroU16,
    },
    /// Check the hash of what was put, and keep it. Answered by `Done` when it is durable.
    Commit(TransferId),
    /// End a transfer in either direction. Answered by `Done`.
    Cancel(TransferId),
}

impl TransferRequest {
    /// Returns its opcode.
    #[must_use]
    pub const fn opcode(&self) -> u8 {
        match self {
            Self::Put { .. } => opcode::PUT,
            Self::Get { .. } => opcode::GET,
            Self::Commit(_) => opcode::TRANSFER_COMMIT,
            Self::Cancel(_) => opcode::TRANSFER_CANCEL,
        }
    }

    /// Reads a request; `None` if the opcode is none of these.
    ///
    /// # Errors
    ///
    /// [`BadRequest::Malformed`] if the body is not this request's.
    #[must_use]
    pub fn read(opcode: u8, body: &[u8]) -> Option<Result<Self, BadRequest>> {
        let mut body = Reader::new(body);
        let request = match opcode {
            opcode::PUT => Self::Put {
                hash: read_hash(&mut body),
                size: body.number(),
                piece_max: read_piece(&mut body),
            },
            opcode::GET => Self::Get {
                hash: read_hash(&mut body),
                from: body.number(),
                piece_max: read_piece(&mut body),
            },
            opcode::TRANSFER_COMMIT => Self::Commit(read_id(&mut body)),
            opcode::TRANSFER_CANCEL => Self::Cancel(read_id(&mut body)),
            _ => return None,
        };
        Some(body.finish(request).ok_or(BadRequest::Malformed(opcode)))
    }
}

impl Field for TransferRequest {
    fn write(&self, out: &mut Writer<'_>) {
        let (Self::Put {
            hash,
            size: number,
            piece_max,
        }
        | Self::Get {
            hash,
            from: number,
            piece_max,
        }) = self
        else {
            let (Self::Commit(transfer) | Self::Cancel(transfer)) = self else {
                return;
            };
            return transfer.write(out);
        };
        hash.write(out);
        number.write(out);
        piece_max.write(out);
    }
}

/// An open transfer: the bytes of an object from an offset on, in pieces of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferOpened {
    transfer: TransferId,
    offset: u64,
    size: u64,
    piece: NonZeroU16,
}

fields! {
    TransferOpened { transfer, offset, size, piece }
}

impl TransferOpened {
    /// A transfer of the bytes from `offset` to `size`, cut into pieces of `piece` bytes from
    /// `offset` on; the last may be shorter. `None` if `offset` lies behind `size`.
    #[must_use]
    pub const fn new(
        transfer: TransferId,
        offset: u64,
        size: u64,
        piece: NonZeroU16,
    ) -> Option<Self> {
        if size < offset {
            return None;
        }
        Some(Self {
            transfer,
            offset,
            size,
            piece,
        })
    }

    /// The board's name for it.
    #[must_use]
    pub const fn transfer(&self) -> TransferId {
        self.transfer
    }

    /// The first byte that travels: what lies before it is there already.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The length of the object in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The length of a piece in bytes.
    #[must_use]
    pub const fn piece(&self) -> NonZeroU16 {
        self.piece
    }

    /// Reads the body of the reply.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        let mut body = Reader::new(body);
        let transfer = read_id(&mut body);
        let (offset, size) = (body.number(), body.number());
        let piece = read_piece(&mut body);
        let opened = Self::new(transfer, offset, size, piece)?;
        body.finish(opened)
    }
}

fn read_hash(body: &mut Reader<'_>) -> ObjectHash {
    ObjectHash(core::array::from_fn(|_| body.byte()))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the reader has bounded the number"
)]
fn read_id(body: &mut Reader<'_>) -> TransferId {
    TransferId(body.number_within(u32::MAX.into()) as u32)
}

/// Reads the length of a piece; a board is not asked for pieces of nothing.
fn read_piece(body: &mut Reader<'_>) -> NonZeroU16 {
    let number = body.number_within(u16::MAX.into());
    let length = u16::try_from(number).ok().and_then(NonZeroU16::new);
    if length.is_none() {
        body.reject();
    }
    length.unwrap_or(NonZeroU16::MIN)
}
