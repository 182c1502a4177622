//! The steps of a rollout as they are recorded: some of the machine's at once.

use lastword_fleet::ReportedStep;
use lastword_protocol::Generation;
use lastword_protocol::rollout::RolloutStep;

/// A step of a rollout that is to be recorded, and told once it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RecordedStep {
    /// The forward path begins.
    Started {
        /// The way in which the backend switches.
        switch_method: &'static str,
    },
    /// An activation that was interrupted begins once more. Nobody is told: it had begun.
    AttemptRepeated,
    /// The switch was seen.
    Completed {
        /// The generation that is there.
        observed: Generation,
    },
    /// A reboot does the rest.
    Deferred {
        /// The component that needs it.
        component: String,
    },
    /// It failed, and the board runs what it ran.
    Failed(StepFailure),
    /// It failed, and what the board ran is to be put back: both in one record. A board that knew of the failure only
    /// would find a drift at its next start, and do nothing.
    FailedAndRollingBack(StepFailure),
    /// It failed, and the generation before is there already: a boot loader went back by itself.
    FailedAndReverted {
        /// The failure.
        failure: StepFailure,
        /// The generation that is there; `None`: none, as before.
        reverted_to: Option<Generation>,
    },
    /// The checks held, or somebody confirmed the generation.
    SoakCompleted,
    /// The generation before is to be put back.
    RollbackStarted,
    /// The generation before is there; `None`: none, as before.
    RollbackCompleted {
        /// The generation that is there.
        reverted_to: Option<Generation>,
    },
    /// It was called off before anything had happened.
    Cancelled,
}

/// A failure: its exit code, and what failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StepFailure {
    /// The exit code of a program, or one below zero.
    pub code: i32,
    /// A description of it.
    pub detail: String,
}

impl RecordedStep {
    /// Returns the steps of the rollout, in their order. Those that are told are the same but for
    /// [`RolloutStep::RollbackStarted`], which is nobody's news: a rollback is told when it is over.
    #[must_use]
    pub fn steps(&self) -> Vec<RolloutStep<'_>> {
        const fn failed(failure: &StepFailure) -> RolloutStep<'_> {
            let (code, detail) = (failure.code, failure.detail.as_str());
            RolloutStep::ActivationFailed { code, detail }
        }
        match self {
            Self::Started { switch_method } => {
                vec![RolloutStep::ActivationStarted { switch_method }]
            }
            Self::AttemptRepeated => Vec::new(),
            Self::Completed { observed } => {
                let observed = *observed;
                vec![RolloutStep::ActivationCompleted { observed }]
            }
            Self::Deferred { component } => vec![RolloutStep::ActivationDeferred { component }],
            Self::Failed(failure) => vec![failed(failure)],
            Self::FailedAndRollingBack(failure) => {
                vec![failed(failure), RolloutStep::RollbackStarted]
            }
            Self::FailedAndReverted {
                failure,
                reverted_to,
            } => {
                let reverted_to = *reverted_to;
                vec![
                    failed(failure),
                    RolloutStep::RollbackCompleted { reverted_to },
                ]
            }
            Self::SoakCompleted => vec![RolloutStep::SoakCompleted],
            Self::RollbackStarted => vec![RolloutStep::RollbackStarted],
            Self::RollbackCompleted { reverted_to } => {
                let reverted_to = *reverted_to;
                vec![RolloutStep::RollbackCompleted { reverted_to }]
            }
            Self::Cancelled => vec![RolloutStep::Cancelled],
        }
    }

    /// Returns the steps that a controller is told: all of them, so that its machine of the rollout takes the same way.
    #[must_use]
    pub fn reported(&self) -> Vec<ReportedStep> {
        self.steps().iter().map(ReportedStep::from).collect()
    }

    /// Returns whether the step has happened even if it could not be recorded. A beginning has not: nothing is done
    /// then. Nor has the end of a soak, which is tried again.
    #[must_use]
    pub const fn has_happened(&self) -> bool {
        !matches!(
            self,
            Self::Started { .. } | Self::AttemptRepeated | Self::SoakCompleted | Self::Cancelled
        )
    }
}
