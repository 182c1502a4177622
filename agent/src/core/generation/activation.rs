//! One activation, from its first record to the switch, or back: which operation comes next, what is recorded and
//! told, and in which order. Its owner carries the operations out and reports how they ended.
//!
//! ```text
//! record Started -> realise -> set -> before-switch -> switch -> read back -> record Completed or Deferred
//!                      \_________\________\_____________\___________\_____-> record Failed [-> roll back]
//! ```
//!
//! Whatever is recorded is durable before the next operation begins; a `Started` that cannot be recorded switches
//! nothing.

mod rollback;

use super::recorded_step::{RecordedStep, StepFailure};
use super::recovery::WorldView;
use lastword_protocol::rollout::{PIPELINE_FAILED, SIGNATURE_FAILED, VERIFY_FAILED};
use lastword_protocol::{Generation, Millis};

pub use rollback::{RollbackEffect, RollbackMachine};

/// An order to activate a generation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ActivationOrder {
    /// The generation.
    pub target: Generation,
    /// The generation that the board runs; `None` if it runs none.
    pub previous: Option<Generation>,
    /// The way in which the backend switches, for the record.
    pub switch_method: &'static str,
    /// The first component that takes effect at a reboot only, if one differs.
    pub deferred_component: Option<String>,
    /// Nothing is switched: `LASTWORDD_ACTIVATION_TEST_MODE` is set.
    pub is_test: bool,
}

/// The operation that comes next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ActivationEffect {
    /// Record a step, durably, then tell it: [`ActivationInput::Recorded`].
    Record(RecordedStep),
    /// Check the signature, make all files ready and compare their hashes: [`ActivationInput::Done`].
    Realise,
    /// Tell the backend which generation comes: [`ActivationInput::Done`].
    Set,
    /// Ask `before-switch`: [`ActivationInput::GateOpen`].
    AskGate,
    /// Ask it again after so long.
    AskGateIn(Millis),
    /// Move the pointer, the commit point: [`ActivationInput::Done`].
    Switch,
    /// Read the pointer back, until it is the target or time is over: [`ActivationInput::Observed`].
    ReadBack,
    /// It is over.
    End(ActivationEnd),
}

/// The end of an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActivationEnd {
    /// The board runs the generation, which soaks.
    Soak,
    /// A reboot does the rest.
    Deferred,
    /// It failed, and the board runs what it ran.
    Failed,
    /// It failed, and the board runs something else: a [`RollbackMachine`] puts back what it ran. That it does is
    /// recorded, if anything could be.
    RollBack,
    /// Nothing was recorded, and nothing was done.
    NotRecorded,
}

/// The end of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ActivationInput {
    /// The step is durable.
    Recorded,
    /// It is not.
    NotRecorded,
    /// The operation is done.
    Done,
    /// The signature does not count.
    SignatureMismatch(String),
    /// The operation failed. Programs have exit codes and phases.
    OperationFailed {
        /// The exit code, if it has one.
        code: Option<i32>,
        /// The phase, or what failed.
        detail: String,
    },
    /// The switch takes effect at a reboot only, because of this component: the pointer moves then.
    SwitchDeferred(String),
    /// `before-switch` lets it pass.
    GateOpen,
    /// `before-switch` wants to be asked again after so long.
    GateClosed(Millis),
    /// The pointer, read back.
    Observed(WorldView),
}

/// One activation under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ActivationMachine {
    order: ActivationOrder,
    state: ActivationState,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum ActivationState {
    RecordingStart,
    Realising,
    Setting,
    AtGate,
    Switching,
    /// The switch failed so: has the pointer moved all the same?
    LookingAfterFailure(StepFailure),
    ReadingBack,
    RecordingEnd(ActivationEnd),
    Over,
}

impl ActivationMachine {
    /// Begins an activation.
    #[must_use]
    pub fn begin(order: ActivationOrder) -> (Self, ActivationEffect) {
        let switch_method = order.switch_method;
        Self::begin_with(order, RecordedStep::Started { switch_method })
    }

    /// Begins an activation once more that was interrupted.
    #[must_use]
    pub fn begin_again(order: ActivationOrder) -> (Self, ActivationEffect) {
        Self::begin_with(order, RecordedStep::AttemptRepeated)
    }

    /// Goes on with an activation whose switch took, though that was not recorded: the pointer is set once more,
    /// because an agent may have been killed when it was told that it is not durable.
    #[must_use]
    pub const fn resume_at_switch(order: ActivationOrder) -> (Self, ActivationEffect) {
        let state = ActivationState::Switching;
        (Self { order, state }, ActivationEffect::Switch)
    }

    const fn begin_with(order: ActivationOrder, step: RecordedStep) -> (Self, ActivationEffect) {
        let state = ActivationState::RecordingStart;
        (Self { order, state }, ActivationEffect::Record(step))
    }

    /// Returns whether the pointer may be moving: an immediate reset goes at once, a graceful one waits for the
    /// commit point.
    #[must_use]
    pub const fn is_committing(&self) -> bool {
        matches!(
            self.state,
            ActivationState::Realising
                | ActivationState::Setting
                | ActivationState::AtGate
                | ActivationState::Switching
        )
    }

    /// Returns whether `before-switch` is asked, or has put it off.
    #[must_use]
    pub const fn is_at_gate(&self) -> bool {
        matches!(self.state, ActivationState::AtGate)
    }

