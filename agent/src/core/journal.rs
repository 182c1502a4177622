//! The journal: a durable sequence of records, of bounded size, that a cut of the power at any operation
//! leaves whole.
//!
//! Two files take turns. Each begins with a snapshot, which stands for all records before it; records are
//! appended behind that. A compaction writes the other file anew, with a newer snapshot; the older file stays
//! until the next one, so that a snapshot that rots is made good from the file before. A file comes into being
//! by [`replace`] only and nothing shortens one in place: what is torn or damaged is left out of a new file.

mod format;
mod opening;
mod reading;

use super::storage::{BrokenFile, Storage, replace};
use format::{FileContent, FileHeader, HEADER_BYTES, RECORD_OVERHEAD_BYTES};
use opening::{SettlePlan, read_slot};
use std::io;
use std::num::NonZeroU8;

pub use format::{JournalId, JournalRecord, RecordKind};

/// The names of the two files in the state directory.
pub const SLOTS: [&str; 2] = ["journal.0", "journal.1"];

/// The bounds of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the unit comes last")]
pub struct JournalLimits {
    file_max_bytes: usize,
    payload_max_bytes: usize,
    snapshot_max_bytes: usize,
}

impl JournalLimits {
    /// 64 KiB for each of the two files, 32 KiB for a snapshot, 4 KiB for a record's payload.
    pub const DEFAULT: Self = match Self::new(64 << 10, 32 << 10, 4 << 10) {
        Some(limits) => limits,
        None => panic!("a record has room behind a snapshot"),
    };

    /// Returns limits of a file, its snapshot and a record's payload, in bytes; `None` if a snapshot and a
    /// record might not fit into a file. After damage, a file may be twice as long until the next compaction.
    #[must_use]
    pub const fn new(
        file_max_bytes: usize,
        snapshot_max_bytes: usize,
        payload_max_bytes: usize,
    ) -> Option<Self> {
        let rest = file_max_bytes.saturating_sub(HEADER_BYTES + RECORD_OVERHEAD_BYTES);
        let rest = rest.saturating_sub(snapshot_max_bytes);
        if rest < payload_max_bytes || file_max_bytes > u32::MAX as usize {
            return None;
        }
        Some(Self {
            file_max_bytes,
            payload_max_bytes,
            snapshot_max_bytes,
        })
    }
}

/// The reason why a record or a snapshot is not in the journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file has no room for it: [`Journal::compact`], then append again.
    #[error("the journal has no room for {needed_bytes} bytes; compact it")]
    Full {
        /// The room that the record takes, in bytes.
        needed_bytes: usize,
    },
    /// It is larger than the limits allow, whatever the journal holds.
    #[error("{bytes} bytes are too many for the journal; the most is {max_bytes}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        max_bytes: usize,
    },
    /// The disk has refused, and may hold it nevertheless until an append or a compaction succeeds.
    #[error("the journal cannot be written")]
    Storage(#[from] io::Error),
}

/// A journal, and its content at that time.
#[derive(Debug)]
pub struct OpenedJournal {
    /// The journal.
    pub journal: Journal,
    /// The state behind which the records come; empty: they begin at the beginning.
    pub snapshot: Vec<u8>,
    /// The records since.
    pub records: Vec<JournalRecord>,
    /// The length of an unfinished record that was cut off at the end; 0: none.
    pub torn_bytes: usize,
    /// The damaged files. Where records may be missing, a record of [`RecordKind::Damage`] is in their place.
    pub broken: Vec<BrokenFile>,
    /// The reason why the last record may not be durable. The journal tries again at the next append.
    pub unsettled: Option<io::Error>,
}

/// The writing end of the journal.
#[derive(Debug)]
pub struct Journal {
    limits: JournalLimits,
    header: FileHeader,
    slot: usize,
    /// The current file, as far as it is durable, or will be when it is settled.
    file: Vec<u8>,
    last: u64,
    /// The disk has the file, and nothing more. Otherwise an operation has failed, and the file is to be
    /// written anew before anything is appended to it: nothing can land behind a torn record, and what a
    /// failed sync left in the cache is written again.
    is_settled: bool,
}

impl Journal {
    /// Opens the journal, or begins one as `fresh`. On return its content is durable, even if an agent was
    /// killed while it wrote, unless [`OpenedJournal::unsettled`] says otherwise.
    ///
    /// # Errors
    ///
    /// If a damaged file cannot be kept aside, or its damage not be recorded. The journal is then unreadable,
    /// and can be opened again.
    pub fn open<S>(
        storage: &mut S,
        limits: JournalLimits,
        fresh: JournalId,
    ) -> io::Result<OpenedJournal>
    where
        S: Storage + ?Sized,
    {
        let slots = [0, 1].map(|slot| read_slot(storage, slot));
        let plan = SettlePlan::new(&slots, fresh, limits);
        let (header, file) = plan.content.encode();
        let (broken, unsettled) = match plan.settle(storage, &file) {
            Ok(broken) => (broken, None),
            Err(error) if plan.is_damaged() => return Err(error),
            Err(error) => (Vec::new(), Some(error)),
        };
        let opened = OpenedJournal {
            journal: Self {
                limits,
                header,
                slot: plan.slot,
                file,
                last: plan.content.last_sequence(),
                is_settled: unsettled.is_none(),
            },
            snapshot: plan.content.snapshot,
            records: plan.content.records,
            torn_bytes: plan.torn_bytes,
            broken,
            unsettled,
        };
        opened.log();
        Ok(opened)
    }

