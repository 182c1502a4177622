//! The power record: `power.json`, through a release.

use super::disk::SimulatedDisk;
use super::medium::DiskImage;
use super::subject::{ProcessIncarnation, RuleViolation, StateLedger, StorageSubject};
use lastword_agent::core::record::{Found, POWER_FILE, PowerRecord};
use lastword_agent::core::recovery::recover;
use lastword_protocol::identity::Cause;
use lastword_protocol::power::{Evidence, LastOperation, Operation, Outcome, Standdown};
use lastword_protocol::{BootId, OperationId};

const TORN: &[u8] = b"{ torn";

/// The record of power, on a new board or on one whose file is broken.
pub(super) struct PowerSubject {
    pub(super) is_broken: bool,
}

/// The state of `power.json`; by its text, which can be hashed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum PowerFile {
    Nothing,
    Broken,
    Record(String),
}

/// An agent as far as power goes.
pub(super) struct PowerProcess {
    boot: BootId,
    cause: Cause,
    operation: OperationId,
}

impl PowerFile {
    fn of(record: &PowerRecord) -> Self {
        Self::Record(format!("{record:?}"))
    }
}

/// The phases of an operation until the reset: each is written before anybody is told.
const OUTCOMES: [Outcome; 4] = [
    Outcome::Staged,
    Outcome::StoodDown(Standdown::Cancelled),
    Outcome::Staged,
    Outcome::Released(Evidence::UartEmpty),
];

impl StorageSubject for PowerSubject {
    type State = PowerFile;
    type Process = PowerProcess;

    fn name(&self) -> &'static str {
        if self.is_broken {
            return "power record, broken";
        }
        "power record"
    }

    fn image(&self) -> DiskImage {
        let broken = self.is_broken.then(|| (POWER_FILE.to_owned(), TORN.into()));
        broken.into_iter().collect()
    }

    fn state(&self) -> PowerFile {
        if self.is_broken {
            return PowerFile::Broken;
        }
        PowerFile::Nothing
    }

    fn evidence(&self) -> Vec<Vec<u8>> {
        self.image().into_values().collect()
    }

    fn begin(
        &self,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<PowerFile>,
        incarnation: ProcessIncarnation,
    ) -> Result<Option<PowerProcess>, RuleViolation> {
        let boot = BootId([incarnation.boot; 16]);
        let before = ledger.clone();
        if ledger.may_be(&PowerFile::Broken) {
            ledger.attempt(PowerFile::Nothing);
        }
        disk.action = "load";
        let found = PowerRecord::load(disk);
        if disk.is_cut {
            return Ok(None);
        }
        match &found {
            Found::Nothing => before.check(&PowerFile::Nothing)?,
            Found::Record(record) => before.check(&PowerFile::of(record))?,
            Found::Broken(broken) => {
                before.check(&PowerFile::Broken)?;
                match broken.kept_as() {
                    Some(_) => ledger.acknowledge(PowerFile::Nothing),
                    None => ledger.waive_evidence(),
                }
            }
        }
        let recovered = recover(found, boot);
        check_outcome(recovered.record(), boot)?;
        let process = PowerProcess {
            boot,
            cause: recovered.record().cause,
            operation: OperationId(u64::from(incarnation.process)),
        };
        save(recovered.record(), "recover", disk, ledger);
        Ok(Some(process))
    }

    fn actions(&self) -> usize {
        if self.is_broken { 2 } else { OUTCOMES.len() }
    }

    fn act(
        &self,
        process: &mut PowerProcess,
        number: usize,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<PowerFile>,
    ) -> Result<(), RuleViolation> {
        let last = LastOperation {
            id: process.operation,
            operation: Operation::Reboot,
            outcome: OUTCOMES[number],
            boot: process.boot,
        };
        let record = PowerRecord::new(process.boot, process.cause, Some(last));
        save(&record, "save", disk, ledger);
        Ok(())
    }
}

/// Saves a record, and notes what that may lead to.
fn save(
    record: &PowerRecord,
    action: &'static str,
    disk: &mut SimulatedDisk,
    ledger: &mut StateLedger<PowerFile>,
) {
    disk.action = action;
    ledger.attempt(PowerFile::of(record));
    if record.save(disk).is_ok() {
        ledger.acknowledge(PowerFile::of(record));
    }
}

/// An operation that is over in this boot is neither staged nor released any more.
fn check_outcome(record: &PowerRecord, boot: BootId) -> Result<(), RuleViolation> {
    match record.last.map(|last| last.outcome) {
        Some(Outcome::Staged | Outcome::Released(_)) => {
            Err(format!("{record:?} is no verdict in boot {boot:?}"))
        }
        _ => Ok(()),
    }
}
