//! Opens the logs of services, closes those of services that are no more, and tells the sessions what they may know.

use super::hands::Hands;
use super::launch::{LOG_DESCRIPTORS, START_DESCRIPTORS};
use super::task::Task;
use crate::core::log::LogLimits;
use crate::core::service::Name;
use crate::core::service::supervisor::Unit;
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

    /// Opens the log of a service for whoever reads it, if descriptors are left.
    pub(super) async fn open_log(&mut self, name: &Name) {
        self.finish_opening().await;
        let limits = self.supervisor.unit(name).map(|unit| unit.manifest().log);
        let Some(limits) = limits.filter(|_| !self.logs.readers().is_open(name.as_str())) else {
            return;
        };
        let opened = match file_limit::claim(LOG_DESCRIPTORS) {
            Ok(_claim) => self.logs.attach(name.as_str(), limits).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = opened {
            tracing::debug!(target: "services", %name, %error, "its log is not open");
        }
    }

    /// Closes the log of a service that does not run, and will not, for one that finds no room.
    pub(super) async fn close_idle_log(&mut self) {
        let readers = self.logs.readers();
        let is_idle = |(name, unit): &(&Name, &Unit)| {
            unit.is_settled_down() && readers.is_open(name.as_str())
        };
        let idle = self.supervisor.units().find(is_idle);
        let Some(name) = idle.map(|(name, _)| name.clone()) else {
            return;
        };
        match self.logs.detach(name.as_str()).await {
            Ok(()) => {
                tracing::debug!(target: "services", %name, "its log is closed: others need room");
            }
            Err(error) => {
                tracing::warn!(target: "services", %name, %error, "its log was not closed");
            }
        }
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
