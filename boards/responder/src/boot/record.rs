//! What survives a reset, as bytes.

use crate::hardware::{RETAINED_BYTES, Retained};
use lastword_protocol::checksum;
use lastword_protocol::message::SCHEMA_HASH;
use lastword_protocol::power::{LastOperation, Operation, Outcome};
use lastword_protocol::{BootId, OperationId};

/// What survives a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The boot that wrote it.
    pub(crate) boot: BootId,
    /// The last power operation.
    pub(crate) last: Option<LastOperation>,
}

/// Six words, all little-endian: the count of this boot; the operation's id in two; the count of
/// its boot; the operation, its outcome, and what the outcome carries, a byte and a byte and two;
/// the sum.
type Bytes = [u8; RETAINED_BYTES];

/// Stands for an operation where there was none.
const NO_OPERATION: u8 = u8::MAX;

impl Record {
    /// Reads what was retained on the board of which `boot` is one; `None` if that is not what was
    /// last written.
    pub(super) fn read(boot: BootId, bytes: &Bytes) -> Option<Self> {
        let (words, _) = bytes.as_chunks::<4>();
        let [count, low, high, then, what, sum] = *words.as_array::<6>()?;
        if u32::from_le_bytes(sum) != sum_of(bytes) {
            return None;
        }
        let [operation, outcome, low_content, high_content] = what;
        let content = u16::from_le_bytes([low_content, high_content]);
        let id = u64::from(u32::from_le_bytes(high)) << 32 | u64::from(u32::from_le_bytes(low));
        let last = Operation::from_number(operation.into())
            .zip(Outcome::from_numbers(outcome, content))
            .map(|(operation, outcome)| LastOperation {
                id: OperationId(id),
                operation,
                outcome,
                boot: counted(boot, then),
            });
        Some(Self {
            boot: counted(boot, count),
            last,
        })
    }

    /// Has the board keep it; whether it is kept for sure.
    pub(crate) fn store(
        boot: &BootId,
        last: Option<&LastOperation>,
        board: &mut impl Retained,
    ) -> bool {
        let mut bytes = [0; RETAINED_BYTES];
        Self::write(boot, last, &mut bytes);
        board.store(&bytes)
    }

    /// Writes it over `bytes`, which are all zero.
    fn write(boot: &BootId, last: Option<&LastOperation>, bytes: &mut Bytes) {
        let (words, _) = bytes.as_chunks_mut::<4>();
        if let Some([count, low, high, then, what, _]) = words.as_mut_array::<6>() {
            *count = count_of(boot);
            *what = [NO_OPERATION; 4];
            if let Some(last) = last {
                let (outcome, content) = last.outcome.numbers();
                let [low_content, high_content] = content.unwrap_or_default().to_le_bytes();
                *low = word(last.id.0);
                *high = word(last.id.0 >> 32);
                *then = count_of(&last.boot);
                *what = [last.operation as u8, outcome, low_content, high_content];
            }
        }
        let sum = sum_of(bytes);
        if let Some(place) = bytes.last_chunk_mut() {
            *place = sum.to_le_bytes();
        }
    }
}

/// The lower half.
fn word(number: u64) -> [u8; 4] {
    let low = u32::try_from(number & u64::from(u32::MAX));
    low.unwrap_or_default().to_le_bytes()
}

/// The count of a boot: the end of its id.
pub(super) const fn count_of(boot: &BootId) -> [u8; 4] {
    let [.., a, b, c, d] = boot.0;
    [a, b, c, d]
}

/// The boot of the same board with this count.
pub(super) fn counted(boot: BootId, count: [u8; 4]) -> BootId {
    let mut id = boot;
    if let Some(place) = id.0.last_chunk_mut() {
        *place = count;
    }
    id
}

/// The sum of all but the sum. Another layout is another record.
fn sum_of(bytes: &Bytes) -> u32 {
    let content = bytes.get(..RETAINED_BYTES - 4).unwrap_or_default();
    checksum::of_parts(&[&SCHEMA_HASH.to_le_bytes(), content])
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastword_protocol::power::{Evidence, Standdown};

    const BOARD: BootId = BootId([7; 16]);

    fn record(last: Option<(Operation, Outcome)>) -> Record {
        let boot = |count: u32| counted(BOARD, count.to_le_bytes());
        let last = last.map(|(operation, outcome)| LastOperation {
            id: OperationId((1 << 48) + 77),
            operation,
            outcome,
            boot: boot(0x0102_0304),
        });
        Record {
            boot: boot(0x0A0B_0C0D),
            last,
        }
    }

    fn bytes(record: &Record) -> Bytes {
        let mut bytes = [0; RETAINED_BYTES];
        Record::write(&record.boot, record.last.as_ref(), &mut bytes);
        bytes
    }

    #[test]
    fn every_record_reads_back_as_written() {
        let evidence = Evidence::ALL.into_iter();
        let carried = [Outcome::Released, Outcome::Done, Outcome::DryRun];
        let mut outcomes: std::vec::Vec<_> = evidence
            .flat_map(|evidence| carried.map(|outcome| outcome(evidence)))
            .collect();
        outcomes.extend(Standdown::ALL.map(Outcome::StoodDown));
        outcomes.extend([0, 1, 300, u16::MAX].map(Outcome::FireFailed));
        outcomes.extend([Outcome::Staged, Outcome::Interrupted]);
        for operation in Operation::ALL {
            for outcome in &outcomes {
                let record = record(Some((operation, *outcome)));
                assert_eq!(Record::read(BOARD, &bytes(&record)), Some(record));
            }
        }
        assert_eq!(
            Record::read(BOARD, &bytes(&record(None))),
            Some(record(None))
        );
    }

    #[test]
    fn a_record_with_any_bit_flipped_is_none() {
        let bytes = bytes(&record(Some((Operation::Reboot, Outcome::Staged))));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Record::read(BOARD, &flipped), None, "bit {bit}");
        }
    }

    #[test]
    fn what_a_memory_holds_at_power_on_is_none() {
        for byte in [0x00, 0xFF, 0xA5] {
            assert_eq!(Record::read(BOARD, &[byte; RETAINED_BYTES]), None);
        }
    }
}
