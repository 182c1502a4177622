//! Rollouts: journal, pointer and recovery together, through activations that are kept and rolled back.

use super::disk::SimulatedDisk;
use super::subject::{ProcessIncarnation, RuleViolation, StateLedger, StorageSubject};
use lastword_agent::core::generation::activation::ActivationInput;
use lastword_agent::core::generation::recorded_step::RecordedStep;
use lastword_agent::core::generation::recovery::{
    JournalView, RecoveryVerdict, WorldView, recover,
};
use lastword_agent::core::generation::rollout_log::RolloutLog;
use lastword_agent::core::generation::rollout_record::{
    RolloutOptions, RolloutOrder, RolloutRecord,
};
use lastword_agent::core::generation::rollout_run::{RolloutRun, RunEffect, RunEnd, RunOperation};
use lastword_agent::core::journal::{JournalId, JournalLimits, SLOTS};
use lastword_agent::core::storage::{Storage as _, replace};
use lastword_fleet::ReportedStep;
use lastword_protocol::rollout::RolloutState;
use lastword_protocol::{BootId, Generation};

/// A compaction happens in the life of a process, without being asked for.
const LIMITS: JournalLimits = match JournalLimits::new(4_000, 1_200, 600) {
    Some(limits) => limits,
    None => panic!("a record has room behind a snapshot"),
};
/// The file that stands for the link: both are replaced by a rename.
const POINTER: &str = "current";
/// The generation that the board has when it is new.
const FIRST: Generation = Generation([1; 32]);

/// Two files that are no journals.
const NO_JOURNALS: [&[u8]; 2] = [b"no journal", b"neither"];

/// A board whose generations come and go, with a new journal or a damaged one.
pub(super) struct RolloutSubject {
    pub(super) is_damaged: bool,
}

/// The durable state: the last record, and the generation that the pointer names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct RolloutDisk {
    /// By its text, which can be hashed; `None`: no rollout was ever recorded.
    record: Option<String>,
    current: Option<[u8; 32]>,
}

/// An agent as far as rollouts go.
pub(super) struct RolloutProcess {
    log: RolloutLog,
    record: Option<RolloutRecord>,
    current: Option<Generation>,
    boot: BootId,
    /// The disk has refused: nothing more is begun.
    is_stuck: bool,
    next: u8,
}

#[derive(Clone, Copy, Debug)]
enum RolloutAction {
    /// Order the next generation and carry it out up to its soak, or to the reboot that it needs.
    Activate { is_deferred: bool },
    /// The soak is over.
    Converge,
    /// A check fails: the generation before is put back.
    FailSoak,
}

use RolloutAction::{Activate, Converge, FailSoak};

const ACTIONS: [RolloutAction; 4] = [
    Activate { is_deferred: false },
    Converge,
    Activate { is_deferred: false },
    FailSoak,
];

/// Behind damage.
const FEW_ACTIONS: [RolloutAction; 2] = [Activate { is_deferred: true }, Converge];

impl StorageSubject for RolloutSubject {
    type State = RolloutDisk;
    type Process = RolloutProcess;