    /// Appends a record and returns its sequence. On return the record is durable.
    ///
    /// # Errors
    ///
    /// [`JournalError`]. The record has then no sequence; the next one gets it.
    pub fn append<S>(
        &mut self,
        storage: &mut S,
        kind: NonZeroU8,
        payload: &[u8],
    ) -> Result<u64, JournalError>
    where
        S: Storage + ?Sized,
    {
        at_most(payload.len(), self.limits.payload_max_bytes)?;
        let needed_bytes = RECORD_OVERHEAD_BYTES + payload.len();
        if needed_bytes > self.room_bytes() {
            return Err(JournalError::Full { needed_bytes });
        }
        let record = JournalRecord {
            sequence: self.last.saturating_add(1),
            kind: RecordKind::Entry(kind),
            payload: payload.to_vec(),
        };
        let durable_len = self.file.len();
        self.header.push_record(&mut self.file, &record);
        if let Err(error) = self.write_from(storage, durable_len) {
            self.file.truncate(durable_len);
            return Err(error.into());
        }
        self.last = record.sequence;
        Ok(record.sequence)
    }

    /// Replaces all records by a snapshot of the state that they led to. On return that is durable.
    ///
    /// # Errors
    ///
    /// [`JournalError::TooLarge`], and nothing has changed; or [`JournalError::Storage`], and the next append
    /// tries again to write the snapshot.
    pub fn compact<S>(&mut self, storage: &mut S, snapshot: &[u8]) -> Result<(), JournalError>
    where
        S: Storage + ?Sized,
    {
        at_most(snapshot.len(), self.limits.snapshot_max_bytes)?;
        let content = FileContent {
            id: self.header.id,
            generation: self.header.generation.saturating_add(1),
            base: self.last,
            snapshot: snapshot.to_vec(),
            records: Vec::new(),
        };
        // The older file stays for as long as the newer one may not be there.
        if self.is_settled {
            self.slot = 1 - self.slot;
        }
        (self.header, self.file) = content.encode();
        self.is_settled = false;
        replace(storage, SLOTS[self.slot], &self.file)?;
        self.is_settled = true;
        Ok(())
    }

    /// Makes the file durable, of which the disk has the first bytes if it is settled.
    fn write_from<S>(&mut self, storage: &mut S, durable_len: usize) -> io::Result<()>
    where
        S: Storage + ?Sized,
    {
        let name = SLOTS[self.slot];
        if std::mem::replace(&mut self.is_settled, false) {
            storage.append(name, &self.file[durable_len..])?;
            storage.sync(name)?;
        } else {
            replace(storage, name, &self.file)?;
        }
        self.is_settled = true;
        Ok(())
    }

    /// Returns the journal's identity.
    #[must_use]
    pub const fn id(&self) -> JournalId {
        self.header.id
    }

    /// Returns the sequence of the last record; 0: there was none yet. It never goes back.
    #[must_use]
    pub const fn last_sequence(&self) -> u64 {
        self.last
    }

    /// Returns the sequence of the last record that is in the snapshot and no longer in the journal; 0: all are.
    #[must_use]
    pub const fn snapshot_sequence(&self) -> u64 {
        self.header.base
    }

    /// Returns the room until the next compaction, in bytes. A record takes 17 bytes beside its payload.
    #[must_use]
    pub const fn room_bytes(&self) -> usize {
        self.limits.file_max_bytes.saturating_sub(self.file.len())
    }
}

impl OpenedJournal {
    fn log(&self) {
        for broken in &self.broken {
            tracing::error!(target: "agent_recovery", "{broken}");
        }
        if self.torn_bytes > 0 {
            tracing::warn!(target: "agent_recovery", bytes = self.torn_bytes,
                "the journal ended in an unfinished record, which is cut off");
        }
        if let Some(error) = &self.unsettled {
            tracing::error!(target: "agent_recovery", %error,
                "the journal cannot be written; trying again with the next record");
        }
    }
}

const fn at_most(bytes: usize, max_bytes: usize) -> Result<(), JournalError> {
    if bytes > max_bytes {
        return Err(JournalError::TooLarge { bytes, max_bytes });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
