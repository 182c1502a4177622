//! The soak of the generation that was activated last.

use super::{RolloutStage, RolloutTask, RunUnderWay, now};
use crate::core::generation::recovery::WorldView;
use crate::core::generation::rollout_record::{RolloutRecord, SoakProgress};
use crate::core::generation::rollout_run::RolloutRun;
use crate::core::generation::soak::{CheckResult, SoakCheck, SoakEffect, SoakLength, SoakMachine};
use crate::edge::clock::unix_ms;
use crate::edge::generations::health::{ServiceHealth, run_check};
use crate::edge::services::Services;
use lastword_generation::Manifest;
use lastword_generation::manifest::SoakEnd;
use lastword_protocol::message::Reply;
use lastword_protocol::message::event::CheckEvent;
use lastword_protocol::message::service::{Item, ServiceRequest, ServiceState};
use lastword_protocol::{Instant, Millis, Text};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::JoinSet;

/// The shortest and the longest time after which the progress of a soak is recorded; in between, a tenth of what is left.
const PROGRESS_PAUSES: [Millis; 2] = [Millis(1_000), Millis(60_000)];
/// The most times that a soak is taken up: a version that resets the board again and again is put back.
const RESUMES_MAX: u32 = 10;

/// A soak under way.
pub(super) struct SoakUnderWay {
    pub(super) record: RolloutRecord,
    pub(super) machine: SoakMachine,
    pub(super) manifest: Option<Arc<Manifest>>,
    tree: PathBuf,
    pub(super) is_confirmed: bool,
    /// The number of times that it was taken up.
    resumes: u32,
    /// The time after which its progress is recorded, if nothing else is.
    pause: Millis,
    recorded_at: Instant,
    /// The results of the checks as they were recorded: true for each that held.
    recorded: Vec<bool>,
}

/// The end of one run of a check.
pub(super) struct CheckOutcome {
    index: usize,
    result: CheckResult,
}

impl ServiceHealth for Services {
    async fn check_service(&self, name: &str) -> Result<(), String> {
        let name = Text::try_from(name).map_err(|_| format!("{name} is no service's name"))?;
        let replies = self.ask(ServiceRequest::Status(name)).await;
        for reply in &replies {
            match reply {
                Reply::Items(page) => {
                    if let Some(Item::Service(brief)) = page.items().next() {
                        return match brief.state {
                            ServiceState::Running | ServiceState::Adopted => Ok(()),
                            state if brief.reason.is_empty() => Err(state.word().to_owned()),
                            state => Err(format!("{}: {}", state.word(), brief.reason)),
                        };
                    }
                }
                Reply::Refused(refusal) => return Err(refusal.detail.as_str().to_owned()),
                _ => {}
            }
        }
        Err("the supervisor says nothing".to_owned())
    }
}

impl SoakUnderWay {
    /// Returns the progress, for the journal.
    pub(super) fn progress(&self) -> SoakProgress {
        SoakProgress {
            left: self.machine.left(now()),
            is_confirmed: self.is_confirmed,
            resumes: self.resumes,
            checks: self.machine.records().to_vec(),
        }
    }

    /// Returns which of the checks held in their last run.
    fn results(&self) -> Vec<bool> {
        let records = self.machine.records().iter();
        records
            .map(|record| record.last == Some(CheckResult::Passed))
            .collect()
    }
}

impl RolloutTask {
    /// Begins a soak, or takes one up. A test has no checks, and waits to be confirmed.
    pub(super) fn soak(&self, record: RolloutRecord, is_resumed: bool) -> RolloutStage {
        let manifest = self.context.store.manifest(record.target);
        let known = record.soak.clone().filter(|_| is_resumed);
        let (mut length, mut checks) = (SoakLength::UntilConfirmed, Vec::new());
        match &manifest {
            Some(manifest) if !record.options.is_test => {
                length = match manifest.soak {
                    SoakEnd::ForMs(left) => SoakLength::For(Millis(left)),
                    SoakEnd::Manual => SoakLength::UntilConfirmed,
                };
                checks.extend(manifest.checks.iter().map(|check| SoakCheck {
                    name: check.name.clone(),
                    interval: Millis(check.interval_ms),
                    failures_max: check.failures,
                }));
            }
            Some(_) => {}
            None => {
                tracing::error!(target: "agent_activation", generation = %record.target,
                    "its manifest is gone: it soaks until `gen confirm` or `gen rollback`");
            }
        }
        let resumes = known.as_ref().map_or(0, |known| known.resumes);
        let resumes = resumes.saturating_add(u32::from(is_resumed));
        let is_confirmed = known.as_ref().is_some_and(|known| known.is_confirmed);
        let mut machine = match known {
            Some(known) => {
                let left = known.left.map_or(length, SoakLength::For);
                let is_new_boot = record.boot != self.context.boot;
                SoakMachine::resume(now(), left, checks, (known.checks, is_new_boot))
            }
            None => SoakMachine::begin(now(), length, checks),
        };
        if is_confirmed {
            machine.confirm();
        }
        let tree = self.context.store.tree(record.target);
        let [shortest, longest] = PROGRESS_PAUSES;
        let tenth = machine
            .left(now())
            .map_or(longest, |left| Millis(left.0 / 10));
        let pause = tenth.clamp(shortest, longest);
        let mut soak = SoakUnderWay {
            record,
            machine,
            manifest,
            tree,
            is_confirmed,
            resumes,
            pause,
            recorded_at: now(),
            recorded: Vec::new(),
        };
        if !is_resumed {
            soak.recorded = soak.results();
        }
        RolloutStage::Soaking(Box::new(soak))
    }