    fn name(&self) -> &'static str {
        if self.is_damaged {
            return "rollouts, damaged journal";
        }
        "rollouts"
    }

    fn image(&self) -> super::medium::DiskImage {
        let pointer = (POINTER.to_owned(), FIRST.0.to_vec());
        let damaged = SLOTS.iter().zip(NO_JOURNALS);
        let damaged = damaged.filter(|_| self.is_damaged);
        let damaged = damaged.map(|(name, content)| ((*name).to_owned(), content.to_vec()));
        std::iter::once(pointer).chain(damaged).collect()
    }

    fn evidence(&self) -> Vec<Vec<u8>> {
        let damaged = NO_JOURNALS.iter().filter(|_| self.is_damaged);
        damaged.map(|content| content.to_vec()).collect()
    }

    fn state(&self) -> RolloutDisk {
        let current = Some(FIRST.0);
        RolloutDisk {
            record: None,
            current,
        }
    }

    fn begin(
        &self,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<RolloutDisk>,
        incarnation: ProcessIncarnation,
    ) -> Result<Option<RolloutProcess>, RuleViolation> {
        let boot = BootId([incarnation.boot; 16]);
        disk.action = "open";
        let failed = disk.failed;
        let opened = RolloutLog::open(disk, LIMITS, JournalId([incarnation.process; 16]));
        let opened = match opened {
            _ if disk.is_cut => return Ok(None),
            Err(_) if disk.failed > failed => {
                ledger.waive_evidence();
                return Ok(None);
            }
            Err(error) => return Err(format!("a journal cannot be opened: {error}")),
            Ok(opened) => opened,
        };
        let world = read_pointer(disk)?;
        let view = opened.ledger().view();
        let (record, current) = match &view {
            JournalView::Empty => (None, world.current()),
            JournalView::Rollout(record) => (Some(record.clone()), world.current()),
            // As on a new board: nothing is rolled back on no evidence.
            JournalView::Unreadable if self.is_damaged => (None, world.current()),
            JournalView::Unreadable => return Err("the journal cannot be read".to_owned()),
        };
        let found = state_of(record.as_ref(), current);
        if view == JournalView::Unreadable && ledger.is_waived() {
            // A damaged file that could not be kept aside may be back after a cut. It hides the last rollout, and nothing
            // is done about it.
            ledger.check_by(&found, |state| RolloutDisk {
                record: None,
                ..state.clone()
            })?;
            ledger.acknowledge(found);
        } else {
            ledger.check(&found)?;
        }
        let mut process = RolloutProcess {
            log: opened,
            record,
            current,
            boot,
            is_stuck: false,
            next: incarnation.process.saturating_mul(10),
        };
        process.go_on(recover(&view, world, boot), disk, ledger)?;
        Ok((!disk.is_cut).then_some(process))
    }

    fn actions(&self) -> usize {
        self.list().len()
    }

    fn act(
        &self,
        process: &mut RolloutProcess,
        number: usize,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<RolloutDisk>,
    ) -> Result<(), RuleViolation> {
        let state = process.record.as_ref().map(|record| record.state);
        let record = process.record.clone();
        match (self.list()[number], state) {
            _ if process.is_stuck => Ok(()),
            (Activate { is_deferred }, state) if state.is_none_or(RolloutState::is_terminal) => {
                process.order(is_deferred, disk, ledger)
            }
            (action @ (Converge | FailSoak), Some(RolloutState::Soaking)) => {
                let record = record.ok_or("there is no rollout")?;
                let run = match action {
                    FailSoak => RolloutRun::fail_soak(record, process.boot, "web"),
                    _ => RolloutRun::converge(record, process.boot),
                };
                process.carry_out(run, disk, ledger)
            }
            _ => Ok(()),
        }
    }
}

impl RolloutSubject {
    /// Behind damage, nothing differs but how it begins.
    const fn list(&self) -> &'static [RolloutAction] {
        if self.is_damaged {
            &FEW_ACTIONS
        } else {
            &ACTIONS
        }
    }
}

impl RolloutProcess {
    /// Carries out a verdict, as the agent does before anything else.
    fn go_on(
        &mut self,
        verdict: RecoveryVerdict,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<RolloutDisk>,
    ) -> Result<(), RuleViolation> {
        match (verdict, self.record.clone()) {
            (RecoveryVerdict::FreshInstall | RecoveryVerdict::JournalUnreadable, None)
            | (
                RecoveryVerdict::Steady
                | RecoveryVerdict::StillDeferred
                | RecoveryVerdict::ResumeSoak,
                _,
            ) => Ok(()),
            // Nobody but these processes moves the pointer, and it is never half moved.
            (
                RecoveryVerdict::BootLoaderReverted
                | RecoveryVerdict::VerifyMismatch { .. }
                | RecoveryVerdict::Drift { .. },
                record,
            ) => Err(format!("{verdict:?} over {record:?} at {:?}", self.current)),
            (verdict, Some(record)) => {
                let run = RolloutRun::recovered(record, self.boot, "symlink", verdict);
                let run = run.ok_or_else(|| format!("{verdict:?} is nothing to go on with"))?;
                self.carry_out(run, disk, ledger)
            }
            (verdict, None) => Err(format!("{verdict:?} over no rollout")),
        }
    }

    /// Orders a generation that nobody has had, and carries the order out.
    fn order(
        &mut self,
        is_deferred: bool,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<RolloutDisk>,
    ) -> Result<(), RuleViolation> {
        self.next += 1;
        let order = RolloutOrder {
            target: Generation([self.next; 32]),
            security_version: 1,
            previous: self.current,
            deferred_component: is_deferred.then(|| "kernel".to_owned()),
            options: RolloutOptions::default(),
            order: None,
        };
        let record = RolloutRecord::ordered(order, self.boot);
        if !self.save(("order", Vec::new()), record.clone(), disk, ledger) {
            return Ok(());
        }
        let run = RolloutRun::begin(record, self.boot, "symlink");
        self.carry_out(run, disk, ledger)
    }

