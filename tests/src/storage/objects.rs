//! The board's store: objects that are put, and give way to others.

use super::disk::SimulatedDisk;
use super::medium::DiskImage;
use super::subject::{ProcessIncarnation, RuleViolation, StateLedger, StorageSubject};
use lastword_agent::core::objects::{ObjectDirectory, ObjectStart, ObjectWriter};
use lastword_agent::core::storage::Storage;
use lastword_protocol::ObjectHash;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// The store of a new board; or of one on which a power cut has left an object, part of another without its content,
/// and a third that was just being given its name.
pub(super) struct ObjectSubject {
    pub(super) is_damaged: bool,
}

/// An agent as far as its store goes.
pub(super) struct ObjectProcess {
    /// None if the disk has refused.
    directory: Option<ObjectDirectory>,
}

/// The length of an object in bytes.
const SIZE: u64 = 6;
/// There is room for two.
const ROOM: u64 = 2 * SIZE;
/// The objects that are put, one after the other.
const PUTS: [u8; 4] = [2, 1, 2, 3];

fn content_of(number: u8) -> [u8; 6] {
    [b'o', b'b', b'j', b'0' + number, b'.', b'.']
}

fn hash_of(number: u8) -> ObjectHash {
    ObjectHash(Sha256::digest(content_of(number)).into())
}

impl StorageSubject for ObjectSubject {
    /// The objects that can be got.
    type State = BTreeSet<u8>;
    type Process = ObjectProcess;

    fn name(&self) -> &'static str {
        if self.is_damaged {
            return "objects, damaged";
        }
        "objects"
    }

    fn image(&self) -> DiskImage {
        if !self.is_damaged {
            return DiskImage::new();
        }
        DiskImage::from([
            (format!("{}.part", hash_of(1)), vec![0; 4]),
            (hash_of(2).to_string(), content_of(2).into()),
            (format!("{}.kept", hash_of(3)), content_of(3).into()),
        ])
    }

    fn state(&self) -> Self::State {
        if self.is_damaged {
            return BTreeSet::from([2, 3]);
        }
        BTreeSet::new()
    }

    fn begin(
        &self,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<Self::State>,
        _: ProcessIncarnation,
    ) -> Result<Option<ObjectProcess>, RuleViolation> {
        disk.action = "open";
        let directory = ObjectDirectory::open(disk, ROOM).ok();
        if disk.is_cut {
            return Ok(None);
        }
        let mut process = ObjectProcess { directory };
        if process.directory.is_some() {
            let found = process.found(disk)?;
            ledger.check(&found)?;
        }
        Ok(Some(process))
    }

    fn actions(&self) -> usize {
        PUTS.len()
    }

    fn act(
        &self,
        process: &mut ObjectProcess,
        number: usize,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<Self::State>,
    ) -> Result<(), RuleViolation> {
        // What was damaged is dropped the first time.
        for _ in 0..2 {
            if process.put(PUTS[number], disk, ledger)? {
                return Ok(());
            }
        }
        if disk.is_cut || disk.failed > 0 || process.directory.is_none() {
            return Ok(());
        }
        Err(format!("object {} is refused, for no reason", PUTS[number]))
    }
}

impl ObjectProcess {
    /// Gets every object that is there, whose content has to be right.
    fn found(&mut self, disk: &mut SimulatedDisk) -> Result<BTreeSet<u8>, RuleViolation> {
        let Some(directory) = &mut self.directory else {
            return Ok(BTreeSet::new());
        };
        let mut found = BTreeSet::new();
        for number in 1..=3 {
            let hash = hash_of(number);
            if directory.begin_get(disk, hash, 0).is_err() {
                continue;
            }
            directory.release(disk, hash);
            let mut content = [0; 6];
            let read = disk.read_at(&hash.to_string(), 0, &mut content);
            if read.is_err() || content != content_of(number) {
                return Err(format!("object {number} has the content {content:?}"));
            }
            found.insert(number);
        }
        Ok(found)
    }

    /// Puts an object in two pieces. Returns whether it is there.
    fn put(
        &mut self,
        number: u8,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<BTreeSet<u8>>,
    ) -> Result<bool, RuleViolation> {
        let hash = hash_of(number);
        // Any others may give way, and what was removed may be there again until its name is made durable.
        for state in ledger.states() {
            for removed in [
                BTreeSet::new(),
                BTreeSet::from([1]),
                BTreeSet::from([2]),
                BTreeSet::from([3]),
            ] {
                let mut rest = &state - &removed;
                ledger.attempt(rest.clone());
                rest.insert(number);
                ledger.attempt(rest);
            }
        }
        let Some(directory) = &mut self.directory else {
            return Ok(false);
        };
        // One action: an object that is there is named again by the calls that name a new one, and takes two faults to
        // need them.
        disk.action = "put";
        let there = match directory.begin_put(disk, hash, SIZE) {
            Err(_) => return Ok(false),
            Ok(ObjectStart::Stored) => None,
            Ok(ObjectStart::From { offset, is_left }) => Some((offset, is_left)),
        };
        if let Some(there) = there {
            let is_kept = write(directory, number, there, disk)?;
            directory.release(disk, hash);
            if !is_kept {
                return Ok(false);
            }
        }
        let found = self.found(disk)?;
        if !disk.is_cut {
            ledger.check(&found)?;
            acknowledge(number, ledger);
        }
        if !disk.is_cut && !found.contains(&number) {
            return Err(format!("object {number} was kept and is not there"));
        }
        Ok(true)
    }
}

/// From now on, this one is there, and what was there for certain, as far as it did not give way. One that gave way may
/// come back: its content is right.
fn acknowledge(number: u8, ledger: &mut StateLedger<BTreeSet<u8>>) {
    let mut states = ledger
        .states()
        .into_iter()
        .filter(|it| it.contains(&number));
    if let Some(first) = states.next() {
        let rest: Vec<_> = states.collect();
        ledger.acknowledge(first);
        for state in rest {
            ledger.attempt(state);
        }
    }
    for back in 1..=3 {
        for state in ledger.states() {
            ledger.attempt(&state | &BTreeSet::from([back]));
        }
    }
}

/// Writes an object from an offset on, and keeps it. Returns whether that was acknowledged.
fn write(
    directory: &mut ObjectDirectory,
    number: u8,
    there: (u64, bool),
    disk: &mut SimulatedDisk,
) -> Result<bool, RuleViolation> {
    let (content, hash) = (content_of(number), hash_of(number));
    let Ok(mut writer) = ObjectWriter::open(disk, hash, there) else {
        return refused(disk, "open");
    };
    let rest = &content[usize::try_from(there.0).unwrap_or_default()..];
    let (one, other) = rest.split_at(rest.len() / 2);
    for piece in [one, other] {
        if piece.is_empty() {
            continue;
        }
        if directory.make_room(disk, hash, piece.len()).is_err() {
            return refused(disk, "make room");
        }
        let make_room = |disk: &mut SimulatedDisk| {
            let removed = directory.remove_unused(disk, hash);
            removed.unwrap_or_default()
        };
        if let Err(error) = writer.append(disk, piece, make_room) {
            // As the agent does: what does not fit is dropped.
            let _ = directory.settle(disk, hash, Err(error));
            return refused(disk, "write");
        }
    }
    let written = writer.finish(disk);
    Ok(directory.settle(disk, hash, written).is_ok())
}

/// A disk refuses nothing without a reason.
fn refused(disk: &SimulatedDisk, action: &str) -> Result<bool, RuleViolation> {
    if disk.is_cut || disk.failed > 0 {
        return Ok(false);
    }
    Err(format!("{action}: refused for no reason"))
}
