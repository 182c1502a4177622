//! The record of a rollout: everything that the journal has of it, whole in each record.

use super::recorded_step::{RecordedStep, StepFailure};
use super::soak::CheckRecord;
use lastword_fleet::{OrderNumber, RolloutSnapshot};
use lastword_protocol::rollout::{
    ACTIVATION_ATTEMPTS_MAX, IllegalRolloutStep, RolloutState, RolloutStep,
};
use lastword_protocol::{BootId, Generation, Millis};

/// A rollout as it is remembered across resets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RolloutRecord {
    /// The generation that is to be the board's.
    pub target: Generation,
    /// The generation that was the board's before; `None` on a board that had none.
    pub previous: Option<Generation>,
    /// The state.
    pub state: RolloutState,
    /// The number of attempts that were begun, at most [`ACTIVATION_ATTEMPTS_MAX`].
    pub attempts: u8,
    /// The boot in which the last step was recorded.
    pub boot: BootId,
    /// The target's security version.
    pub security_version: u32,
    /// The first component that takes effect at a reboot only; known before anything is switched.
    pub deferred_component: Option<String>,
    /// The options of the order.
    pub options: RolloutOptions,
    /// The component that needs a reboot has had one: it is gone again only behind another.
    pub has_rebooted: bool,
    /// The target was rolled back: the board does not take it again by itself.
    pub is_quarantined: bool,
    /// The progress of the soak; `None` before and behind it.
    pub soak: Option<SoakProgress>,
    /// The last failure.
    pub failure: Option<StepFailure>,
    /// The order of a controller that it carries out; `None`: somebody at the board has ordered it.
    pub order: Option<OrderNumber>,
}

/// The progress of a soak, from which another life of the agent takes it up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SoakProgress {
    /// The time that is left; `None` until somebody confirms the generation.
    pub left: Option<Millis>,
    /// Somebody has confirmed it, and the checks have still to hold.
    pub is_confirmed: bool,
    /// The number of times that it was taken up, by another life of the agent or of the board.
    pub resumes: u32,
    /// The history of each check.
    pub checks: Vec<CheckRecord>,
}

/// An order for a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RolloutOrder {
    /// The generation.
    pub target: Generation,
    /// Its security version.
    pub security_version: u32,
    /// The generation that the board runs; `None` if it runs none.
    pub previous: Option<Generation>,
    /// The first component that takes effect at a reboot only, if one differs.
    pub deferred_component: Option<String>,
    /// Its options.
    pub options: RolloutOptions,
    /// Its number, if a controller has given it.
    pub order: Option<OrderNumber>,
}

/// The options of an order for a rollout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RolloutOptions {
    /// Reboot, if a component needs that.
    pub wants_reboot: bool,
    /// Take a lower security version than one that was confirmed.
    pub allows_older: bool,
    /// Switch nothing: the test mode was on when it was ordered.
    pub is_test: bool,
}

impl RolloutRecord {
    /// The record of an order.
    #[must_use]
    pub fn ordered(order: RolloutOrder, boot: BootId) -> Self {
        Self {
            target: order.target,
            previous: order.previous,
            state: RolloutState::Pending,
            attempts: 0,
            boot,
            security_version: order.security_version,
            deferred_component: order.deferred_component,
            options: order.options,
            has_rebooted: false,
            is_quarantined: false,
            soak: None,
            failure: None,
            order: order.order,
        }
    }

    /// The record of a rollout that the board has forgotten, as its controller knows it; in `boot`, as if it had been recorded
    /// now. What the controller does not know is as it is at the beginning.
    #[must_use]
    pub fn of_snapshot(snapshot: &RolloutSnapshot, boot: BootId) -> Self {
        let order = RolloutOrder {
            target: snapshot.target,
            security_version: 0,
            previous: snapshot.previous,
            deferred_component: None,
            options: RolloutOptions::default(),
            order: Some(snapshot.order),
        };
        let is_begun = snapshot.state != RolloutState::Pending;
        Self {
            state: snapshot.state,
            attempts: u8::from(is_begun),
            soak: snapshot.soak_left.map(|left| SoakProgress {
                left: Some(left),
                is_confirmed: false,
                resumes: 0,
                checks: Vec::new(),
            }),
            ..Self::ordered(order, boot)
        }
    }

