//! Opens the logs of services, closes those of services that are no more, and tells the sessions what they may know.

use super::hands::Hands;
use super::launch::START_DESCRIPTORS;
use super::task::Task;
use crate::core::log::LogLimits;
use crate::core::service::Name;
use crate::edge::failpoint::pass;
use crate::edge::file_limit;
use crate::edge::logs::Logs;
use crate::edge::tasks;

impl Task {
    /// Opens every service's log, or tells it what bounds it now. That of a service which has a process
    /// is open then; the others are opened while the first of them start, if descriptors are left for all of
    /// them, else each with its service: no log takes what another service needs to run.
    pub(super) async fn open_logs(&mut self) {
        self.finish_opening().await;
        let has_process = |name: &Name| self.hands.get(name).is_some_and(Hands::has_process);
        let (needed, others): (Vec<_>, Vec<_>) = self
            .supervisor
            .units()
            .map(|(name, unit)| (name, unit.manifest().log))
            .partition(|(name, _)| has_process(name));
        let readers = self.logs.readers();
        let (open_already, mut others): (Vec<_>, Vec<_>) = others
            .into_iter()
            .partition(|(name, _)| readers.is_open(name.as_str()));
        open(self.logs.clone(), named(needed)).await;
        let claim = file_limit::claim(others.len() as u64 * START_DESCRIPTORS);
        if let Err(error) = &claim {
            tracing::warn!(target: "services", %error, "a log is opened when its service starts");
            others.clear();
        }
        others.extend(open_already);
        let opened = open(self.logs.clone(), named(others));
        self.opening.spawn(tasks::named("logs", async move {
            opened.await;
            drop(claim);
        }));
    }

    /// Waits until every log is open that is to be.
    pub(super) async fn finish_opening(&mut self) {
        while self.opening.join_next().await.is_some() {}
    }

    /// A service is gone for good: so are its group and its log.
    pub(super) async fn forget(&mut self, name: &Name) {
        self.hands.remove(name);
        self.publish_names();
        self.starter.forget(name);
        self.finish_opening().await;
        if let Err(error) = self.logs.detach(name.as_str()).await {
            tracing::warn!(target: "services", %name, %error, "its log was not closed");
        }
        pass("forget-closed");
        self.save();
    }

    /// Tells the sessions when the stops that somebody waits for are over at the latest.
    pub(super) fn publish_deadlines(&self) {
        let deadlines = self.supervisor.stop_deadlines();
        self.deadlines.send_if_modified(|published| {
            let is_news = *published != deadlines;
            *published = deadlines;
            is_news
        });
    }

    /// Tells the sessions which services there are.
    pub(super) fn publish_names(&self) {
        let names = self.supervisor.units().map(|(name, _)| name.clone());
        self.names.send_replace(names.collect());
    }
}

fn named(logs: Vec<(&Name, LogLimits)>) -> Vec<(String, LogLimits)> {
    let logs = logs.into_iter();
    logs.map(|(name, limits)| (name.as_str().to_owned(), limits))
        .collect()
}

async fn open(logs: Logs, asked: Vec<(String, LogLimits)>) {
    for (name, error) in logs.attach_all(asked).await {
        // A process that is to have it asks again.
        tracing::error!(target: "services", name, %error, "its log cannot be written");
    }
}
