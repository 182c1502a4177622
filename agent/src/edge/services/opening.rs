//! Opens the logs of services, closes those of services that are no more, and tells the sessions what they may know.

use super::hands::Hands;
use super::launch::{LOG_DESCRIPTORS, PROCESS_DESCRIPTORS, START_DESCRIPTORS};
use super::task::Task;
use crate::core::log::LogLimits;
use crate::core::service::Name;
use crate::core::service::supervisor::Unit;
use crate::edge::failpoint::pass;
use crate::edge::file_limit::{self, Claim};
use crate::edge::logs::Logs;
use crate::edge::tasks;
use lastword_protocol::Millis;
use lastword_protocol::message::service::ServiceState;
use std::io;

/// The time between two tries to open logs that found no room, of services that run.
const LOG_RETRY: Millis = Millis(5_000);

impl Task {
    /// Opens every service's log, or tells it what bounds it now. That of a service which has a process
    /// is open then; the others are opened while the first of them start, if descriptors are left for all of
    /// them, else each with its service: no log takes what another service needs to run.
    pub(super) async fn open_logs(&mut self) {
        self.finish_opening().await;
        self.open_running_logs().await;
        let readers = self.logs.readers();
        let (open_already, mut others): (Vec<_>, Vec<_>) = self
            .supervisor
            .units()
            .filter(|(name, _)| !self.lacks_log(name))
            .map(|(name, unit)| (name, unit.service_file().log))
            .partition(|(name, _)| readers.is_open(name.as_str()));
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

    /// Opens the logs of services that run, of as many as descriptors are left for, and holds their processes by
    /// descriptors. The rest is tried again soon: what these services write waits.
    pub(super) async fn open_running_logs(&mut self) {
        self.finish_opening().await;
        let units = self.supervisor.units();
        let missing = units.filter(|(name, _)| self.lacks_log(name));
        let missing: Vec<_> = missing
            .map(|(name, unit)| (name.clone(), unit.service_file().log))
            .collect();
        let mut claims = Vec::new();
        let mut refused = None;
        for _ in &missing {
            match self.claim_for_log().await {
                Ok(claim) => claims.push(claim),
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        let (fit, rest) = missing.split_at(claims.len());
        let fit: Vec<_> = fit.iter().map(|(name, log)| (name, *log)).collect();
        open(self.logs.clone(), named(fit.clone())).await;
        let hands = fit.iter().filter_map(|(name, _)| self.hands.get(*name));
        for process in hands.filter_map(|hands| hands.process.as_ref()) {
            // One that has ended is seen to have without.
            let _ = process.hold();
        }
        let retry = self.clock.now().after(LOG_RETRY);
        let was_refused = self.log_retry.is_some();
        self.log_retry = refused.as_ref().map(|_| retry);
        if let Some(error) = refused.filter(|_| !was_refused) {
            tracing::warn!(target: "services", services = rest.len(), %error,
                "services run, and their logs are not open yet");
        }
    }

    /// Claims what the log of a service that runs takes, if need be in place of one that does not.
    async fn claim_for_log(&mut self) -> io::Result<Claim> {
        loop {
            match file_limit::claim(LOG_DESCRIPTORS + PROCESS_DESCRIPTORS) {
                Err(_) if self.close_idle_log().await => {}
                claimed => return claimed,
            }
        }
    }

    /// Returns whether a service has a process, and its log is not open.
    fn lacks_log(&self, name: &Name) -> bool {
        let has_process = self.hands.get(name).is_some_and(Hands::has_process);
        has_process && !self.logs.readers().is_open(name.as_str())
    }

    /// Opens the log of a service for whoever reads it, if descriptors are left.
    pub(super) async fn open_log(&mut self, name: &Name) {
        self.finish_opening().await;
        let limits = self
            .supervisor
            .unit(name)
            .map(|unit| unit.service_file().log);
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

    /// Closes the log of a service that does not run, for one that finds no room: if need be of one that waits
    /// for its next start. Returns whether
    /// there was one.
    pub(super) async fn close_idle_log(&mut self) -> bool {
        let readers = self.logs.readers();
        let is_open = |(name, _): &(&Name, &Unit)| readers.is_open(name.as_str());
        let waits = |(_, unit): &(&Name, &Unit)| unit.shown() == ServiceState::Backoff;
        let is_down = |(_, unit): &(&Name, &Unit)| unit.is_settled_down();
        let open = || self.supervisor.units().filter(is_open);
        let idle = open().find(is_down).or_else(|| open().find(waits));
        let Some(name) = idle.map(|(name, _)| name.clone()) else {
            return false;
        };
        match self.logs.detach(name.as_str()).await {
            Ok(()) => {
                tracing::debug!(target: "services", %name, "its log is closed: others need room");
                true
            }
            Err(error) => {
                tracing::warn!(target: "services", %name, %error, "its log was not closed");
                false
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
