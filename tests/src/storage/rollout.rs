//! Rollouts: journal, pointer and recovery together, through activations that are kept and rolled back.

use super::disk::SimulatedDisk;
use super::subject::{ProcessIncarnation, RuleViolation, StateLedger, StorageSubject};
use lastword_agent::core::generation::activation::{
    ActivationEffect, ActivationEnd, ActivationInput, ActivationMachine, ActivationOrder,
    RecordedStep, RollbackEffect, RollbackMachine,
};
use lastword_agent::core::generation::recovery::{
    JournalView, RecoveryVerdict, WorldView, recover,
};
use lastword_agent::core::generation::rollout_log::RolloutLog;
use lastword_agent::core::generation::rollout_record::RolloutRecord;
use lastword_agent::core::journal::{JournalId, JournalLimits, SLOTS};
use lastword_agent::core::storage::{Storage as _, replace};
use lastword_protocol::rollout::{RolloutState, RolloutStep};
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
        let (record, current) = match view {
            JournalView::Empty => (None, world.current()),
            JournalView::Rollout(record) => (Some(record), world.current()),
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
        process.go_on(recover(view, world, boot), disk, ledger)?;
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
        let state = process.record.map(|record| record.state);
        match (self.list()[number], state) {
            _ if process.is_stuck => Ok(()),
            (Activate { is_deferred }, state) if state.is_none_or(RolloutState::is_terminal) => {
                process.order(is_deferred, disk, ledger)
            }
            (Converge, Some(RolloutState::Soaking)) => process
                .take("converge", &RolloutStep::SoakCompleted, disk, ledger)
                .map(|_| ()),
            (FailSoak, Some(RolloutState::Soaking)) => process.fail_soak(disk, ledger),
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
        let state = self.record.map(|record| record.state);
        match verdict {
            RecoveryVerdict::FreshInstall | RecoveryVerdict::JournalUnreadable
                if state.is_none() =>
            {
                Ok(())
            }
            RecoveryVerdict::Steady
            | RecoveryVerdict::StillDeferred
            | RecoveryVerdict::ResumeSoak => Ok(()),
            RecoveryVerdict::Completed => {
                let target = self.target()?;
                let settled = self.switch(Some(target), disk, ledger);
                if settled != ActivationInput::Done {
                    return Ok(());
                }
                if state == Some(RolloutState::Pending) {
                    let started = RolloutStep::ActivationStarted {
                        switch_method: "symlink",
                    };
                    if !self.take("complete", &started, disk, ledger)? {
                        return Ok(());
                    }
                }
                let observed = target;
                let completed = RolloutStep::ActivationCompleted { observed };
                self.take("complete", &completed, disk, ledger).map(|_| ())
            }
            RecoveryVerdict::Requeue | RecoveryVerdict::Retry => self.attempt(false, disk, ledger),
            RecoveryVerdict::AttemptsExhausted => self.give_up(disk, ledger),
            RecoveryVerdict::FinishRollback => self.roll_back(disk, ledger),
            // Nobody but these processes moves the pointer, and it is never half moved.
            RecoveryVerdict::FreshInstall
            | RecoveryVerdict::JournalUnreadable
            | RecoveryVerdict::BootLoaderReverted
            | RecoveryVerdict::VerifyMismatch { .. }
            | RecoveryVerdict::Drift { .. } => Err(format!(
                "{verdict:?} over {:?} at {:?}",
                self.record, self.current
            )),
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
        let record =
            RolloutRecord::ordered((Generation([self.next; 32]), 1), self.current, self.boot);
        if !self.save("order", record, disk, ledger) {
            return Ok(());
        }
        self.attempt(is_deferred, disk, ledger)
    }

    /// Counts an attempt, and makes it.
    fn attempt(
        &mut self,
        is_deferred: bool,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<RolloutDisk>,
    ) -> Result<(), RuleViolation> {
        let record = self.record.and_then(RolloutRecord::with_attempt);
        let record = record.ok_or("a fourth attempt was begun")?;
        if !self.save("attempt", record, disk, ledger) {
            return Ok(());
        }
        let order = ActivationOrder {
            target: record.target,
            previous: record.previous,
            switch_method: "symlink",
            deferred_component: is_deferred.then(|| "kernel".to_owned()),
            is_test: false,
        };
        let (mut machine, mut effect) = ActivationMachine::begin(order);
        loop {
            let input = match effect {
                ActivationEffect::Record(step) => self.record_step(&step, disk, ledger)?,
                ActivationEffect::Realise | ActivationEffect::Set => ActivationInput::Done,
                ActivationEffect::AskGate | ActivationEffect::AskGateIn(_) => {
                    ActivationInput::GateOpen
                }
                ActivationEffect::Switch => self.switch(Some(record.target), disk, ledger),
                ActivationEffect::ReadBack => ActivationInput::Observed(read_pointer(disk)?),
                ActivationEffect::End(ActivationEnd::RollBack) => {
                    return self.roll_back(disk, ledger);
                }
                ActivationEffect::End(_) => return Ok(()),
            };
            if disk.is_cut {
                return Ok(());
            }
            effect = machine
                .step(input)
                .ok_or("the machine waits for something else")?;
        }
    }

    fn give_up(
        &mut self,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<RolloutDisk>,
    ) -> Result<(), RuleViolation> {
        if self.record.map(|record| record.state) == Some(RolloutState::Pending) {
            let cancelled = RolloutStep::Cancelled;
            return self.take("give up", &cancelled, disk, ledger).map(|_| ());
        }
        let failed = failure();
        self.take("give up", &failed, disk, ledger).map(|_| ())
    }

    fn fail_soak(
        &mut self,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<RolloutDisk>,
    ) -> Result<(), RuleViolation> {
        if self.fail_and_roll_back(&failure(), disk, ledger)? {
            return self.roll_back(disk, ledger);
        }
        Ok(())
    }

    fn roll_back(
        &mut self,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<RolloutDisk>,
    ) -> Result<(), RuleViolation> {
        let previous = self.record.and_then(|record| record.previous);
        let (mut machine, mut effect) = RollbackMachine::begin(previous, false, true);
        loop {
            let input = match effect {
                RollbackEffect::Record(step) => self.record_step(&step, disk, ledger)?,
                RollbackEffect::Switch => self.switch(previous, disk, ledger),
                RollbackEffect::ReadBack => ActivationInput::Observed(read_pointer(disk)?),
                RollbackEffect::End(_) => return Ok(()),
            };
            if disk.is_cut {
                return Ok(());
            }
            effect = machine
                .step(input)
                .ok_or("the machine waits for something else")?;
        }
    }

    fn record_step(
        &mut self,
        step: &RecordedStep,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<RolloutDisk>,
    ) -> Result<ActivationInput, RuleViolation> {
        let (action, step) = match step {
            RecordedStep::Started { switch_method } => {
                ("start", RolloutStep::ActivationStarted { switch_method })
            }
            RecordedStep::Completed { observed } => {
                let observed = *observed;
                ("complete", RolloutStep::ActivationCompleted { observed })
            }
            RecordedStep::Deferred { component } => {
                ("defer", RolloutStep::ActivationDeferred { component })
            }
            RecordedStep::Failed(failed) => {
                let (code, detail) = (failed.code, &*failed.detail);
                ("fail", RolloutStep::ActivationFailed { code, detail })
            }
            RecordedStep::FailedAndRollingBack(failed) => {
                let (code, detail) = (failed.code, &*failed.detail);
                let failed = RolloutStep::ActivationFailed { code, detail };
                return self.fail_and_roll_back(&failed, disk, ledger).map(recorded);
            }
            RecordedStep::RollbackStarted => ("roll back", RolloutStep::RollbackStarted),
            RecordedStep::RollbackCompleted { reverted_to } => {
                let reverted_to = *reverted_to;
                ("revert", RolloutStep::RollbackCompleted { reverted_to })
            }
        };
        self.take(action, &step, disk, ledger).map(recorded)
    }

    /// Records two steps at once; returns whether they are durable.
    fn fail_and_roll_back(
        &mut self,
        failed: &RolloutStep<'_>,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<RolloutDisk>,
    ) -> Result<bool, RuleViolation> {
        if self.is_stuck {
            return Ok(false);
        }
        let record = self.record.ok_or("there is no rollout")?;
        let after = record.after(failed, self.boot);
        let after = after.and_then(|it| it.after(&RolloutStep::RollbackStarted, self.boot));
        let after = after.map_err(|error| error.to_string())?;
        Ok(self.save("fail and roll back", after, disk, ledger))
    }

    /// Records a step; returns whether it is durable.
    fn take(
        &mut self,
        action: &'static str,
        step: &RolloutStep<'_>,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<RolloutDisk>,
    ) -> Result<bool, RuleViolation> {
        if self.is_stuck {
            return Ok(false);
        }
        let record = self.record.ok_or("there is no rollout")?;
        // An attempt that is made once more has begun already.
        let is_again = matches!(step, RolloutStep::ActivationStarted { .. })
            && record.state == RolloutState::Activating { is_deferred: false };
        let after = if is_again {
            record
        } else {
            record
                .after(step, self.boot)
                .map_err(|error| error.to_string())?
        };
        Ok(self.save(action, after, disk, ledger))
    }

    fn save(
        &mut self,
        action: &'static str,
        record: RolloutRecord,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<RolloutDisk>,
    ) -> bool {
        disk.action = action;
        let state = state_of(Some(&record), self.current);
        ledger.attempt(state.clone());
        let is_saved = self.log.append(disk, record).is_ok() && !disk.is_cut;
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
    ) -> ActivationInput {
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
                ActivationInput::Done
            }
            _ => {
                self.is_stuck = true;
                let detail = "switch".to_owned();
                ActivationInput::OperationFailed { code: None, detail }
            }
        }
    }

    fn target(&self) -> Result<Generation, RuleViolation> {
        let target = self.record.map(|record| record.target);
        target.ok_or_else(|| "there is no rollout".to_owned())
    }
}

fn recorded(is_recorded: bool) -> ActivationInput {
    if is_recorded {
        ActivationInput::Recorded
    } else {
        ActivationInput::NotRecorded
    }
}

fn failure() -> RolloutStep<'static> {
    RolloutStep::ActivationFailed {
        code: -4,
        detail: "soak failed: web",
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
