//! The rollouts in the journal: each record is the whole of what is remembered, and the last one counts.

use super::recovery::JournalView;
use super::rollout_record::RolloutRecord;
use crate::core::journal::{
    Journal, JournalError, JournalId, JournalLimits, JournalRecord, RecordKind,
};
use crate::core::storage::Storage;
use lastword_protocol::rollout::RolloutState;
use lastword_protocol::{BootId, Generation};
use serde::{Deserialize, Serialize};
use std::io;
use std::num::NonZeroU8;

/// The kind of a rollout's record.
const ROLLOUT_KIND: NonZeroU8 = NonZeroU8::MIN;

/// The writing end of the journal, as far as rollouts go.
#[derive(Debug)]
pub struct RolloutLog {
    journal: Journal,
    /// The last record, which a compaction keeps.
    last: Option<RolloutRecord>,
}

/// A journal, and what it tells of rollouts.
#[derive(Debug)]
pub struct OpenedRolloutLog {
    /// The journal.
    pub log: RolloutLog,
    /// Its last rollout.
    pub view: JournalView,
}

/// A record as JSON. What a newer agent adds is ignored.
#[derive(Serialize, Deserialize)]
struct RecordDocument {
    target: String,
    previous: Option<String>,
    state: String,
    attempts: u8,
    boot: BootId,
}

impl RolloutLog {
    /// Opens the journal, or begins one as `fresh`.
    ///
    /// # Errors
    ///
    /// The journal is unreadable, and cannot be kept aside: [`JournalView::Unreadable`].
    pub fn open<S>(
        storage: &mut S,
        limits: JournalLimits,
        fresh: JournalId,
    ) -> io::Result<OpenedRolloutLog>
    where
        S: Storage + ?Sized,
    {
        let opened = Journal::open(storage, limits, fresh)?;
        let mut view = match &opened.snapshot[..] {
            [] => JournalView::Empty,
            snapshot => read(snapshot),
        };
        for record in &opened.records {
            view = view_of(record, view);
        }
        let last = match view {
            JournalView::Rollout(record) => Some(record),
            JournalView::Empty | JournalView::Unreadable => None,
        };
        let journal = opened.journal;
        let log = Self { journal, last };
        Ok(OpenedRolloutLog { log, view })
    }

    /// Appends a record. On return it is durable.
    ///
    /// # Errors
    ///
    /// [`JournalError::Storage`]. The record may be there nevertheless at the next start.
    pub fn append<S>(&mut self, storage: &mut S, record: RolloutRecord) -> Result<(), JournalError>
    where
        S: Storage + ?Sized,
    {
        let payload = write(&record);
        let appended = self.journal.append(storage, ROLLOUT_KIND, &payload);
        if matches!(appended, Err(JournalError::Full { .. })) {
            let snapshot = self.last.as_ref().map(write).unwrap_or_default();
            self.journal.compact(storage, &snapshot)?;
            self.journal.append(storage, ROLLOUT_KIND, &payload)?;
        } else {
            appended?;
        }
        self.last = Some(record);
        Ok(())
    }
}

/// Returns the view behind one more record.
fn view_of(record: &JournalRecord, before: JournalView) -> JournalView {
    match record.kind {
        // A rollout's last record may be among those that are missing.
        RecordKind::Damage => JournalView::Unreadable,
        RecordKind::Entry(ROLLOUT_KIND) => read(&record.payload),
        RecordKind::Entry(_) => before,
    }
}

fn read(bytes: &[u8]) -> JournalView {
    let record = serde_json::from_slice(bytes).ok().and_then(of_document);
    record.map_or(JournalView::Unreadable, JournalView::Rollout)
}

fn of_document(document: RecordDocument) -> Option<RolloutRecord> {
    let previous = match document.previous {
        Some(previous) => Some(previous.parse().ok()?),
        None => None,
    };
    Some(RolloutRecord {
        target: document.target.parse().ok()?,
        previous,
        state: RolloutState::from_word(&document.state)?,
        attempts: document.attempts,
        boot: document.boot,
    })
}

fn write(record: &RolloutRecord) -> Vec<u8> {
    let document = RecordDocument {
        target: record.target.to_string(),
        previous: record.previous.as_ref().map(Generation::to_string),
        state: record.state.word().to_owned(),
        attempts: record.attempts,
        boot: record.boot,
    };
    // Texts and numbers can always be written.
    serde_json::to_vec(&document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastword_protocol::rollout::RolloutState;

    #[test]
    fn a_record_reads_back_as_written() {
        for state in RolloutState::ALL {
            for previous in [None, Some(Generation([2; 32]))] {
                let record = RolloutRecord {
                    target: Generation([1; 32]),
                    previous,
                    state,
                    attempts: 3,
                    boot: BootId([4; 16]),
                };
                assert_eq!(read(&write(&record)), JournalView::Rollout(record));
            }
        }
    }

    #[test]
    fn what_is_no_record_is_unreadable_and_what_is_added_is_ignored() {
        let record = RolloutRecord::ordered(Generation([1; 32]), None, BootId([4; 16]));
        let text = String::from_utf8(write(&record)).unwrap();
        let newer = text.replace('{', "{\"newer\":1,");
        assert_eq!(read(newer.as_bytes()), JournalView::Rollout(record));
        for wrong in ["", "{}", &text[1..], &text.replace("pending", "wondering")] {
            assert_eq!(read(wrong.as_bytes()), JournalView::Unreadable, "{wrong}");
        }
    }

    #[test]
    fn damage_hides_what_came_before_it() {
        let record = RolloutRecord::ordered(Generation([1; 32]), None, BootId([4; 16]));
        let entry = |kind, payload| JournalRecord {
            sequence: 1,
            kind,
            payload,
        };
        let rollout = entry(RecordKind::Entry(ROLLOUT_KIND), write(&record));
        let damage = entry(RecordKind::Damage, b"damage".to_vec());
        let view = view_of(&rollout, JournalView::Empty);
        assert_eq!(view, JournalView::Rollout(record));
        assert_eq!(view_of(&damage, view), JournalView::Unreadable);
        let view = view_of(&rollout, JournalView::Unreadable);
        assert_eq!(view, JournalView::Rollout(record));
    }
}
