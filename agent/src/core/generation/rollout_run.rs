//! One run of a rollout, from an order or a verdict to its end: forward, and back if need be. It holds the record, and
//! says what is to be appended to the journal, told and done, one after the other.

mod recovered;

use super::activation::{
    ActivationEffect, ActivationEnd, ActivationInput, ActivationMachine, ActivationOrder,
    RollbackEffect, RollbackMachine,
};
use super::recorded_step::{RecordedStep, StepFailure};
use super::rollout_record::RolloutRecord;
use lastword_protocol::rollout::{IllegalRolloutStep, PIPELINE_FAILED, RolloutState, SOAK_FAILED};
use lastword_protocol::{BootId, Generation, Millis};

/// The effect that comes next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RunEffect {
    /// Append the record, durably, then tell the step: [`ActivationInput::Recorded`]. Where that fails:
    /// [`ActivationInput::NotRecorded`]. What has happened all the same is told then, too, see
    /// [`RecordedStep::has_happened`].
    Append {
        /// The record.
        record: Box<RolloutRecord>,
        /// The step.
        step: RecordedStep,
    },
    /// Carry an operation out.
    Operation(RunOperation),
    /// It is over.
    End(RunEnd),
}

/// An operation of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunOperation {
    /// Check the signature, make all files ready and compare their hashes: [`ActivationInput::Done`].
    Realise(Generation),
    /// Tell the backend which generation comes: [`ActivationInput::Done`].
    Set(Generation),
    /// Ask `before-switch`: [`ActivationInput::GateOpen`].
    AskGate,
    /// Ask it again after so long.
    AskGateIn(Millis),
    /// Move the pointer: [`ActivationInput::Done`].
    Switch {
        /// The generation to move it to; `None`: to none.
        to: Option<Generation>,
        /// True on the way back.
        is_rollback: bool,
    },
    /// Read the pointer back until it is this, or time is over: [`ActivationInput::Observed`].
    ReadBack(Option<Generation>),
}

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunEnd {
    /// The board runs the generation, which soaks.
    Soaking,
    /// A reboot does the rest.
    Deferred,
    /// The soak is over, and the generation is the board's.
    Converged,
    /// It failed, and the board runs what it ran.
    Failed,
    /// The generation before is there, or nothing was ever done.
    Reverted,
    /// The generation before could not be put back.
    RollbackFailed,
    /// Nothing was recorded, and nothing was done.
    NotRecorded,
    /// The rollout has no such step: a defect.
    Illegal(IllegalRolloutStep),
}

/// One run of a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RolloutRun {
    record: RolloutRecord,
    boot: BootId,
    stage: RunStage,
    /// The record that is being appended, and whether it holds even if that fails.
    appending: Option<(RolloutRecord, bool)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum RunStage {
    Forward(ActivationMachine),
    Back(RollbackMachine),
    /// The last record of a run that moves nothing.
    LastRecord(RunEnd),
    Over,
}

impl RolloutRun {
    /// Begins a rollout that was recorded as ordered.
    #[must_use]
    pub fn begin(
        record: RolloutRecord,
        boot: BootId,
        switch_method: &'static str,
    ) -> (Self, RunEffect) {
        let (machine, effect) = ActivationMachine::begin(order_of(&record, switch_method));
        Self::forward(record, boot, machine, effect)
    }

    /// Ends a soak whose checks held.
    #[must_use]
    pub fn converge(record: RolloutRecord, boot: BootId) -> (Self, RunEffect) {
        Self::record_last(record, boot, RecordedStep::SoakCompleted, RunEnd::Converged)
    }

    /// Ends a soak of which a check failed.
    #[must_use]
    pub fn fail_soak(record: RolloutRecord, boot: BootId, check: &str) -> (Self, RunEffect) {
        let detail = format!("soak failed: {check}");
        Self::fail(record, boot, failure(SOAK_FAILED, detail))
    }

