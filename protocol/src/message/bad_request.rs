//! Bodies that hold no message, and what a board answers to them.

use super::{Reply, opcode};
use crate::codec::Writer;
use crate::refusal::{Code, Number, Pieces, Refusal};

/// Why a request frame holds no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// Answer with [`Reply::Unsupported`].
    #[error("opcode {0:#04x} is not known")]
    Unsupported(u8),
    /// Answer with a refusal: the frame is whole, but its body is not this request's.
    #[error("the body of opcode {0:#04x} does not decode")]
    Malformed(u8),
}

impl BadRequest {
    /// The reply that tells the client.
    #[must_use]
    pub fn reply(self) -> Reply {
        match self {
            Self::Unsupported(opcode) => Reply::Unsupported(opcode),
            Self::Malformed(_) => Reply::Refused(self.refusal()),
        }
    }

    /// The same as a refusal, for the body that does not decode.
    #[must_use]
    pub fn refusal(self) -> Refusal {
        self.pieces().refusal()
    }

    /// Writes the body of [`BadRequest::reply`], without making it first; returns its opcode.
    pub fn write_reply(self, out: &mut Writer<'_>) -> u8 {
        match self {
            Self::Unsupported(opcode) => {
                out.byte(opcode);
                opcode::UNSUPPORTED
            }
            Self::Malformed(_) => self.pieces().write(out),
        }
    }

    fn pieces(self) -> Pieces<'static> {
        let (Self::Unsupported(opcode) | Self::Malformed(opcode)) = self;
        Pieces {
            code: Code::BadValue,
            lead: "the body of opcode 0x",
            number: Number::Opcode(opcode),
            tail: " does not decode",
        }
    }
}

/// The message does not fit the buffer, or the bytes hold no such message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// The buffer is too small.
    #[error("the message does not fit into the buffer")]
    TooLong,
    /// The bytes are not a body of this opcode.
    #[error("the bytes are no body of opcode {0:#04x}")]
    Malformed(u8),
}