    /// Takes the end of an operation; returns what is next, or `None` for what was not waited for.
    pub fn step(&mut self, input: ActivationInput) -> Option<ActivationEffect> {
        use ActivationInput as Input;
        use ActivationState as State;
        let is_realising = self.state == State::Realising;
        let state = std::mem::replace(&mut self.state, State::Over);
        match (state, input) {
            (State::RecordingStart, Input::Recorded) if self.order.is_test => {
                let observed = self.order.target;
                Some(self.record(RecordedStep::Completed { observed }, ActivationEnd::Soak))
            }
            (State::RecordingStart, Input::Recorded) => {
                Some(self.go(State::Realising, ActivationEffect::Realise))
            }
            (State::RecordingStart, Input::NotRecorded) => {
                Some(ActivationEffect::End(ActivationEnd::NotRecorded))
            }
            (State::Realising, Input::Done) => Some(self.go(State::Setting, ActivationEffect::Set)),
            (State::Realising, Input::SignatureMismatch(why)) => {
                let detail = format!("signature mismatch on {}: {why}", self.order.target);
                Some(self.fail(SIGNATURE_FAILED, detail, ActivationEnd::Failed))
            }
            (
                State::Realising | State::Setting | State::AtGate,
                Input::OperationFailed { detail, .. },
            ) => Some(self.fail_before_the_switch(is_realising, &detail)),
            (State::Setting, Input::Done) => {
                Some(self.go(State::AtGate, ActivationEffect::AskGate))
            }
            (State::AtGate, Input::GateClosed(wait)) => {
                Some(self.go(State::AtGate, ActivationEffect::AskGateIn(wait)))
            }
            (State::AtGate, Input::GateOpen) => {
                Some(self.go(State::Switching, ActivationEffect::Switch))
            }
            (State::Switching, Input::Done) => {
                Some(self.go(State::ReadingBack, ActivationEffect::ReadBack))
            }
            (State::Switching, Input::SwitchDeferred(component)) => {
                let deferred = RecordedStep::Deferred { component };
                Some(self.record(deferred, ActivationEnd::Deferred))
            }
            (State::Switching, Input::OperationFailed { code, detail }) => {
                Some(self.fail_in_the_switch(code, &detail))
            }
            (State::LookingAfterFailure(failure), Input::Observed(world)) => {
                Some(self.fail_after_the_switch(failure, world))
            }
            (State::ReadingBack, Input::Observed(world)) => Some(self.observed(world)),
            // What was done cannot be recorded: the next boot finds it out.
            (State::RecordingEnd(end), Input::Recorded | Input::NotRecorded) => {
                Some(ActivationEffect::End(end))
            }
            (state, _) => {
                self.state = state;
                None
            }
        }
    }

    fn fail_before_the_switch(&mut self, is_realising: bool, detail: &str) -> ActivationEffect {
        let what = if is_realising {
            "realise failed"
        } else {
            "activation pipeline error"
        };
        let detail = format!("{what}: {detail}");
        self.fail(PIPELINE_FAILED, detail, ActivationEnd::Failed)
    }

    /// Looks whether the pointer has moved all the same.
    fn fail_in_the_switch(&mut self, code: Option<i32>, phase: &str) -> ActivationEffect {
        let code = code.unwrap_or(PIPELINE_FAILED);
        let detail = format!("switch failed at phase {phase}");
        let failure = StepFailure { code, detail };
        let state = ActivationState::LookingAfterFailure(failure);
        self.go(state, ActivationEffect::ReadBack)
    }

    fn fail_after_the_switch(
        &mut self,
        failure: StepFailure,
        world: WorldView,
    ) -> ActivationEffect {
        let end = if world.is(self.order.previous) {
            ActivationEnd::Failed
        } else {
            ActivationEnd::RollBack
        };
        self.fail(failure.code, failure.detail, end)
    }

    /// Takes what the pointer is after the switch.
    fn observed(&mut self, world: WorldView) -> ActivationEffect {
        let found = world.current();
        if found != Some(self.order.target) {
            let expected = self.order.target;
            let actual = found.map_or_else(|| "none".to_owned(), |found| found.to_string());
            let detail = format!("verify mismatch: expected={expected} actual={actual}");
            return self.fail(VERIFY_FAILED, detail, ActivationEnd::RollBack);
        }
        if let Some(component) = self.order.deferred_component.clone() {
            return self.record(
                RecordedStep::Deferred { component },
                ActivationEnd::Deferred,
            );
        }
        let observed = self.order.target;
        self.record(RecordedStep::Completed { observed }, ActivationEnd::Soak)
    }

    fn fail(&mut self, code: i32, detail: String, end: ActivationEnd) -> ActivationEffect {
        let failure = StepFailure { code, detail };
        let step = match end {
            ActivationEnd::RollBack => RecordedStep::FailedAndRollingBack(failure),
            _ => RecordedStep::Failed(failure),
        };
        self.record(step, end)
    }

    fn record(&mut self, step: RecordedStep, end: ActivationEnd) -> ActivationEffect {
        self.go(
            ActivationState::RecordingEnd(end),
            ActivationEffect::Record(step),
        )
    }

    fn go(&mut self, state: ActivationState, effect: ActivationEffect) -> ActivationEffect {
        self.state = state;
        effect
    }
}

#[cfg(test)]
mod tests;
