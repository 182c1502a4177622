//! Records of the rollout, and what is told of them.

use super::RolloutContext;
use crate::core::generation::rollout_record::RolloutRecord;
use crate::core::journal::JournalError;
use crate::edge::failpoint::pass;
use crate::edge::threads;
use lastword_protocol::Generation;
use lastword_protocol::rollout::RolloutStep;
use std::future::Future;
use std::sync::PoisonError;

impl RolloutContext {
    /// Appends a record; on return it is durable.
    pub(super) async fn append(&mut self, record: RolloutRecord) -> Result<(), String> {
        let (log, mut files) = (self.log.clone(), self.files.clone());
        let appended = self.blocking(move || {
            pass("rollout-recording");
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            let appended = log.append(&mut files, record);
            pass("rollout-recorded");
            (appended.map_err(|error| told(&error)), log.ledger().clone())
        });
        let (appended, ledger) = appended.await.ok_or("it panicked")?;
        self.ledger = ledger;
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
