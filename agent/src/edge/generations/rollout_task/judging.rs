//! The judgement over a rollout that an earlier life has left.

use super::{RolloutStage, RolloutTask, RunUnderWay};
use crate::core::generation::recovery::{JournalView, RecoveryVerdict, WorldView, recover};
use crate::core::generation::rollout_record::RolloutRecord;
use crate::core::generation::rollout_run::RolloutRun;
use lastword_protocol::Generation;
use lastword_protocol::rollout::RolloutState;

impl RolloutTask {
    /// Decides what becomes of the rollout that the journal tells of.
    pub(super) fn take_verdict(&mut self, world: WorldView) {
        let view = self.context.ledger.view();
        let verdict = recover(&view, world, self.context.boot);
        match verdict {
            RecoveryVerdict::Drift { expected, found } => {
                let named = |it: Option<Generation>| {
                    it.map_or_else(|| "none".to_owned(), |it| it.to_string())
                };
                let (expected, found) = (named(expected), named(found));
                tracing::warn!(target: "agent_activation", expected, found,
                    "the board runs another generation than was recorded; nothing is done about it");
            }
            RecoveryVerdict::JournalUnreadable => {
                tracing::error!(target: "agent_activation",
                    "the journal is damaged: the last rollout is not known, and nothing is rolled back");
            }
            verdict => {
                tracing::info!(target: "agent_activation", ?verdict, "recovered");
            }
        }
        self.settle_services(&view, verdict, world);
        let JournalView::Rollout(record) = view else {
            return;
        };
        let boot = self.context.boot;
        if verdict == RecoveryVerdict::ResumeSoak || is_test_soak(&record) {
            self.stage = self.soak(record, true);
            return;
        }
        let recovered = RolloutRun::recovered(record, boot, self.context.switch_method(), verdict);
        if let Some((run, effect)) = recovered {
            self.recovered = Some(effect);
            self.stage = RolloutStage::Running(Box::new(RunUnderWay::new(run)));
        }
    }

    /// Has the right services start: those of the generation that the board runs, but where that waits for a reboot.
    fn settle_services(&self, view: &JournalView, verdict: RecoveryVerdict, world: WorldView) {
        let wanted = match (verdict, view) {
            (RecoveryVerdict::StillDeferred, JournalView::Rollout(record)) => record.previous,
            _ => world.current(),
        };
        if let Err(error) = self.context.store.switch_services(wanted) {
            tracing::error!(target: "agent_activation", %error, "the services of another generation may start");
        }
    }
}

/// Returns whether the record is of a test's soak, which goes on until somebody ends it.
fn is_test_soak(record: &RolloutRecord) -> bool {
    record.options.is_test && record.state == RolloutState::Soaking
}
