//! The record of a rollout: what the journal has of it.

use lastword_protocol::rollout::{
    ACTIVATION_ATTEMPTS_MAX, IllegalRolloutStep, RolloutState, RolloutStep,
};
use lastword_protocol::{BootId, Generation};

/// A rollout as it is remembered across resets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The target was rolled back: the board does not take it again by itself.
    pub is_quarantined: bool,
}

impl RolloutRecord {
    /// The record of an order.
    #[must_use]
    pub const fn ordered(
        (target, security_version): (Generation, u32),
        previous: Option<Generation>,
        boot: BootId,
    ) -> Self {
        Self {
            target,
            previous,
            state: RolloutState::Pending,
            attempts: 0,
            boot,
            security_version,
            is_quarantined: false,
        }
    }

    /// Returns the record behind a step in `boot`.
    ///
    /// # Errors
    ///
    /// [`IllegalRolloutStep`]: the rollout has no such step.
    pub const fn after(
        self,
        step: &RolloutStep<'_>,
        boot: BootId,
    ) -> Result<Self, IllegalRolloutStep> {
        let is_rolled_back = matches!(step, RolloutStep::RollbackCompleted { .. });
        match self.state.after(step) {
            Ok(state) => Ok(Self {
                state,
                boot,
                is_quarantined: self.is_quarantined || is_rolled_back,
                ..self
            }),
            Err(illegal) => Err(illegal),
        }
    }

    /// Returns the record behind the beginning of one more attempt; `None` if there were as many as there may be.
    #[must_use]
    pub const fn with_attempt(self) -> Option<Self> {
        if self.attempts >= ACTIVATION_ATTEMPTS_MAX {
            return None;
        }
        let attempts = self.attempts + 1;
        Some(Self { attempts, ..self })
    }
}
