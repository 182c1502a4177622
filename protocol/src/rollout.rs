//! The rollout: a generation on its way to be the one that a board runs, or back. Agent and controller step the same
//! machine, so that neither believes of a rollout what the other would refuse.
//!
//! ```text
//! Pending -> Activating [-> Activating, deferred] -> Soaking -> Converged
//!    |            |                                     |
//!    v            +------------------+------------------+
//! Reverted                           v
//!    ^                            Failed -> Failed, rolling back
//!    +-------------------------------+------------+
//! ```

use crate::units::Generation;
use serde::{Deserialize, Serialize};

/// The exit code of a failure that has none of its own.
pub const PIPELINE_FAILED: i32 = -1;
/// The exit code of a signature that does not count.
pub const SIGNATURE_FAILED: i32 = -2;
/// The exit code of a switch that ended in another generation.
pub const VERIFY_FAILED: i32 = -3;
/// The exit code of a soak whose checks failed.
pub const SOAK_FAILED: i32 = -4;
/// The exit code of a boot loader that went back by itself.
pub const BOOT_LOADER_REVERTED: i32 = -5;
/// The most attempts at one activation, counted across resets.
pub const ACTIVATION_ATTEMPTS_MAX: u8 = 3;

/// The state of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RolloutState {
    /// Ordered; nothing has happened.
    Pending,
    /// Files are made ready, pointers moved.
    Activating {
        /// All that is left is a reboot.
        is_deferred: bool,
    },
    /// It is the board's generation, and its health checks run.
    Soaking,
    /// It is the board's generation, for good.
    Converged,
    /// It could not be, or must not.
    Failed {
        /// The generation before is being put back.
        is_rolling_back: bool,
    },
    /// The generation before is the board's, or nothing was ever done.
    Reverted,
}

/// Something that has happened to a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RolloutStep<'a> {
    /// The forward path begins. A rollback never has it.
    ActivationStarted {
        /// The way in which the generation is switched to.
        switch_method: &'a str,
    },
    /// The switch was carried out, and seen to be.
    ActivationCompleted {
        /// The generation that is there.
        observed: Generation,
    },
    /// The rest is done by the next boot.
    ActivationDeferred {
        /// The first component that needs it.
        component: &'a str,
    },
    /// The activation failed, or the rollback from one that had.
    ActivationFailed {
        /// The exit code of what failed, or one of this module's below zero.
        code: i32,
        /// A description of it.
        detail: &'a str,
    },
    /// The checks held for as long as they had to, or somebody confirmed the generation.
    SoakCompleted,
    /// The generation before is to be put back.
    RollbackStarted,
    /// The generation before is there.
    RollbackCompleted {
        /// The generation that is there; `None` on a board that had none.
        reverted_to: Option<Generation>,
    },
    /// It was called off.
    Cancelled,
}

/// A step that the rollout's state does not have: it has not been taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("a rollout that is {from} has no step {step}")]
pub struct IllegalRolloutStep {
    /// The state, which remains.
    pub from: &'static str,
    /// The step.
    pub step: &'static str,
}

impl RolloutState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Activating { is_deferred: false },
        Self::Activating { is_deferred: true },
        Self::Soaking,
        Self::Converged,
        Self::Failed {
            is_rolling_back: false,
        },
        Self::Failed {
            is_rolling_back: true,
        },
        Self::Reverted,
    ];
    /// The state of an order to put the generation before back: it has no forward path.
    pub const ROLLBACK_ORDERED: Self = Self::Failed {
        is_rolling_back: true,
    };

    /// Returns the state behind a step.
    ///
    /// # Errors
    ///
    /// [`IllegalRolloutStep`]: there is no such step from here.
    pub const fn after(self, step: &RolloutStep<'_>) -> Result<Self, IllegalRolloutStep> {
        use RolloutStep as Step;
        Ok(match (self, step) {
            (Self::Pending, Step::ActivationStarted { .. }) => {
                Self::Activating { is_deferred: false }
            }
            (Self::Activating { is_deferred: false }, Step::ActivationDeferred { .. }) => {
                Self::Activating { is_deferred: true }
            }
            (Self::Activating { .. }, Step::ActivationCompleted { .. }) => Self::Soaking,
            (Self::Activating { .. } | Self::Soaking, Step::ActivationFailed { .. }) => {
                Self::Failed { is_rolling_back: false }
            }
            (Self::Soaking, Step::SoakCompleted) => Self::Converged,
            (Self::Failed { is_rolling_back: false }, Step::RollbackStarted)
            // The rollback failed: the record stays, and whoever recovers goes on with it.
            | (Self::Failed { is_rolling_back: true }, Step::ActivationFailed { .. }) => {
                Self::Failed { is_rolling_back: true }
            }
            (Self::Failed { .. }, Step::RollbackCompleted { .. })
            | (Self::Pending, Step::Cancelled) => Self::Reverted,
            (from, step) => {
                return Err(IllegalRolloutStep { from: from.word(), step: step.word() });
            }
        })
    }

    /// Returns whether nothing more happens by itself.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Converged
            | Self::Reverted
            | Self::Failed {
                is_rolling_back: false,
            } => true,
            Self::Pending
            | Self::Activating { .. }
            | Self::Soaking
            | Self::Failed {
                is_rolling_back: true,
            } => false,
        }
    }

    /// Returns the state that a word stands for, if it does.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// The word for it in text dialects.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Activating { is_deferred: false } => "activating",
            Self::Activating { is_deferred: true } => "deferred",
            Self::Soaking => "soaking",
            Self::Converged => "converged",
            Self::Failed {
                is_rolling_back: false,
            } => "failed",
            Self::Failed {
                is_rolling_back: true,
            } => "rolling-back",
            Self::Reverted => "reverted",
        }
    }
}

impl RolloutStep<'_> {
    /// The word for it in text dialects.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::ActivationStarted { .. } => "activation-started",
            Self::ActivationCompleted { .. } => "activation-completed",
            Self::ActivationDeferred { .. } => "activation-deferred",
            Self::ActivationFailed { .. } => "activation-failed",
            Self::SoakCompleted => "soak-completed",
            Self::RollbackStarted => "rollback-started",
            Self::RollbackCompleted { .. } => "rollback-completed",
            Self::Cancelled => "cancelled",
        }
    }
}

#[cfg(test)]
mod tests;
