//! The run that a verdict over an earlier life's rollout leads to.

use super::{RolloutRun, RunEffect, RunEnd, failure, order_of};
use crate::core::generation::activation::ActivationMachine;
use crate::core::generation::recorded_step::RecordedStep;
use crate::core::generation::recovery::RecoveryVerdict;
use crate::core::generation::rollout_record::RolloutRecord;
use lastword_protocol::BootId;
use lastword_protocol::rollout::{
    BOOT_LOADER_REVERTED, PIPELINE_FAILED, RolloutState, VERIFY_FAILED,
};

impl RolloutRun {
    /// Goes on as a verdict says; `None` where there is nothing to go on with.
    #[must_use]
    pub fn recovered(
        record: RolloutRecord,
        boot: BootId,
        switch_method: &'static str,
        verdict: RecoveryVerdict,
    ) -> Option<(Self, RunEffect)> {
        let mut order = order_of(&record, switch_method);
        Some(match verdict {
            RecoveryVerdict::Requeue => Self::begin(record, boot, switch_method),
            RecoveryVerdict::Retry => {
                let (machine, effect) = ActivationMachine::begin_again(order);
                Self::forward(record, boot, machine, effect)
            }
            RecoveryVerdict::Completed => {
                if record.boot != boot {
                    // That was the reboot.
                    order.deferred_component = None;
                }
                let (machine, effect) = ActivationMachine::resume_at_switch(order);
                Self::forward(record, boot, machine, effect)
            }
            RecoveryVerdict::AttemptsExhausted => Self::exhausted(record, boot),
            RecoveryVerdict::BootLoaderReverted => Self::boot_loader_reverted(record, boot),
            RecoveryVerdict::VerifyMismatch { found }
                if record.state != RolloutState::ROLLBACK_ORDERED =>
            {
                let actual = found.map_or_else(|| "none".to_owned(), |found| found.to_string());
                let detail = format!(
                    "verify mismatch: expected={} actual={actual}",
                    record.target
                );
                Self::fail(record, boot, failure(VERIFY_FAILED, detail))
            }
            RecoveryVerdict::VerifyMismatch { .. } | RecoveryVerdict::FinishRollback => {
                Self::roll_back_recorded(record, boot)
            }
            RecoveryVerdict::FreshInstall
            | RecoveryVerdict::JournalUnreadable
            | RecoveryVerdict::StillDeferred
            | RecoveryVerdict::ResumeSoak
            | RecoveryVerdict::Steady
            | RecoveryVerdict::Drift { .. } => return None,
        })
    }

    fn exhausted(record: RolloutRecord, boot: BootId) -> (Self, RunEffect) {
        let attempts = record.attempts;
        let detail = format!("activation pipeline error: interrupted {attempts} times");
        let failed = RecordedStep::Failed(failure(PIPELINE_FAILED, detail));
        Self::record_last(record, boot, failed, RunEnd::Failed)
    }

    fn boot_loader_reverted(record: RolloutRecord, boot: BootId) -> (Self, RunEffect) {
        let detail = "reverted by the bootloader".to_owned();
        let step = RecordedStep::FailedAndReverted {
            failure: failure(BOOT_LOADER_REVERTED, detail),
            reverted_to: record.previous,
        };
        Self::record_last(record, boot, step, RunEnd::Reverted)
    }
}
