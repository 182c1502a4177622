//! Which boot this is: counted in retained memory, beside the last power operation.

mod record;

pub(crate) use record::Record;

use crate::hardware::{Birth, Retained};
use lastword_protocol::BootId;
use lastword_protocol::identity::Cause;
use lastword_protocol::power::LastOperation;
use record::{count_of, counted};

/// What is known at the start of a boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Boot {
    /// The board, in 12 bytes, and the boots, in 4, from wherever counting began.
    pub(crate) id: BootId,
    pub(crate) cause: Cause,
    pub(crate) last: Option<LastOperation>,
}

impl Boot {
    /// Counts this boot and concludes what became of the last operation.
    pub(crate) fn begin(board: &mut (impl Birth + Retained)) -> Self {
        let mut unique = BootId([0; 16]);
        if let Some(place) = unique.0.first_chunk_mut() {
            *place = board.unique();
        }
        let watchdog_bit = board.watchdog_bit();
        let (before, mut last, mut cause) = match Record::read(unique, &board.load()) {
            None => {
                let chance = counted(unique, board.chance().to_le_bytes());
                (chance, None, Cause::PowerOn)
            }
            Some(Record { boot, last }) => (boot, last, Cause::External),
        };
        if let Some(last) = &mut last {
            if last.explains_boot() {
                cause = Cause::Requested;
            }
            last.outcome = last.outcome.after_boot();
        }
        if watchdog_bit && cause != Cause::PowerOn {
            cause = Cause::Watchdog;
        }
        let count = u32::from_le_bytes(count_of(&before)).wrapping_add(1);
        let id = counted(unique, count.to_le_bytes());
        // A board that cannot keep this counts the next boot as it counts this one; there is
        // nobody to tell yet.
        let kept = last; // So that what is returned may be anywhere, and need not be copied as one.
        let _ = Record::store(&id, kept.as_ref(), board);
        Self { id, cause, last }
    }
}