    /// Returns the record behind a step in `boot`. The beginning of the forward path is the first attempt.
    ///
    /// # Errors
    ///
    /// [`IllegalRolloutStep`]: the rollout has no such step.
    pub fn after(&self, step: &RolloutStep<'_>, boot: BootId) -> Result<Self, IllegalRolloutStep> {
        let state = self.state.after(step)?;
        let is_begun = matches!(step, RolloutStep::ActivationStarted { .. });
        let is_rolled_back = matches!(step, RolloutStep::RollbackCompleted { .. });
        let failure = match step {
            RolloutStep::ActivationFailed { code, detail } => Some(StepFailure {
                code: *code,
                detail: (*detail).to_owned(),
            }),
            _ => self.failure.clone(),
        };
        Ok(Self {
            state,
            boot,
            attempts: self.attempts + u8::from(is_begun),
            is_quarantined: self.is_quarantined || is_rolled_back,
            soak: None,
            failure,
            ..self.clone()
        })
    }

    /// Returns the record behind one more attempt at an activation that was interrupted; `None` if there were as many
    /// as there may be.
    #[must_use]
    pub fn with_attempt(&self, boot: BootId) -> Option<Self> {
        (self.attempts < ACTIVATION_ATTEMPTS_MAX).then(|| Self {
            attempts: self.attempts + 1,
            boot,
            ..self.clone()
        })
    }

    /// Returns the record behind everything that is recorded at once.
    ///
    /// # Errors
    ///
    /// [`IllegalRolloutStep`]: the first step that the rollout does not have.
    pub fn after_recorded(
        &self,
        recorded: &RecordedStep,
        boot: BootId,
    ) -> Result<Self, IllegalRolloutStep> {
        if *recorded == RecordedStep::AttemptRepeated {
            let step = "activation-started";
            let from = self.state.word();
            return self
                .with_attempt(boot)
                .ok_or(IllegalRolloutStep { from, step });
        }
        let steps = recorded.steps();
        let mut record = self.clone();
        let is_forward = matches!(
            steps.first(),
            Some(RolloutStep::ActivationCompleted { .. } | RolloutStep::ActivationFailed { .. })
        );
        if is_forward && record.state == RolloutState::Pending {
            // The switch took, or went wrong, before anything was recorded of it: it has begun all the same.
            let started = RolloutStep::ActivationStarted { switch_method: "" };
            record = record.after(&started, boot)?;
        }
        for step in &steps {
            record = record.after(step, boot)?;
        }
        if matches!(recorded, RecordedStep::Completed { .. }) {
            record.has_rebooted = record.deferred_component.is_some();
        }
        if let RecordedStep::Deferred { component } = recorded {
            record.deferred_component = Some(component.clone());
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: BootId = BootId([1; 16]);
    const SECOND: BootId = BootId([2; 16]);
    const TARGET: Generation = Generation([1; 32]);

    fn ordered() -> RolloutRecord {
        let order = RolloutOrder {
            target: TARGET,
            security_version: 1,
            previous: None,
            deferred_component: None,
            options: RolloutOptions::default(),
            order: None,
        };
        RolloutRecord::ordered(order, FIRST)
    }

    fn failure() -> StepFailure {
        StepFailure {
            code: -3,
            detail: "verify mismatch".to_owned(),
        }
    }

    #[test]
    fn the_beginning_and_the_first_attempt_are_one_record() {
        let method = "symlink";
        let started = RecordedStep::Started {
            switch_method: method,
        };
        let mut record = ordered().after_recorded(&started, FIRST).unwrap();
        assert_eq!((record.attempts, record.state.word()), (1, "activating"));
        for attempts in 2..=ACTIVATION_ATTEMPTS_MAX {
            record = record
                .after_recorded(&RecordedStep::AttemptRepeated, SECOND)
                .unwrap();
            assert_eq!((record.attempts, record.boot), (attempts, SECOND));
            assert_eq!(record.state.word(), "activating");
        }
        let fourth = record.after_recorded(&RecordedStep::AttemptRepeated, SECOND);
        assert!(fourth.is_err());
    }

    #[test]
    fn a_switch_that_was_never_recorded_has_begun_all_the_same() {
        let completed = RecordedStep::Completed { observed: TARGET };
        let record = ordered().after_recorded(&completed, FIRST).unwrap();
        assert_eq!((record.attempts, record.state.word()), (1, "soaking"));
        let failed = RecordedStep::FailedAndRollingBack(failure());
        let record = ordered().after_recorded(&failed, FIRST).unwrap();
        assert_eq!(record.state.word(), "rolling-back");
        assert_eq!(record.failure, Some(failure()));
    }

    #[test]
    fn a_boot_loader_that_went_back_is_one_record() {
        let soaking = RecordedStep::Completed { observed: TARGET };
        let soaking = ordered().after_recorded(&soaking, FIRST).unwrap();
        let reverted = RecordedStep::FailedAndReverted {
            failure: failure(),
            reverted_to: None,
        };
        let record = soaking.after_recorded(&reverted, SECOND).unwrap();
        assert_eq!(record.state, RolloutState::Reverted);
        assert!(record.is_quarantined);
    }
}
