//! The verdict over a rollout that an earlier life of the agent, or of the board, has left behind.
//!
//! The world outranks the journal: what `current` points to is what the board runs, whatever was recorded.

use super::rollout_record::RolloutRecord;
use lastword_protocol::rollout::{ACTIVATION_ATTEMPTS_MAX, RolloutState};
use lastword_protocol::{BootId, Generation};

/// The journal, as far as it tells of rollouts.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and it is a rollout nearly always"
)]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JournalView {
    /// It tells of none.
    Empty,
    /// It could not be read, and was kept aside.
    Unreadable,
    /// Its last rollout.
    Rollout(RolloutRecord),
}

/// The world: what `current` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorldView {
    /// There is none.
    Absent,
    /// It leads nowhere, or to what is no generation.
    Dangling,
    /// A generation.
    Current(Generation),
}

/// The next step of a rollout, before anything else runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecoveryVerdict {
    /// Nothing is known of earlier rollouts: what is there is reported, and orders are waited for.
    FreshInstall,
    /// The journal was unreadable: as [`RecoveryVerdict::FreshInstall`], and flagged. Nothing is rolled back on no
    /// evidence.
    JournalUnreadable,
    /// It was never switched: it is begun once more, and the attempt counts.
    Requeue,
    /// It was interrupted: it is begun once more, and the attempt counts.
    Retry,
    /// It was interrupted as often as it may be: it has failed.
    AttemptsExhausted,
    /// The switch took: the pointer is set once more, because an agent may have been killed when it was told that it is
    /// not durable; then the rollout is completed, and soaks.
    Completed,
    /// It waits for a reboot that has not come.
    StillDeferred,
    /// The boot loader went back to the generation before.
    BootLoaderReverted,
    /// It soaks on, for what is left of that.
    ResumeSoak,
    /// The rollback goes on.
    FinishRollback,
    /// The board runs neither the target nor the generation before: it is rolled back.
    VerifyMismatch {
        /// The generation that it runs, if any.
        found: Option<Generation>,
    },
    /// All is as it was recorded.
    Steady,
    /// The board runs another generation than was recorded at the end: that is reported, and nothing is done.
    Drift {
        /// The generation that was recorded.
        expected: Option<Generation>,
        /// The generation that it runs, if any.
        found: Option<Generation>,
    },
}

/// The place of the world as a rollout sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WorldPosition {
    AtTarget,
    AtPrevious,
    Elsewhere,
}

/// Decides what is to be done, in `boot`.
#[must_use]
pub fn recover(journal: &JournalView, world: WorldView, boot: BootId) -> RecoveryVerdict {
    use WorldPosition::{AtPrevious, AtTarget, Elsewhere};
    let record = match journal {
        JournalView::Empty => return RecoveryVerdict::FreshInstall,
        JournalView::Unreadable => return RecoveryVerdict::JournalUnreadable,
        JournalView::Rollout(record) => record,
    };
    let found = world.current();
    let mismatch = RecoveryVerdict::VerifyMismatch { found };
    let is_same_boot = record.boot == boot;
    // It has never touched the pointer, nor will it.
    if record.options.is_test && !matches!(record.state, RolloutState::Pending) {
        return RecoveryVerdict::Steady;
    }
    match (record.state, position(record, world)) {
        (RolloutState::Pending, AtPrevious) => RecoveryVerdict::Requeue,
        (RolloutState::Pending | RolloutState::Activating { is_deferred: false }, AtTarget) => {
            RecoveryVerdict::Completed
        }
        (RolloutState::Activating { is_deferred: false }, AtPrevious) => {
            again(record, RecoveryVerdict::Retry)
        }
        (RolloutState::Activating { is_deferred: true }, AtTarget | AtPrevious) if is_same_boot => {
            RecoveryVerdict::StillDeferred
        }
        (RolloutState::Activating { is_deferred: true }, AtTarget) => RecoveryVerdict::Completed,
        (RolloutState::Activating { is_deferred: true } | RolloutState::Soaking, AtPrevious) => {
            RecoveryVerdict::BootLoaderReverted
        }
        (RolloutState::Soaking, AtTarget) => RecoveryVerdict::ResumeSoak,
        (
            RolloutState::Failed {
                is_rolling_back: true,
            },
            AtTarget | AtPrevious,
        ) => RecoveryVerdict::FinishRollback,
        (
            RolloutState::Pending
            | RolloutState::Activating { .. }
            | RolloutState::Soaking
            | RolloutState::Failed {
                is_rolling_back: true,
            },
            Elsewhere,
        ) => mismatch,
        (
            RolloutState::Converged
            | RolloutState::Failed {
                is_rolling_back: false,
            }
            | RolloutState::Reverted,
            _,
        ) => verdict_of_the_end(record, world),
    }
}

/// Compares what a board runs with what was recorded at the end of its last rollout.
fn verdict_of_the_end(record: &RolloutRecord, world: WorldView) -> RecoveryVerdict {
    let found = world.current();
    let expected = match record.state {
        RolloutState::Converged => Some(record.target),
        _ => record.previous,
    };
    if world.is(expected) {
        RecoveryVerdict::Steady
    } else {
        RecoveryVerdict::Drift { expected, found }
    }
}

/// Begins once more, as often as there may be attempts.
const fn again(record: &RolloutRecord, verdict: RecoveryVerdict) -> RecoveryVerdict {
    if record.attempts < ACTIVATION_ATTEMPTS_MAX {
        verdict
    } else {
        RecoveryVerdict::AttemptsExhausted
    }
}

fn position(record: &RolloutRecord, world: WorldView) -> WorldPosition {
    if world.is(Some(record.target)) {
        WorldPosition::AtTarget
    } else if world.is(record.previous) {
        WorldPosition::AtPrevious
    } else {
        WorldPosition::Elsewhere
    }
}

impl WorldView {
    /// Returns whether the board runs this generation, or none at all for `None`. A pointer that dangles is neither.
    #[must_use]
    pub fn is(self, generation: Option<Generation>) -> bool {
        match self {
            Self::Absent => generation.is_none(),
            Self::Dangling => false,
            Self::Current(found) => generation == Some(found),
        }
    }

    /// Returns the generation that the board runs, if it runs one.
    #[must_use]
    pub const fn current(self) -> Option<Generation> {
        match self {
            Self::Current(found) => Some(found),
            Self::Absent | Self::Dangling => None,
        }
    }
}

#[cfg(test)]
mod tests;
