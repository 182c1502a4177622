//! The bytes of a journal file: a header, a snapshot, then records, each with its checksum.
//!
//! All integers are little-endian. A file is `header | snapshot | record…`:
//!
//! | part | fields |
//! | --- | --- |
//! | header | magic (8 bytes), journal id (16), generation (u64), base sequence (u64), snapshot length (u32), snapshot CRC (u32), header CRC (u32) |
//! | record | payload length (u32), sequence (u64), kind (u8), payload, CRC (u32) |
//!
//! A record's CRC covers the journal's id, the generation and the record's offset, too: bytes of an older
//! file, or of a record inside a payload, are no records.

use lastword_protocol::checksum::of_parts;
use std::num::NonZeroU8;

/// The first bytes of a file: name and version of the format.
const MAGIC: [u8; 8] = *b"LWJRNL\x00\x01";
/// The length of a header, in bytes.
pub(super) const HEADER_BYTES: usize = 52;
/// The bytes that a record takes beside its payload.
pub(super) const RECORD_OVERHEAD_BYTES: usize = 17;
/// The part of that which comes before the payload.
const RECORD_HEAD_BYTES: usize = RECORD_OVERHEAD_BYTES - CRC_BYTES;
const CRC_BYTES: usize = 4;

/// The identity of one journal: a board whose journal was lost or damaged as a whole has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalId(pub [u8; 16]);

/// The meaning of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// The journal was found damaged: records that came before this one may be missing. The payload is the
    /// description of the damage, in UTF-8.
    Damage,
    /// A record of the journal's user, who gives the number its meaning.
    Entry(NonZeroU8),
}

impl RecordKind {
    const fn number(self) -> u8 {
        match self {
            Self::Damage => 0,
            Self::Entry(number) => number.get(),
        }
    }

    fn from_number(number: u8) -> Self {
        NonZeroU8::new(number).map_or(Self::Damage, Self::Entry)
    }
}

/// One entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    /// The record's number: 1 more than that of the record before, or more than that if this is
    /// [`RecordKind::Damage`].
    pub sequence: u64,
    /// The record's meaning.
    pub kind: RecordKind,
    /// The record's content.
    pub payload: Vec<u8>,
}

/// The head of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileHeader {
    pub(super) id: JournalId,
    /// The number of compactions that led to this file.
    pub(super) generation: u64,
    /// The sequence of the last record that the snapshot covers.
    pub(super) base: u64,
    pub(super) snapshot_len: u32,
    pub(super) snapshot_crc: u32,
}

impl FileHeader {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(self.id.0);
        bytes.extend(self.generation.to_le_bytes());
        bytes.extend(self.base.to_le_bytes());
        bytes.extend(self.snapshot_len.to_le_bytes());
        bytes.extend(self.snapshot_crc.to_le_bytes());
        bytes.extend(of_parts(&[&bytes]).to_le_bytes());
        bytes
    }

    /// Reads a header at the front of a file.
    pub(super) fn decode(file: &[u8]) -> Option<Self> {
        let mut rest = file.get(..HEADER_BYTES)?;
        let (covered, _) = file.split_at(HEADER_BYTES - CRC_BYTES);
        if take::<8>(&mut rest)? != MAGIC {
            return None;
        }
        let header = Self {
            id: JournalId(take(&mut rest)?),
            generation: u64::from_le_bytes(take(&mut rest)?),
            base: u64::from_le_bytes(take(&mut rest)?),
            snapshot_len: u32::from_le_bytes(take(&mut rest)?),
            snapshot_crc: u32::from_le_bytes(take(&mut rest)?),
        };
        (u32::from_le_bytes(take(&mut rest)?) == of_parts(&[covered])).then_some(header)
    }

    /// Returns the snapshot's checksum, as the header has it.
    pub(super) fn checksum(snapshot: &[u8]) -> u32 {
        of_parts(&[snapshot])
    }

    /// Returns the offset of the first record, in bytes.
    pub(super) fn records_offset(&self) -> usize {
        let snapshot_len = usize::try_from(self.snapshot_len).unwrap_or(usize::MAX);
        snapshot_len.saturating_add(HEADER_BYTES)
    }

    fn record_crc(&self, offset: usize, covered: &[u8]) -> u32 {
        let offset = u64::try_from(offset).unwrap_or(u64::MAX).to_le_bytes();
        of_parts(&[&self.id.0, &self.generation.to_le_bytes(), &offset, covered])
    }

    /// Appends a record to a file of this header. The payload has less than 4 GiB.
    pub(super) fn push_record(&self, file: &mut Vec<u8>, record: &JournalRecord) {
        let offset = file.len();
        let payload_len = u32::try_from(record.payload.len()).unwrap_or(u32::MAX);
        file.extend(payload_len.to_le_bytes());
        file.extend(record.sequence.to_le_bytes());
        file.push(record.kind.number());
        file.extend(&record.payload);
        let crc = self.record_crc(offset, &file[offset..]);
        file.extend(crc.to_le_bytes());
    }

    /// Reads the record at an offset, if there is a whole one whose sequence is as wanted. Returns the offset
    /// behind it, too.
    pub(super) fn record_at(
        &self,
        file: &[u8],
        offset: usize,
        is_wanted: impl Fn(u64, RecordKind) -> bool,
    ) -> Option<(JournalRecord, usize)> {
        let mut rest = file.get(offset..)?;
        let payload_len = usize::try_from(u32::from_le_bytes(take(&mut rest)?)).ok()?;
        let sequence = u64::from_le_bytes(take(&mut rest)?);
        let [number] = take(&mut rest)?;
        let kind = RecordKind::from_number(number);
        if !is_wanted(sequence, kind) {
            return None;
        }
        let payload = rest.get(..payload_len)?;
        rest = &rest[payload_len..];
        let crc = u32::from_le_bytes(take(&mut rest)?);
        let covered = &file[offset..offset + RECORD_HEAD_BYTES + payload_len];
        let record = JournalRecord {
            sequence,
            kind,
            payload: payload.to_vec(),
        };
        let end = offset + RECORD_OVERHEAD_BYTES + payload_len;
        (crc == self.record_crc(offset, covered)).then_some((record, end))
    }
}

/// The content of a file, to be written or as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileContent {
    pub(super) id: JournalId,
    pub(super) generation: u64,
    pub(super) base: u64,
    pub(super) snapshot: Vec<u8>,
    pub(super) records: Vec<JournalRecord>,
}

impl FileContent {
    /// Returns the sequence of the last record, or of the last that the snapshot covers.
    pub(super) fn last_sequence(&self) -> u64 {
        self.records.last().map_or(self.base, |it| it.sequence)
    }

    /// Returns the header, and the file's bytes.
    pub(super) fn encode(&self) -> (FileHeader, Vec<u8>) {
        let header = FileHeader {
            id: self.id,
            generation: self.generation,
            base: self.base,
            snapshot_len: u32::try_from(self.snapshot.len()).unwrap_or(u32::MAX),
            snapshot_crc: FileHeader::checksum(&self.snapshot),
        };
        let mut file = header.encode();
        file.extend(&self.snapshot);
        for record in &self.records {
            header.push_record(&mut file, record);
        }
        (header, file)
    }
}

/// Takes bytes off the front.
fn take<const LEN: usize>(rest: &mut &[u8]) -> Option<[u8; LEN]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}
