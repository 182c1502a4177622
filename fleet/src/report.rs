//! Orders of a controller, and what an agent reports of them.

use lastword_protocol::Generation;
use lastword_protocol::rollout::RolloutStep;
use serde::{Deserialize, Serialize};

/// The number of an order of a controller for one board. Later orders have higher numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderNumber(pub u64);

/// An order to move a board to a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FleetOrder {
    /// Its number: the board takes it once, however often it comes.
    pub number: OrderNumber,
    /// The generation.
    pub target: Generation,
}

/// A step of a rollout on a board.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RolloutReport {
    /// The order that the rollout carries out; `None`: somebody at the board has ordered it.
    pub order: Option<OrderNumber>,
    /// The generation that it moves the board to.
    pub target: Generation,
    /// The step.
    pub step: ReportedStep,
}

/// A [`RolloutStep`] that owns its texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReportedStep {
    /// [`RolloutStep::ActivationStarted`].
    ActivationStarted {
        /// The way in which the generation is switched to.
        switch_method: String,
    },
    /// [`RolloutStep::ActivationCompleted`].
    ActivationCompleted {
        /// The generation that is there.
        observed: Generation,
    },
    /// [`RolloutStep::ActivationDeferred`].
    ActivationDeferred {
        /// The first component that needs a reboot.
        component: String,
    },
    /// [`RolloutStep::ActivationFailed`].
    ActivationFailed {
        /// The exit code.
        code: i32,
        /// A description of the failure.
        detail: String,
    },
    /// [`RolloutStep::SoakCompleted`].
    SoakCompleted,
    /// [`RolloutStep::RollbackStarted`].
    RollbackStarted,
    /// [`RolloutStep::RollbackCompleted`].
    RollbackCompleted {
        /// The generation that is there; `None`: none.
        reverted_to: Option<Generation>,
    },
    /// [`RolloutStep::Cancelled`].
    Cancelled,
}

impl ReportedStep {
    /// Returns the step as the machine of a rollout takes it.
    #[must_use]
    pub fn as_step(&self) -> RolloutStep<'_> {
        match self {
            Self::ActivationStarted { switch_method } => {
                RolloutStep::ActivationStarted { switch_method }
            }
            Self::ActivationCompleted { observed } => RolloutStep::ActivationCompleted {
                observed: *observed,
            },
            Self::ActivationDeferred { component } => RolloutStep::ActivationDeferred { component },
            Self::ActivationFailed { code, detail } => RolloutStep::ActivationFailed {
                code: *code,
                detail,
            },
            Self::SoakCompleted => RolloutStep::SoakCompleted,
            Self::RollbackStarted => RolloutStep::RollbackStarted,
            Self::RollbackCompleted { reverted_to } => RolloutStep::RollbackCompleted {
                reverted_to: *reverted_to,
            },
            Self::Cancelled => RolloutStep::Cancelled,
        }
    }

    /// Returns the length of its texts, in bytes.
    pub(crate) const fn text_bytes(&self) -> usize {
        match self {
            Self::ActivationStarted {
                switch_method: text,
            }
            | Self::ActivationDeferred { component: text }
            | Self::ActivationFailed { detail: text, .. } => text.len(),
            Self::ActivationCompleted { .. }
            | Self::SoakCompleted
            | Self::RollbackStarted
            | Self::RollbackCompleted { .. }
            | Self::Cancelled => 0,
        }
    }
}

impl From<&RolloutStep<'_>> for ReportedStep {
    fn from(step: &RolloutStep<'_>) -> Self {
        match *step {
            RolloutStep::ActivationStarted { switch_method } => Self::ActivationStarted {
                switch_method: switch_method.to_owned(),
            },
            RolloutStep::ActivationCompleted { observed } => Self::ActivationCompleted { observed },
            RolloutStep::ActivationDeferred { component } => Self::ActivationDeferred {
                component: component.to_owned(),
            },
            RolloutStep::ActivationFailed { code, detail } => Self::ActivationFailed {
                code,
                detail: detail.to_owned(),
            },
            RolloutStep::SoakCompleted => Self::SoakCompleted,
            RolloutStep::RollbackStarted => Self::RollbackStarted,
            RolloutStep::RollbackCompleted { reverted_to } => {
                Self::RollbackCompleted { reverted_to }
            }
            RolloutStep::Cancelled => Self::Cancelled,
        }
    }
}