    /// Carries a run out, until it is over or the disk refuses.
    fn carry_out(
        &mut self,
        (mut run, mut effect): (RolloutRun, RunEffect),
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<RolloutDisk>,
    ) -> Result<(), RuleViolation> {
        loop {
            let input = match effect {
                RunEffect::Append { record, step } => {
                    self.save((action_of(&step), step.reported()), *record, disk, ledger);
                    ActivationInput::Recorded
                }
                RunEffect::Operation(RunOperation::Switch { to, .. }) => {
                    self.switch(to, disk, ledger);
                    ActivationInput::Done
                }
                RunEffect::Operation(RunOperation::ReadBack(_)) => {
                    ActivationInput::Observed(read_pointer(disk)?)
                }
                RunEffect::Operation(RunOperation::AskGate | RunOperation::AskGateIn(_)) => {
                    ActivationInput::GateOpen
                }
                RunEffect::Operation(_) => ActivationInput::Done,
                RunEffect::End(RunEnd::Illegal(illegal)) => return Err(illegal.to_string()),
                RunEffect::End(_) => return Ok(()),
            };
            if disk.is_cut || self.is_stuck {
                return Ok(());
            }
            effect = run.step(input).ok_or("the run waits for something else")?;
        }
    }

    fn save(
        &mut self,
        (action, steps): (&'static str, Vec<ReportedStep>),
        record: RolloutRecord,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<RolloutDisk>,
    ) -> bool {
        disk.action = action;
        let state = state_of(Some(&record), self.current);
        ledger.attempt(state.clone());
        let is_saved = self.log.append(disk, record.clone(), steps).is_ok() && !disk.is_cut;
        if is_saved {
            ledger.acknowledge(state);
            self.record = Some(record);
        } else {
            // It may be there all the same, so nothing more is built on either.
            self.is_stuck = true;
        }
        is_saved
    }

    fn switch(
        &mut self,
        to: Option<Generation>,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<RolloutDisk>,
    ) {
        disk.action = "switch";
        for before in ledger.states() {
            let current = to.map(|to| to.0);
            ledger.attempt(RolloutDisk { current, ..before });
        }
        let switched = replace(disk, POINTER, &to.map_or_else(Vec::new, |to| to.0.to_vec()));
        match switched {
            Ok(()) if !disk.is_cut => {
                let states = ledger.states().into_iter();
                let mut switched = states.filter(|state| state.current == to.map(|to| to.0));
                if let Some(state) = switched.next() {
                    ledger.acknowledge(state);
                }
                for state in switched {
                    ledger.attempt(state);
                }
                self.current = to;
            }
            _ => self.is_stuck = true,
        }
    }
}

/// The word for a step in the report of a cut.
const fn action_of(step: &RecordedStep) -> &'static str {
    match step {
        RecordedStep::Started { .. } => "start",
        RecordedStep::AttemptRepeated => "start again",
        RecordedStep::Completed { .. } => "complete",
        RecordedStep::Deferred { .. } => "defer",
        RecordedStep::Failed(_) => "fail",
        RecordedStep::FailedAndRollingBack(_) => "fail and roll back",
        RecordedStep::FailedAndReverted { .. } => "fail, reverted",
        RecordedStep::SoakCompleted => "converge",
        RecordedStep::RollbackStarted => "roll back",
        RecordedStep::RollbackCompleted { .. } => "revert",
        RecordedStep::Cancelled => "cancel",
    }
}

fn state_of(record: Option<&RolloutRecord>, current: Option<Generation>) -> RolloutDisk {
    RolloutDisk {
        record: record.map(|record| format!("{record:?}")),
        current: current.map(|current| current.0),
    }
}

/// Reads the pointer; a torn one is a broken rule.
fn read_pointer(disk: &SimulatedDisk) -> Result<WorldView, RuleViolation> {
    let Ok(Some(pointer)) = disk.read(POINTER) else {
        return Ok(WorldView::Absent);
    };
    match <[u8; 32]>::try_from(&*pointer) {
        Ok(name) => Ok(WorldView::Current(Generation(name))),
        Err(_) => Err(format!("the pointer is torn: {pointer:?}")),
    }
}
