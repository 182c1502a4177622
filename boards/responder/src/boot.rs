//! Which boot this is: counted in retained memory, beside the last power operation.

mod record;

pub(crate) use record::Record;

use crate::hardware::{Birth, Retained};
use lastword_protocol::BootId;
use lastword_protocol::identity::Cause;
use lastword_protocol::power::LastOperation;

/// What is known at the start of a boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Boot {
    pub(crate) number: Number,
    pub(crate) cause: Cause,
    pub(crate) last: Option<LastOperation>,
}

/// A boot of one board.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    /// The board.
    unique: [u8; 12],
    /// The boots, from wherever counting began.
    count: u32,
}

impl Number {
    /// As everybody else knows it.
    pub(crate) fn id(self) -> BootId {
        let mut id = [0; 16];
        if let Some((unique, count)) = id.split_first_chunk_mut::<12>() {
            *unique = self.unique;
            count.copy_from_slice(&self.count.to_le_bytes());
        }
        BootId(id)
    }
}

impl Boot {
    /// Counts this boot and concludes what became of the last operation.
    pub(crate) fn begin(board: &mut (impl Birth + Retained)) -> Self {
        let unique = board.unique();
        let watchdog_bit = board.watchdog_bit();
        let (count, last, cause) = match Record::read(unique, &board.load()) {
            None => (board.chance(), None, Cause::PowerOn),
            Some(Record { boot, last }) => {
                let cause = if watchdog_bit {
                    Cause::Watchdog
                } else if last.is_some_and(|last| last.explains_boot()) {
                    Cause::Requested
                } else {
                    Cause::External
                };
                (boot.count, last.map(LastOperation::after_boot), cause)
            }
        };
        let number = Number {
            unique,
            count: count.wrapping_add(1),
        };
        // A board that cannot keep this counts the next boot as it counts this one; there is
        // nobody to tell yet.
        let _ = board.store(&Record { boot: number, last }.to_bytes());
        Self {
            number,
            cause,
            last,
        }
    }
}
