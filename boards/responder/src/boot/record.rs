//! What survives a reset, as bytes.

use super::Number;
use crate::hardware::RETAINED_BYTES;
use lastword_protocol::OperationId;
use lastword_protocol::checksum;
use lastword_protocol::message::SCHEMA_HASH;
use lastword_protocol::power::{Evidence, LastOperation, Operation, Outcome, Standdown};

/// What survives a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The boot that wrote it.
    pub(crate) boot: Number,
    /// The last power operation.
    pub(crate) last: Option<LastOperation>,
}

/// count:u32 id:u64 boot of the operation:u32 operation:u8 outcome:u8 its argument:u16 sum:u32,
/// all little-endian.
type Bytes = [u8; RETAINED_BYTES];

const SUM_AT: usize = RETAINED_BYTES - 4;
/// Stands for an operation where there was none.
const NO_OPERATION: u8 = u8::MAX;

impl Record {
    /// Reads what was retained on this board; `None` if that is not what was last written.
    pub(super) fn read(unique: [u8; 12], bytes: &Bytes) -> Option<Self> {
        let (content, sum) = bytes.split_last_chunk::<4>()?;
        if sum_of(content) != u32::from_le_bytes(*sum) {
            return None;
        }
        let (count, content) = content.split_first_chunk()?;
        let (id, content) = content.split_first_chunk()?;
        let (then, content) = content.split_first_chunk()?;
        let [operation, outcome, argument @ ..] = *content.first_chunk::<4>()?;
        let number = |count| Number {
            unique,
            count: u32::from_le_bytes(count),
        };
        let last = LastOperation {
            id: OperationId(u64::from_le_bytes(*id)),
            operation: *Operation::ALL
                .get(usize::from(operation))
                .unwrap_or(&Operation::Reboot),
            outcome: unpack(outcome, u16::from_le_bytes(argument))?,
            boot: number(*then).id(),
        };
        Some(Self {
            boot: number(*count),
            last: (operation != NO_OPERATION).then_some(last),
        })
    }

    pub(crate) fn to_bytes(self) -> Bytes {
        let mut bytes = [0; RETAINED_BYTES];
        let (operation, id, then, (outcome, argument)) = match self.last {
            None => (NO_OPERATION, 0, 0, (0, 0)),
            Some(last) => {
                let [.., a, b, c, d] = last.boot.0;
                let then = u32::from_le_bytes([a, b, c, d]);
                (last.operation as u8, last.id.0, then, pack(last.outcome))
            }
        };
        let at = put(&mut bytes, 0, &self.boot.count.to_le_bytes());
        let at = put(&mut bytes, at, &id.to_le_bytes());
        let at = put(&mut bytes, at, &then.to_le_bytes());
        let at = put(&mut bytes, at, &[operation, outcome]);
        put(&mut bytes, at, &argument.to_le_bytes());
        let sum = sum_of(bytes.get(..SUM_AT).unwrap_or_default());
        put(&mut bytes, SUM_AT, &sum.to_le_bytes());
        bytes
    }
}

/// Puts `content` at `at`, and returns what is behind it.
fn put(bytes: &mut Bytes, at: usize, content: &[u8]) -> usize {
    let places = bytes.iter_mut().skip(at);
    places.zip(content).for_each(|(place, byte)| *place = *byte);
    at + content.len()
}

/// Another layout is another record.
fn sum_of(content: &[u8]) -> u32 {
    checksum::of_parts(&[&SCHEMA_HASH.to_le_bytes(), content])
}

/// A number for the outcome, and one for what it carries.
const fn pack(outcome: Outcome) -> (u8, u16) {
    match outcome {
        Outcome::Staged => (0, 0),
        Outcome::Released(evidence) => (1, evidence as u16),
        Outcome::Done(evidence) => (2, evidence as u16),
        Outcome::FireFailed(code) => (3, code),
        Outcome::StoodDown(why) => (4, why as u16),
        Outcome::Interrupted => (5, 0),
        Outcome::DryRun(evidence) => (6, evidence as u16),
    }
}

fn unpack(outcome: u8, argument: u16) -> Option<Outcome> {
    let at = usize::from(argument);
    let evidence = Evidence::ALL.get(at).copied();
    Some(match outcome {
        0 => Outcome::Staged,
        1 => Outcome::Released(evidence?),
        2 => Outcome::Done(evidence?),
        3 => Outcome::FireFailed(argument),
        4 => Outcome::StoodDown(*Standdown::ALL.get(at)?),
        5 => Outcome::Interrupted,
        6 => Outcome::DryRun(evidence?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIQUE: [u8; 12] = [7; 12];

    fn record(last: Option<(Operation, Outcome)>) -> Record {
        let boot = |count| Number {
            unique: UNIQUE,
            count,
        };
        let last = last.map(|(operation, outcome)| LastOperation {
            id: OperationId((1 << 48) + 77),
            operation,
            outcome,
            boot: boot(0x0102_0304).id(),
        });
        Record {
            boot: boot(0x0A0B_0C0D),
            last,
        }
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
                assert_eq!(Record::read(UNIQUE, &record.to_bytes()), Some(record));
            }
        }
        assert_eq!(
            Record::read(UNIQUE, &record(None).to_bytes()),
            Some(record(None))
        );
    }

    #[test]
    fn a_record_with_any_bit_flipped_is_none() {
        let bytes = record(Some((Operation::Reboot, Outcome::Staged))).to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Record::read(UNIQUE, &flipped), None, "bit {bit}");
        }
    }

    #[test]
    fn what_a_memory_holds_at_power_on_is_none() {
        for byte in [0x00, 0xFF, 0xA5] {
            assert_eq!(Record::read(UNIQUE, &[byte; RETAINED_BYTES]), None);
        }
    }
}
