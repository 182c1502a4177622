//! The journal: records and compactions, on a new board, or where bytes have rotted.

use super::disk::SimulatedDisk;
use super::medium::{DiskImage, DiskMedium};
use super::subject::{ProcessIncarnation, RuleViolation, StateLedger, StorageSubject};
use lastword_agent::core::journal::{
    Journal, JournalError, JournalId, JournalLimits, JournalRecord, RecordKind, SLOTS,
};
use std::num::NonZeroU8;

/// Two compactions happen in the life of a process, without being asked for.
const LIMITS: JournalLimits = match JournalLimits::new(400, 200, 60) {
    Some(limits) => limits,
    None => panic!("a record has room behind a snapshot"),
};
const KIND: NonZeroU8 = NonZeroU8::MIN;
/// The mark of a record of damage among those of the others.
const DAMAGE_MARK: u16 = u16::MAX;

/// The damage that the first process finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JournalDamage {
    None,
    /// In the middle of the newest file's records.
    Record,
    /// In the newest file's snapshot: the file before makes it good.
    Snapshot,
    /// In the header of the newest file.
    NewestHeader,
    /// In the header of the file before.
    OlderHeader,
    /// In both headers.
    BothHeaders,
}

/// The journal, with or without damage.
pub(super) struct JournalSubject {
    pub(super) damage: JournalDamage,
}

/// Everything that was ever put into a journal, by its marks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct JournalState {
    /// `None`: there is no journal yet, or it is to be another.
    id: Option<u8>,
    marks: Vec<u16>,
    last_sequence: u64,
    /// Files are still to be kept aside.
    is_broken: bool,
}

/// An agent as far as its journal goes.
pub(super) struct JournalProcess {
    journal: Journal,
    state: JournalState,
    next_mark: u16,
}

/// The actions of a process.
#[derive(Clone, Copy, Debug)]
enum JournalAction {
    Append,
    Compact,
}

use JournalAction::{Append, Compact};

/// Two compactions on end, too: the second writes over the file that the first has stood on.
const ACTIONS: [JournalAction; 10] = [
    Append, Append, Compact, Append, Compact, Compact, Append, Append, Append, Append,
];

impl StorageSubject for JournalSubject {
    type State = JournalState;
    type Process = JournalProcess;

    fn name(&self) -> &'static str {
        match self.damage {
            JournalDamage::None => "journal",
            JournalDamage::Record => "journal, damaged record",
            JournalDamage::Snapshot => "journal, damaged snapshot",
            JournalDamage::NewestHeader => "journal, damaged newest header",
            JournalDamage::OlderHeader => "journal, damaged older header",
            JournalDamage::BothHeaders => "journal, both headers damaged",
        }
    }

    fn image(&self) -> DiskImage {
        let mut image = DiskImage::new();
        if self.damage != JournalDamage::None {
            image = written();
        }
        for (slot, offset) in self.damage.places() {
            if let Some(byte) = image
                .get_mut(SLOTS[*slot])
                .and_then(|file| file.get_mut(*offset))
            {
                *byte ^= 1;
            }
        }
        image
    }

    /// Returns what opening such a journal ends in, whatever happens meanwhile.
    fn state(&self) -> JournalState {
        let (marks, last_sequence) = match self.damage {
            JournalDamage::None => (vec![], 0),
            // 400 bytes have room for 23 records.
            JournalDamage::Record => (vec![1, 2, 3, DAMAGE_MARK], 3 + 23 + 1),
            JournalDamage::Snapshot => (vec![1, 2, 3, 4, 5], 5),
            JournalDamage::NewestHeader => (vec![1, 2, DAMAGE_MARK], 2 + 23 + 1),
            JournalDamage::OlderHeader => (vec![1, 2, 3, 4, 5, DAMAGE_MARK], 5 + 23 + 1),
            JournalDamage::BothHeaders => (vec![DAMAGE_MARK], 1),
        };
        let is_other = matches!(
            self.damage,
            JournalDamage::None | JournalDamage::BothHeaders
        );
        JournalState {
            id: (!is_other).then_some(1),
            marks,
            last_sequence,
            is_broken: self.damage != JournalDamage::None,
        }
    }

    fn evidence(&self) -> Vec<Vec<u8>> {
        let image = self.image();
        let damaged = self.damage.places().iter();
        damaged
            .filter_map(|(slot, _)| image.get(SLOTS[*slot]).cloned())
            .collect()
    }

    fn begin(
        &self,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<JournalState>,
        incarnation: ProcessIncarnation,
    ) -> Result<Option<JournalProcess>, RuleViolation> {
        ledger.attempt_fresh(incarnation.process);
        disk.action = "open";
        let failed = disk.failed;
        let opened = match Journal::open(disk, LIMITS, JournalId([incarnation.process; 16])) {
            _ if disk.is_cut => return Ok(None),
            Err(_) if disk.failed > failed => {
                ledger.waive_evidence();
                return Ok(None);
            }
            Err(error) => return Err(format!("a journal cannot be opened: {error}")),
            Ok(opened) => opened,
        };
        let mut marks = read_snapshot(&opened.snapshot)?;
        for record in &opened.records {
            marks.push(read_record(record)?);
        }
        let mut state = JournalState {
            id: Some(opened.journal.id().0[0]),
            marks,
            last_sequence: opened.journal.last_sequence(),
            is_broken: !opened.broken.is_empty(),
        };
        if ledger.is_waived() {
            // What could not be kept aside may be found, and recorded, again.
            ledger.check_by(&state, JournalState::without_damage)?;
        } else {
            ledger.check(&state)?;
        }
        state.is_broken = false;
        if opened.unsettled.is_none() {
            ledger.acknowledge(state.clone());
        }
        Ok(Some(JournalProcess {
            journal: opened.journal,
            state,
            next_mark: u16::from(incarnation.process) * 100,
        }))
    }

    /// Behind damage, nothing differs but how it begins.
    fn actions(&self) -> usize {
        match self.damage {
            JournalDamage::None => ACTIONS.len(),
            _ => ACTIONS.len().min(4),
        }
    }

    fn act(
        &self,
        process: &mut JournalProcess,
        number: usize,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<JournalState>,
    ) -> Result<(), RuleViolation> {
        match ACTIONS[number] {
            Append => process.append(disk, ledger),
            Compact => process.compact(disk, ledger),
        }
    }
}