    /// Puts the generation before back because somebody wants it.
    #[must_use]
    pub fn roll_back(record: RolloutRecord, boot: BootId) -> (Self, RunEffect) {
        if record.options.is_test {
            let (machine, effect) = RollbackMachine::begin(record.previous, true, true);
            // Only its end is recorded, and told.
            let record = RolloutRecord {
                state: RolloutState::ROLLBACK_ORDERED,
                failure: Some(requested()),
                boot,
                ..record
            };
            return Self::back(record, boot, machine, effect);
        }
        match record.state {
            RolloutState::Converged => {
                let record = RolloutRecord {
                    state: RolloutState::ROLLBACK_ORDERED,
                    failure: Some(requested()),
                    boot,
                    ..record
                };
                let step = RecordedStep::RollbackStarted;
                let run = Self {
                    record: record.clone(),
                    boot,
                    stage: RunStage::Back(RollbackMachine::begin(record.previous, false, false).0),
                    appending: Some((record.clone(), true)),
                };
                let record = Box::new(record);
                (run, RunEffect::Append { record, step })
            }
            _ => Self::fail(record, boot, requested()),
        }
    }

    /// Calls a rollout off whose pointer has not moved, and does not move meanwhile.
    #[must_use]
    pub fn call_off(record: RolloutRecord, boot: BootId) -> (Self, RunEffect) {
        let failure = failure(PIPELINE_FAILED, "called off by request".to_owned());
        let (step, end) = match record.state {
            RolloutState::Pending => (RecordedStep::Cancelled, RunEnd::Reverted),
            _ => (RecordedStep::Failed(failure), RunEnd::Failed),
        };
        Self::record_last(record, boot, step, end)
    }

    /// The record up to now.
    #[must_use]
    pub const fn record(&self) -> &RolloutRecord {
        &self.record
    }

    /// Returns whether the pointer may be moving: an immediate reset goes at once, a graceful one waits for the
    /// commit point.
    #[must_use]
    pub const fn is_committing(&self) -> bool {
        match &self.stage {
            RunStage::Forward(machine) => machine.is_committing(),
            RunStage::Back(_) => true,
            RunStage::LastRecord(_) | RunStage::Over => false,
        }
    }

    /// Returns whether `before-switch` is asked, or has put it off: the pointer does not move meanwhile.
    #[must_use]
    pub const fn is_at_gate(&self) -> bool {
        match &self.stage {
            RunStage::Forward(machine) => machine.is_at_gate(),
            RunStage::Back(_) | RunStage::LastRecord(_) | RunStage::Over => false,
        }
    }

    /// Takes the end of an operation; returns what is next, or `None` for what was not waited for.
    pub fn step(&mut self, input: ActivationInput) -> Option<RunEffect> {
        let is_recorded = match input {
            ActivationInput::Recorded => Some(true),
            ActivationInput::NotRecorded => Some(false),
            _ => None,
        };
        if is_recorded.is_some() != self.appending.is_some() {
            return None;
        }
        let mut holds = true;
        if let (Some(is_recorded), Some((record, has_happened))) =
            (is_recorded, self.appending.take())
        {
            holds = is_recorded || has_happened;
            if holds {
                self.record = record;
            }
        }
        let stage = std::mem::replace(&mut self.stage, RunStage::Over);
        match stage {
            RunStage::Forward(mut machine) => {
                let effect = machine.step(input);
                self.stage = RunStage::Forward(machine);
                Some(self.take_forward(effect?))
            }
            RunStage::Back(mut machine) => {
                let effect = machine.step(input);
                self.stage = RunStage::Back(machine);
                Some(self.take_back(effect?))
            }
            RunStage::LastRecord(end) if holds => Some(RunEffect::End(end)),
            RunStage::LastRecord(_) => Some(RunEffect::End(RunEnd::NotRecorded)),
            RunStage::Over => None,
        }
    }

    fn forward(
        record: RolloutRecord,
        boot: BootId,
        machine: ActivationMachine,
        effect: ActivationEffect,
    ) -> (Self, RunEffect) {
        let mut run = Self {
            record,
            boot,
            stage: RunStage::Forward(machine),
            appending: None,
        };
        let effect = run.take_forward(effect);
        (run, effect)
    }

    fn back(
        record: RolloutRecord,
        boot: BootId,
        machine: RollbackMachine,
        effect: RollbackEffect,
    ) -> (Self, RunEffect) {
        let mut run = Self {
            record,
            boot,
            stage: RunStage::Back(machine),
            appending: None,
        };
        let effect = run.take_back(effect);
        (run, effect)
    }

