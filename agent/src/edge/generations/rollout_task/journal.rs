//! Records of the rollout, and what is told of them.

use super::{LastRollout, RolloutContext, RolloutStage, RolloutTask};
use crate::core::generation::rollout_record::RolloutRecord;
use crate::core::journal::JournalError;
use crate::edge::failpoint::pass;
use crate::edge::threads;
use lastword_fleet::ReportedStep;
use lastword_protocol::Generation;
use lastword_protocol::rollout::RolloutStep;
use std::future::Future;
use std::sync::PoisonError;

impl RolloutTask {
    /// Returns whether a rollout has ended, and the journal does not have that: the next life would go on with it.
    pub(super) fn has_unrecorded_end(&self) -> bool {
        let is_idle = matches!(self.stage, RolloutStage::Idle);
        is_idle && self.last.as_ref().is_some_and(|last| !last.is_recorded)
    }

    /// Cancels an order whose beginning could not be recorded: nothing was done, and nobody is to find it pending.
    pub(super) fn cancel(&mut self, record: &RolloutRecord) {
        let cancelled = RolloutStep::Cancelled;
        if let Ok(after) = record.after(&cancelled, self.context.boot) {
            self.context.tell(record.target, &cancelled);
            self.context.unreported.push(ReportedStep::from(&cancelled));
            self.last = Some(LastRollout {
                record: after,
                is_recorded: false,
            });
        }
    }

    /// Records that end again.
    pub(super) async fn record_again(&mut self) {
        let Some(last) = &self.last else {
            return;
        };
        let appended = self.context.append(last.record.clone(), Vec::new()).await;
        if let (Ok(()), Some(last)) = (appended, &mut self.last) {
            last.is_recorded = true;
            tracing::info!(target: "agent_activation", "the end of the last rollout is recorded now");
        }
    }
}

impl RolloutContext {
    /// Appends a record, and the steps that a controller is to be told, behind those that could not be recorded before; on
    /// return they are durable.
    pub(super) async fn append(
        &mut self,
        record: RolloutRecord,
        steps: Vec<ReportedStep>,
    ) -> Result<(), String> {
        let (log, mut files) = (self.log.clone(), self.files.clone());
        let reported = [self.unreported.clone(), steps].concat();
        let appended = self.blocking(move || {
            pass("rollout-recording");
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            let appended = log.append(&mut files, record, reported);
            pass("rollout-recorded");
            (appended.map_err(|error| told(&error)), log.ledger().clone())
        });
        let (appended, ledger) = appended.await.ok_or("it panicked")?;
        self.ledger = ledger;
        if appended.is_ok() {
            self.unreported.clear();
        }
        appended
    }

    /// Lets a generation out of quarantine; on return that is durable.
    pub(super) async fn release(&mut self, generation: Generation) -> Result<(), String> {
        let (log, mut files) = (self.log.clone(), self.files.clone());
        let released = self.blocking(move || {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            let released = log.release(&mut files, generation);
            (released.map_err(|error| told(&error)), log.ledger().clone())
        });
        let (released, ledger) = released.await.ok_or("it panicked")?;
        self.ledger = ledger;
        released
    }

    /// Tells a step, unless it is nobody's news.
    pub(super) fn tell(&self, target: Generation, step: &RolloutStep<'_>) {
        if !matches!(step, RolloutStep::RollbackStarted) {
            self.events.report_rollout(target, step);
        }
    }

    /// Does `work` on a thread; `None` if it panicked.
    pub(super) fn blocking<T, W>(
        &self,
        work: W,
    ) -> impl Future<Output = Option<T>> + Send + use<T, W>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        let threads = self.threads;
        async move { threads::run(&threads, work).await.ok() }
    }
}

/// Returns an error and its cause in one line.
fn told(error: &JournalError) -> String {
    match error {
        JournalError::Storage(source) => format!("{error}: {source}"),
        error => error.to_string(),
    }
}