impl StateLedger<JournalState> {
    /// A journal that opens for the first time has an id, and one that kept a file aside has none to keep.
    fn attempt_fresh(&mut self, id: u8) {
        for mut state in self.states() {
            if state.id.is_none() {
                state.id = Some(id);
                self.attempt(state.clone());
            }
            state.is_broken = false;
            self.attempt(state);
        }
    }
}

impl JournalState {
    fn without_damage(&self) -> Self {
        let marks = self.marks.iter().copied();
        Self {
            marks: marks.filter(|it| *it != DAMAGE_MARK).collect(),
            last_sequence: 0,
            is_broken: false,
            ..*self
        }
    }
}

impl JournalDamage {
    pub(super) const ALL: [Self; 6] = [
        Self::None,
        Self::Record,
        Self::Snapshot,
        Self::NewestHeader,
        Self::OlderHeader,
        Self::BothHeaders,
    ];

    /// Returns the files and bytes that have rotted: the older file is the first.
    const fn places(self) -> &'static [(usize, usize)] {
        /// Behind the header.
        const SNAPSHOT: usize = 52;
        /// In the head of the second record: before it are a snapshot of two marks, and a record of 17 bytes
        /// and 10 of payload.
        const SECOND_RECORD: usize = SNAPSHOT + 4 + 17 + 10 + 5;
        match self {
            Self::None => &[],
            Self::Record => &[(1, SECOND_RECORD)],
            Self::Snapshot => &[(1, SNAPSHOT)],
            Self::NewestHeader => &[(1, 9)],
            Self::OlderHeader => &[(0, 9)],
            Self::BothHeaders => &[(0, 9), (1, 9)],
        }
    }
}

impl JournalProcess {
    fn append(
        &mut self,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<JournalState>,
    ) -> Result<(), RuleViolation> {
        let mark = self.next_mark;
        self.next_mark += 1;
        let mut state = self.state.clone();
        state.marks.push(mark);
        state.last_sequence += 1;
        disk.action = "append";
        ledger.attempt(state.clone());
        let failed = disk.failed;
        match self.journal.append(disk, KIND, &payload(mark)) {
            Ok(sequence) if sequence != state.last_sequence => Err(format!(
                "record {} has the number {sequence}",
                state.last_sequence
            )),
            Ok(_) => {
                ledger.acknowledge(state.clone());
                self.state = state;
                Ok(())
            }
            Err(JournalError::Full { .. }) => self.compact(disk, ledger),
            Err(_) if disk.is_cut || disk.failed > failed => Ok(()),
            Err(error) => Err(format!("no record was appended: {error}")),
        }
    }

    fn compact(
        &mut self,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<JournalState>,
    ) -> Result<(), RuleViolation> {
        disk.action = "compact";
        let marks = self.state.marks.iter();
        let snapshot: Vec<u8> = marks.flat_map(|it| it.to_le_bytes()).collect();
        let failed = disk.failed;
        match self.journal.compact(disk, &snapshot) {
            Ok(()) => {
                ledger.acknowledge(self.state.clone());
                Ok(())
            }
            Err(_) if disk.is_cut || disk.failed > failed => Ok(()),
            Err(error) => Err(format!("no snapshot was written: {error}")),
        }
    }
}

/// A journal of two files: records 1 and 2 in the first, their snapshot and records 3 to 5 in the second.
fn written() -> DiskImage {
    let mut disk = SimulatedDisk::default();
    let opened = Journal::open(&mut disk, LIMITS, JournalId([1; 16]));
    let mut journal = opened.expect("a disk").journal;
    for mark in [1, 2] {
        let appended = journal.append(&mut disk, KIND, &payload(mark));
        appended.expect("there is room");
    }
    let snapshot = [1, 0, 2, 0];
    let compacted = journal.compact(&mut disk, &snapshot);
    compacted.expect("there is room");
    for mark in [3, 4, 5] {
        let appended = journal.append(&mut disk, KIND, &payload(mark));
        appended.expect("there is room");
    }
    DiskMedium::image(&disk.medium)
}

/// A payload that tells its mark, and is as long as that says.
fn payload(mark: u16) -> Vec<u8> {
    let len = 4 + usize::from(mark % 5) * 2;
    mark.to_le_bytes().into_iter().cycle().take(len).collect()
}

fn read_record(record: &JournalRecord) -> Result<u16, RuleViolation> {
    if record.kind == RecordKind::Damage {
        return Ok(DAMAGE_MARK);
    }
    let mark = record
        .payload
        .first_chunk()
        .map(|it| u16::from_le_bytes(*it));
    mark.filter(|mark| payload(*mark) == record.payload)
        .ok_or_else(|| format!("nobody wrote {record:?}"))
}

fn read_snapshot(snapshot: &[u8]) -> Result<Vec<u16>, RuleViolation> {
    let (marks, rest) = snapshot.as_chunks();
    if !rest.is_empty() {
        return Err(format!("nobody wrote the snapshot {snapshot:?}"));
    }
    Ok(marks.iter().map(|it| u16::from_le_bytes(*it)).collect())
}
