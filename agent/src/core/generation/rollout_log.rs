//! The rollouts in the journal: each record is the whole of what is remembered of one, and the ledger is made of them.

use super::rollout_ledger::{LedgerDocument, RecordDocument, RolloutLedger};
use super::rollout_record::RolloutRecord;
use crate::core::journal::{
    Journal, JournalError, JournalId, JournalLimits, JournalRecord, RecordKind,
};
use crate::core::storage::Storage;
use lastword_fleet::ReportedStep;
use lastword_protocol::Generation;
use serde::Serialize;
use std::io;
use std::num::NonZeroU8;

/// The kind of a rollout's record.
const ROLLOUT_KIND: NonZeroU8 = NonZeroU8::MIN;
/// The kind of a record that lets a generation out of quarantine.
const RELEASE_KIND: NonZeroU8 = NonZeroU8::new(2).expect("not 0");
/// The kind of a record that lets reports go.
const ACKNOWLEDGED_KIND: NonZeroU8 = NonZeroU8::new(3).expect("not 0");

/// The writing end of the journal, as far as rollouts go.
#[derive(Debug)]
pub struct RolloutLog {
    journal: Journal,
    /// The records up to now, which a compaction keeps.
    ledger: RolloutLedger,
}

impl RolloutLog {
    /// Opens the journal, or begins one as `fresh`.
    ///
    /// # Errors
    ///
    /// The journal is unreadable, and cannot be kept aside.
    pub fn open<S>(storage: &mut S, limits: JournalLimits, fresh: JournalId) -> io::Result<Self>
    where
        S: Storage + ?Sized,
    {
        let opened = Journal::open(storage, limits, fresh)?;
        let mut ledger = RolloutLedger::default();
        if !opened.snapshot.is_empty() {
            match read_snapshot(&opened.snapshot) {
                Some(snapshot) => ledger = snapshot,
                None => ledger.take_damage(),
            }
        }
        for record in &opened.records {
            take(&mut ledger, record);
        }
        let journal = opened.journal;
        Ok(Self { journal, ledger })
    }

    /// Everything that is remembered.
    #[must_use]
    pub const fn ledger(&self) -> &RolloutLedger {
        &self.ledger
    }

    /// Appends a record, and the steps that a controller is to be told: those of a rollout that it has ordered. On return they
    /// are durable.
    ///
    /// # Errors
    ///
    /// [`JournalError::Storage`]. The record may be there nevertheless at the next start.
    pub fn append<S>(
        &mut self,
        storage: &mut S,
        record: RolloutRecord,
        steps: Vec<ReportedStep>,
    ) -> Result<(), JournalError>
    where
        S: Storage + ?Sized,
    {
        let steps = if record.order.is_some() {
            steps
        } else {
            Vec::new()
        };
        let document = RecordDocument::of(&record).reporting(steps.clone());
        self.append_payload(storage, ROLLOUT_KIND, &to_json(&document))?;
        self.ledger.take_reported(record, steps);
        Ok(())
    }

    /// Lets go of the reports up to this number, which the controller has for good. On return that is durable.
    ///
    /// # Errors
    ///
    /// As [`RolloutLog::append`].
    pub fn acknowledge<S>(&mut self, storage: &mut S, up_to: u64) -> Result<(), JournalError>
    where
        S: Storage + ?Sized,
    {
        self.append_payload(storage, ACKNOWLEDGED_KIND, up_to.to_string().as_bytes())?;
        self.ledger.acknowledge(up_to);
        Ok(())
    }

    /// Lets a generation out of quarantine. On return that is durable.
    ///
    /// # Errors
    ///
    /// As [`RolloutLog::append`].
    pub fn release<S>(
        &mut self,
        storage: &mut S,
        generation: Generation,
    ) -> Result<(), JournalError>
    where
        S: Storage + ?Sized,
    {
        let payload = generation.to_string();
        self.append_payload(storage, RELEASE_KIND, payload.as_bytes())?;
        self.ledger.release(generation);
        Ok(())
    }

    fn append_payload<S>(
        &mut self,
        storage: &mut S,
        kind: NonZeroU8,
        payload: &[u8],
    ) -> Result<(), JournalError>
    where
        S: Storage + ?Sized,
    {
        let appended = self.journal.append(storage, kind, payload);
        if !matches!(appended, Err(JournalError::Full { .. })) {
            return appended.map(|_| ());
        }
        let snapshot = to_json(&LedgerDocument::of(&self.ledger));
        self.journal.compact(storage, &snapshot)?;
        self.journal.append(storage, kind, payload).map(|_| ())
    }
}

/// Takes one record of the journal. One of a kind that only a newer agent knows says nothing.
fn take(ledger: &mut RolloutLedger, record: &JournalRecord) {
    match record.kind {
        // The last rollout's record may be among those that are missing.
        RecordKind::Damage => ledger.take_damage(),
        RecordKind::Entry(ROLLOUT_KIND) => match read(&record.payload) {
            Some((record, steps)) => ledger.take_reported(record, steps),
            None => ledger.take_damage(),
        },
        RecordKind::Entry(ACKNOWLEDGED_KIND) => {
            let number = str::from_utf8(&record.payload).ok();
            if let Some(number) = number.and_then(|number| number.parse().ok()) {
                ledger.acknowledge(number);
            }
        }
        RecordKind::Entry(RELEASE_KIND) => {
            let name = str::from_utf8(&record.payload).ok();
            if let Some(generation) = name.and_then(|name| name.parse().ok()) {
                ledger.release(generation);
            }
        }
        RecordKind::Entry(_) => {}
    }
}