    /// Does what is due.
    pub(super) async fn poll_soak(&mut self) {
        while let RolloutStage::Soaking(soak) = &mut self.stage {
            if RESUMES_MAX < soak.resumes && !soak.record.options.is_test {
                let times = format!("interrupted {} times", soak.resumes);
                return self.fail_soak(&times).await;
            }
            match soak.machine.poll(now()) {
                None => return self.record_progress().await,
                Some(SoakEffect::Run(index)) => self.run_check(index),
                Some(SoakEffect::Converged) => {
                    if !self.is_still_current().await {
                        return self.fail_soak("the board runs another generation").await;
                    }
                    let RolloutStage::Soaking(soak) = &self.stage else {
                        return;
                    };
                    let run = RolloutRun::converge(soak.record.clone(), self.context.boot);
                    return self.leave_soak(run).await;
                }
                Some(SoakEffect::Failed(check)) => return self.fail_soak(&check).await,
            }
        }
    }

    /// Takes the result of a check.
    pub(super) fn take_check(&mut self, outcome: CheckOutcome) {
        if let RolloutStage::Soaking(soak) = &mut self.stage {
            let index = outcome.index;
            let is_news = soak.machine.on_result(now(), index, outcome.result);
            let manifest = soak.manifest.as_ref();
            let check = manifest.and_then(|it| it.checks.get(index));
            let Some((check, record)) = check.zip(soak.machine.records().get(index)) else {
                return;
            };
            let detail = match &record.last {
                Some(CheckResult::Failed(why)) => why,
                _ => "",
            };
            if record.failures > 0 {
                tracing::warn!(target: "agent_activation", check = check.name, why = detail,
                    "a health check has failed");
            }
            if is_news {
                self.context.events.report_check(&CheckEvent {
                    at_unix_ms: unix_ms(),
                    target: soak.record.target,
                    soak_left: soak.machine.left(now()),
                    name: &check.name,
                    has_passed: record.failures == 0,
                    failures: record.failures,
                    failures_max: check.failures,
                    detail,
                });
            }
        }
    }

    /// Notes that somebody has confirmed the generation; returns whether there is one to confirm.
    pub(super) fn confirm(&mut self) -> bool {
        let RolloutStage::Soaking(soak) = &mut self.stage else {
            return false;
        };
        soak.is_confirmed = true;
        soak.machine.confirm();
        // It is recorded at once.
        soak.recorded.clear();
        true
    }

    async fn fail_soak(&mut self, check: &str) {
        let RolloutStage::Soaking(soak) = &self.stage else {
            return;
        };
        let run = RolloutRun::fail_soak(soak.record.clone(), self.context.boot, check);
        self.leave_soak(run).await;
    }

    async fn leave_soak(&mut self, (run, effect): (RolloutRun, super::RunEffect)) {
        // Dropped, so that no late result counts for the next one.
        self.checks = JoinSet::new();
        self.begin(RunUnderWay::new(run), effect).await;
    }

    fn run_check(&mut self, index: usize) {
        let RolloutStage::Soaking(soak) = &self.stage else {
            return;
        };
        let check = soak
            .manifest
            .as_ref()
            .and_then(|it| it.checks.get(index))
            .cloned();
        let (tree, services) = (soak.tree.clone(), self.context.services.clone());
        self.checks.spawn(async move {
            let result = match check {
                Some(check) => run_check(&check, &tree, &services).await,
                None => CheckResult::Failed("there is no such check".to_owned()),
            };
            CheckOutcome { index, result }
        });
    }

    /// Returns whether the board still runs what soaks: somebody may have moved the link.
    async fn is_still_current(&mut self) -> bool {
        let RolloutStage::Soaking(soak) = &self.stage else {
            return false;
        };
        let (target, is_test) = (soak.record.target, soak.record.options.is_test);
        let store = self.context.store.clone();
        let world = self.context.blocking(move || store.observe()).await;
        is_test || matches!(world, Some(Ok(WorldView::Current(found))) if found == target)
    }

    /// Records the progress if a check has come to hold, or no longer does, or nothing was recorded for long.
    async fn record_progress(&mut self) {
        let RolloutStage::Soaking(soak) = &mut self.stage else {
            return;
        };
        let results = soak.results();
        let is_due = soak.pause <= now().since(soak.recorded_at);
        if results == soak.recorded && !is_due {
            return;
        }
        soak.record.soak = Some(soak.progress());
        soak.record.boot = self.context.boot;
        (soak.recorded, soak.recorded_at) = (results, now());
        let record = soak.record.clone();
        if let Err(error) = self.context.append(record, Vec::new()).await {
            tracing::warn!(target: "agent_activation", error, "the progress of the soak was not recorded");
        }
    }
}
