//! The decision over what two journal files hold: what is the journal now, what is kept aside, what is
//! written.

use super::format::{FileContent, JournalId, JournalRecord, RECORD_OVERHEAD_BYTES, RecordKind};
use super::reading::{FileTail, ReadFile, SlotState};
use super::{JournalLimits, SLOTS};
use crate::core::storage::{BrokenFile, Storage, load, replace};
use std::io;

/// The writes that come before the journal can be used.
#[derive(Debug)]
pub(super) struct SettlePlan {
    pub(super) content: FileContent,
    /// The file that is to have it.
    pub(super) slot: usize,
    /// The length of a torn record that is left out.
    pub(super) torn_bytes: usize,
    /// The files that are kept aside, and why.
    aside: Vec<(usize, String)>,
}

/// Reads one of the two files. One that cannot be read is damaged.
pub(super) fn read_slot<S: Storage + ?Sized>(storage: &mut S, slot: usize) -> SlotState {
    match load(storage, SLOTS[slot]) {
        Ok(None) => SlotState::Absent,
        Ok(Some(file)) => SlotState::parse(&file),
        Err(error) => SlotState::Unusable(error.to_string()),
    }
}

impl SettlePlan {
    /// Decides. A journal that is not there, or not readable at all, begins anew as `fresh`.
    pub(super) fn new(slots: &[SlotState; 2], fresh: JournalId, limits: JournalLimits) -> Self {
        let damage = |slot: usize| Some((slot, slots[slot].damage()?));
        let aside: Vec<_> = (0..2).filter_map(damage).collect();
        let readable = |slot: usize| Some((slot, slots[slot].readable()?));
        let newest = (0..2).filter_map(readable);
        let newest = newest.max_by_key(|(_, file)| file.header.generation);
        let Some((slot, newest)) = newest else {
            return Self::fresh(fresh, aside);
        };
        let other = &slots[1 - slot];
        let (mut content, is_complete) = salvage(newest, other);
        if !is_complete {
            // As many as a file has room for may be missing.
            let missing = newest.len.max(limits.file_max_bytes) / RECORD_OVERHEAD_BYTES;
            let missing = u64::try_from(missing).unwrap_or(u64::MAX);
            let last = other.readable().map_or(0, ReadFile::last_sequence);
            let last = last.max(newest.last_sequence());
            let sequence = last.saturating_add(missing).saturating_add(1);
            content.records.push(damage_record(sequence, &aside));
        }
        if !aside.is_empty() {
            // Beyond the generation of a file whose header is lost.
            content.generation = newest.header.generation.saturating_add(2);
        }
        let torn_bytes = match newest.tail {
            FileTail::Torn { bytes } => bytes,
            FileTail::Clean | FileTail::Damaged { .. } => 0,
        };
        Self {
            content,
            slot: target(slot, &aside),
            torn_bytes,
            aside,
        }
    }

    fn fresh(id: JournalId, aside: Vec<(usize, String)>) -> Self {
        let damaged = !aside.is_empty();
        let content = FileContent {
            id,
            generation: 1,
            base: 0,
            snapshot: Vec::new(),
            records: damaged
                .then(|| damage_record(1, &aside))
                .into_iter()
                .collect(),
        };
        Self {
            content,
            slot: target(0, &aside),
            torn_bytes: 0,
            aside,
        }
    }

    /// Returns whether a file was damaged.
    pub(super) fn is_damaged(&self) -> bool {
        !self.aside.is_empty()
    }

    /// Writes the journal anew, which cuts off what was torn and makes durable what an agent was killed over;
    /// then keeps the damaged files aside. In this order, so that whenever the power fails, the damage is
    /// either still there to be found or on record.
    pub(super) fn settle<S>(&self, storage: &mut S, file: &[u8]) -> io::Result<Vec<BrokenFile>>
    where
        S: Storage + ?Sized,
    {
        let mut kept = Vec::new();
        for (slot, why) in self.aside.iter().filter(|(slot, _)| *slot == self.slot) {
            kept.push(keep_aside(storage, *slot, why)?);
        }
        replace(storage, SLOTS[self.slot], file)?;
        for (slot, why) in self.aside.iter().filter(|(slot, _)| *slot != self.slot) {
            kept.push(keep_aside(storage, *slot, why)?);
        }
        Ok(kept)
    }
}

/// Returns what is whole of the newest file, or of the one before with the newest one's records, and whether
/// that is all there was.
fn salvage(newest: &ReadFile, other: &SlotState) -> (FileContent, bool) {
    let is_on_record = |file: &ReadFile| matches!(file.records.last(), Some(last) if last.kind == RecordKind::Damage);
    // A file without a header may have been the newest, unless its damage is the last thing on record.
    let is_newest = !matches!(other, SlotState::Unusable(_)) || is_on_record(newest);
    let has_all_records = !matches!(newest.tail, FileTail::Damaged { .. });
    if let Some(content) = newest.content() {
        return (content, has_all_records && is_newest);
    }
    let older = other
        .readable()
        .filter(|it| it.header.id == newest.header.id);
    let Some(mut content) = older.and_then(ReadFile::content) else {
        let content = FileContent {
            id: newest.header.id,
            generation: newest.header.generation,
            base: newest.header.base,
            snapshot: Vec::new(),
            records: Vec::new(),
        };
        return (content, false);
    };
    let reaches_newest = content.last_sequence() == newest.header.base;
    if reaches_newest {
        content.records.extend(newest.records.iter().cloned());
    }
    (content, reaches_newest && has_all_records)
}

/// Chooses a file that is not kept aside; `wanted` if none is.
fn target(wanted: usize, aside: &[(usize, String)]) -> usize {
    match aside {
        [] => wanted,
        [(slot, _)] => 1 - slot,
        _ => 0,
    }
}

fn damage_record(sequence: u64, aside: &[(usize, String)]) -> JournalRecord {
    let told = aside
        .iter()
        .map(|(slot, why)| format!("{}: {why}", SLOTS[*slot]));
    JournalRecord {
        sequence,
        kind: RecordKind::Damage,
        payload: told.collect::<Vec<_>>().join("; ").into_bytes(),
    }
}

fn keep_aside<S>(storage: &mut S, slot: usize, why: &str) -> io::Result<BrokenFile>
where
    S: Storage + ?Sized,
{
    let broken = BrokenFile::keep_aside(storage, SLOTS[slot], why.to_owned());
    match broken.kept_as() {
        Some(_) => Ok(broken),
        None => Err(io::Error::other(broken.to_string())),
    }
}
