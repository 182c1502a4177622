//! Which boot this is: counted in retained memory, beside the last power operation.

use crate::hardware::{Birth, RETAINED_BYTES, Retained};
use lastword_protocol::frame::{self, Class, Header};
use lastword_protocol::identity::Cause;
use lastword_protocol::message::SCHEMA_HASH;
use lastword_protocol::power::LastOperation;
use lastword_protocol::{BootId, Nonce, Sequence};
use serde::{Deserialize, Serialize};

/// What survives a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The boots, from wherever counting began.
    pub(crate) boots: u32,
    /// The last power operation.
    pub(crate) last: Option<LastOperation>,
}

/// What is known at the start of a boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Boot {
    pub(crate) id: BootId,
    pub(crate) cause: Cause,
    pub(crate) record: Record,
}

impl Boot {
    /// Counts this boot and concludes what became of the last operation.
    pub(crate) fn begin(board: &mut (impl Birth + Retained)) -> Self {
        let watchdog_bit = board.watchdog_bit();
        let (boots, last, cause) = match Record::read(&board.load()) {
            None => (board.chance(), None, Cause::PowerOn),
            Some(Record { boots, last }) => {
                let cause = if watchdog_bit {
                    Cause::Watchdog
                } else if last.is_some_and(|last| last.explains_boot()) {
                    Cause::Requested
                } else {
                    Cause::External
                };
                (boots, last.map(LastOperation::after_boot), cause)
            }
        };
        let boots = boots.wrapping_add(1);
        let record = Record { boots, last };
        // A board that cannot keep this counts the next boot as it counts this one; there is
        // nobody to tell yet.
        let _ = record.write(board);
        Self {
            id: boot_id(board.unique(), boots),
            cause,
            record,
        }
    }
}

/// What the record is summed with: another layout is another record.
const LAYOUT: Nonce = Nonce(SCHEMA_HASH);

impl Record {
    /// Reads what was retained; `None` if that is not what was last written.
    fn read(bytes: &[u8; RETAINED_BYTES]) -> Option<Self> {
        let mut bytes = *bytes;
        let mut parts = bytes.split_mut(|byte| *byte == frame::DELIMITER);
        // A frame, because the code for one is there: it has a checksum and knows its end.
        let frame = frame::decode(parts.nth(1)?, Some(LAYOUT))?;
        postcard::from_bytes(frame.body).ok()
    }

    /// Keeps the record; whether it is kept.
    pub(crate) fn write(&self, board: &mut impl Retained) -> bool {
        let header = Header::new(Class::Data, Sequence(0), 0);
        let packet = frame::encode::<RETAINED_BYTES>(header, LAYOUT, |out| {
            postcard::to_slice(self, out).map(|body| body.len()).ok()
        });
        let Ok(mut packet) = packet else {
            return false;
        };
        packet.resize(RETAINED_BYTES, 0).is_ok()
            && packet.first_chunk().is_some_and(|bytes| board.store(bytes))
    }
}

/// 128 bits: the board's own, and the boot.
fn boot_id(unique: [u8; 12], boots: u32) -> BootId {
    let mut id = [0; 16];
    let (board, count) = id.split_at_mut(unique.len());
    board.copy_from_slice(&unique);
    count.copy_from_slice(&boots.to_le_bytes());
    BootId(id)
}