    /// Records a failure, then puts the generation before back.
    fn fail(record: RolloutRecord, boot: BootId, failure: StepFailure) -> (Self, RunEffect) {
        let machine = RollbackMachine::begin(record.previous, false, false).0;
        let mut run = Self {
            record,
            boot,
            stage: RunStage::Back(machine),
            appending: None,
        };
        let effect = run.append(RecordedStep::FailedAndRollingBack(failure));
        (run, effect)
    }

    fn roll_back_recorded(record: RolloutRecord, boot: BootId) -> (Self, RunEffect) {
        let (machine, effect) = RollbackMachine::begin(record.previous, false, true);
        Self::back(record, boot, machine, effect)
    }

    fn record_last(
        record: RolloutRecord,
        boot: BootId,
        step: RecordedStep,
        end: RunEnd,
    ) -> (Self, RunEffect) {
        let mut run = Self {
            record,
            boot,
            stage: RunStage::LastRecord(end),
            appending: None,
        };
        let effect = run.append(step);
        (run, effect)
    }

    fn take_forward(&mut self, effect: ActivationEffect) -> RunEffect {
        let target = self.record.target;
        RunEffect::Operation(match effect {
            ActivationEffect::Record(step) => return self.append(step),
            ActivationEffect::Realise => RunOperation::Realise(target),
            ActivationEffect::Set => RunOperation::Set(target),
            ActivationEffect::AskGate => RunOperation::AskGate,
            ActivationEffect::AskGateIn(wait) => RunOperation::AskGateIn(wait),
            ActivationEffect::Switch => RunOperation::Switch {
                to: Some(target),
                is_rollback: false,
            },
            ActivationEffect::ReadBack => RunOperation::ReadBack(Some(target)),
            ActivationEffect::End(ActivationEnd::RollBack) => {
                let (machine, effect) = RollbackMachine::begin(self.record.previous, false, true);
                self.stage = RunStage::Back(machine);
                return self.take_back(effect);
            }
            ActivationEffect::End(end) => {
                return self.end(match end {
                    ActivationEnd::Soak => RunEnd::Soaking,
                    ActivationEnd::Deferred => RunEnd::Deferred,
                    ActivationEnd::NotRecorded => RunEnd::NotRecorded,
                    ActivationEnd::Failed | ActivationEnd::RollBack => RunEnd::Failed,
                });
            }
        })
    }

    fn take_back(&mut self, effect: RollbackEffect) -> RunEffect {
        let to = self.record.previous;
        match effect {
            RollbackEffect::Record(step) => self.append(step),
            RollbackEffect::Switch => RunEffect::Operation(RunOperation::Switch {
                to,
                is_rollback: true,
            }),
            RollbackEffect::ReadBack => RunEffect::Operation(RunOperation::ReadBack(to)),
            RollbackEffect::End(true) => self.end(RunEnd::Reverted),
            RollbackEffect::End(false) => self.end(RunEnd::RollbackFailed),
        }
    }

    fn append(&mut self, step: RecordedStep) -> RunEffect {
        match self.record.after_recorded(&step, self.boot) {
            Ok(record) => {
                self.appending = Some((record.clone(), step.has_happened()));
                let record = Box::new(record);
                RunEffect::Append { record, step }
            }
            Err(illegal) => self.end(RunEnd::Illegal(illegal)),
        }
    }

    fn end(&mut self, end: RunEnd) -> RunEffect {
        self.stage = RunStage::Over;
        RunEffect::End(end)
    }
}

fn order_of(record: &RolloutRecord, switch_method: &'static str) -> ActivationOrder {
    ActivationOrder {
        target: record.target,
        previous: record.previous,
        switch_method,
        deferred_component: record.deferred_component.clone(),
        is_test: record.options.is_test,
    }
}

const fn failure(code: i32, detail: String) -> StepFailure {
    StepFailure { code, detail }
}

fn requested() -> StepFailure {
    failure(PIPELINE_FAILED, "rolled back by request".to_owned())
}

#[cfg(test)]
mod tests;
