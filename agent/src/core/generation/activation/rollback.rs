//! One rollback: exactly one `RollbackCompleted`, or exactly one `ActivationFailed`.

use super::ActivationInput;
use crate::core::generation::recorded_step::{RecordedStep, StepFailure};
use lastword_protocol::Generation;
use lastword_protocol::rollout::PIPELINE_FAILED;

/// A rollback under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RollbackMachine {
    previous: Option<Generation>,
    state: RollbackState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum RollbackState {
    RecordingStart,
    Switching,
    ReadingBack,
    /// And whether the generation before is there.
    RecordingEnd(bool),
    Over,
}

/// The operation of a rollback that comes next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RollbackEffect {
    /// Record a step, durably, then tell it.
    Record(RecordedStep),
    /// Move the pointer back.
    Switch,
    /// Read it back.
    ReadBack,
    /// It is over; whether the generation before is there.
    End(bool),
}

impl RollbackMachine {
    /// Begins a rollback to the generation before, if there was one. `is_recorded` if an earlier life has begun it.
    #[must_use]
    pub fn begin(
        previous: Option<Generation>,
        is_test: bool,
        is_recorded: bool,
    ) -> (Self, RollbackEffect) {
        let mut machine = Self {
            previous,
            state: RollbackState::RecordingStart,
        };
        let effect = if is_test {
            machine.complete()
        } else if is_recorded {
            machine.state = RollbackState::Switching;
            RollbackEffect::Switch
        } else {
            RollbackEffect::Record(RecordedStep::RollbackStarted)
        };
        (machine, effect)
    }

    /// Takes the end of an operation; returns what is next, or `None` for what was not waited for.
    pub fn step(&mut self, input: ActivationInput) -> Option<RollbackEffect> {
        use ActivationInput as Input;
        use RollbackState as State;
        match (self.state, input) {
            // What was there before is put back even where the disk takes no record.
            (State::RecordingStart, Input::Recorded | Input::NotRecorded) => {
                self.state = State::Switching;
                Some(RollbackEffect::Switch)
            }
            (State::Switching, Input::Done) => {
                self.state = State::ReadingBack;
                Some(RollbackEffect::ReadBack)
            }
            (State::Switching, Input::OperationFailed { code, detail }) => {
                let detail = match code {
                    Some(_) => format!("rollback failed at phase {detail}"),
                    None => format!("rollback pipeline error: {detail}"),
                };
                Some(self.fail(code.unwrap_or(PIPELINE_FAILED), detail))
            }
            (State::ReadingBack, Input::Observed(world)) if world.is(self.previous) => {
                Some(self.complete())
            }
            (State::ReadingBack, Input::Observed(_)) => {
                Some(self.fail(PIPELINE_FAILED, "rollback failed at phase verify".into()))
            }
            (State::RecordingEnd(is_back), Input::Recorded | Input::NotRecorded) => {
                self.state = State::Over;
                Some(RollbackEffect::End(is_back))
            }
            _ => None,
        }
    }

    fn complete(&mut self) -> RollbackEffect {
        self.state = RollbackState::RecordingEnd(true);
        let reverted_to = self.previous;
        RollbackEffect::Record(RecordedStep::RollbackCompleted { reverted_to })
    }

    fn fail(&mut self, code: i32, detail: String) -> RollbackEffect {
        self.state = RollbackState::RecordingEnd(false);
        RollbackEffect::Record(RecordedStep::Failed(StepFailure { code, detail }))
    }
}