fn read(payload: &[u8]) -> Option<(RolloutRecord, Vec<ReportedStep>)> {
    let mut document: RecordDocument = serde_json::from_slice(payload).ok()?;
    let steps = document.take_steps();
    Some((document.record()?, steps))
}

fn read_snapshot(snapshot: &[u8]) -> Option<RolloutLedger> {
    let document: LedgerDocument = serde_json::from_slice(snapshot).ok()?;
    document.ledger()
}

fn to_json(document: &impl Serialize) -> Vec<u8> {
    // Texts, numbers and lists of them can always be written.
    serde_json::to_vec(document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::generation::recorded_step::StepFailure;
    use crate::core::generation::rollout_record::{RolloutOptions, SoakProgress};
    use crate::core::generation::soak::{CheckRecord, CheckResult};
    use lastword_fleet::OrderNumber;
    use lastword_protocol::rollout::RolloutState;
    use lastword_protocol::{BootId, Millis};

    fn record(state: RolloutState, previous: Option<Generation>) -> RolloutRecord {
        let failed = CheckResult::Failed("refused".to_owned());
        RolloutRecord {
            target: Generation([1; 32]),
            previous,
            state,
            attempts: 3,
            boot: BootId([4; 16]),
            security_version: 9,
            deferred_component: Some("kernel".to_owned()),
            options: RolloutOptions {
                wants_reboot: true,
                allows_older: true,
                is_test: false,
            },
            has_rebooted: true,
            is_quarantined: state == RolloutState::Reverted,
            soak: Some(SoakProgress {
                left: Some(Millis(1_500)),
                is_confirmed: true,
                resumes: 2,
                checks: [None, Some(CheckResult::Passed), Some(failed)]
                    .map(|last| CheckRecord {
                        runs: last.is_some().into(),
                        failures: 0,
                        last,
                    })
                    .to_vec(),
            }),
            failure: Some(StepFailure {
                code: -4,
                detail: "soak failed: web".to_owned(),
            }),
            order: previous.map(|_| OrderNumber(5)),
        }
    }

    #[test]
    fn a_record_and_a_snapshot_read_back_as_written() {
        for state in RolloutState::ALL {
            for previous in [None, Some(Generation([2; 32]))] {
                let record = record(state, previous);
                let steps = vec![ReportedStep::SoakCompleted, ReportedStep::RollbackStarted];
                let document = RecordDocument::of(&record).reporting(steps.clone());
                let payload = to_json(&document);
                assert_eq!(read(&payload), Some((record.clone(), steps.clone())));
                let mut ledger = RolloutLedger::default();
                ledger.take_reported(record, steps);
                let snapshot = to_json(&LedgerDocument::of(&ledger));
                assert_eq!(read_snapshot(&snapshot), Some(ledger));
            }
        }
    }

    #[test]
    fn what_is_no_record_is_damage_and_what_is_added_is_ignored() {
        let sound = record(RolloutState::Pending, None);
        let text = String::from_utf8(to_json(&RecordDocument::of(&sound))).unwrap();
        let newer = text.replace('{', "{\"newer\":1,");
        assert_eq!(read(newer.as_bytes()), Some((sound.clone(), Vec::new())));
        for wrong in ["", "{}", &text[1..], &text.replace("pending", "wondering")] {
            assert_eq!(read(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn records_of_each_kind_are_taken_in_their_order() {
        let reverted = record(RolloutState::Reverted, None);
        let entry = |kind, payload: Vec<u8>| JournalRecord {
            sequence: 1,
            kind: RecordKind::Entry(kind),
            payload,
        };
        let rollout = entry(ROLLOUT_KIND, to_json(&RecordDocument::of(&reverted)));
        let release = entry(RELEASE_KIND, reverted.target.to_string().into_bytes());
        let newer = entry(NonZeroU8::MAX, b"anything".to_vec());
        let mut ledger = RolloutLedger::default();
        for (record, is_quarantined) in [(&rollout, true), (&newer, true), (&release, false)] {
            take(&mut ledger, record);
            assert_eq!(!ledger.quarantined().is_empty(), is_quarantined);
        }
    }

    #[test]
    fn reports_are_numbered_as_they_were_until_they_are_acknowledged() {
        let record = record(RolloutState::Soaking, None);
        let entry = |kind, payload| JournalRecord {
            sequence: 1,
            kind: RecordKind::Entry(kind),
            payload,
        };
        let steps = vec![ReportedStep::SoakCompleted];
        let document = RecordDocument::of(&record).reporting(steps);
        let rollout = entry(ROLLOUT_KIND, to_json(&document));
        let acknowledged = entry(ACKNOWLEDGED_KIND, b"1".to_vec());
        let mut ledger = RolloutLedger::default();
        for (record, oldest, last) in [
            (&rollout, 1, 1),
            (&rollout, 1, 2),
            (&acknowledged, 2, 2),
            (&rollout, 2, 3),
        ] {
            take(&mut ledger, record);
            let outbox = ledger.outbox();
            assert_eq!((outbox.oldest(), outbox.last()), (oldest, last));
        }
    }
}
