//! Answers about generations and rollouts.

use super::{RolloutStage, RolloutTask, now};
use crate::core::generation::recovery::JournalView;
use crate::core::generation::rollout_record::RolloutRecord;
use crate::core::generation::soak::CheckResult;
use crate::core::service::answer::{Pages, cut_detail, refused};
use crate::edge::generations::generation_store::{StoreRefusal, StoredGeneration};
use lastword_protocol::Generation;
use lastword_protocol::message::Reply;
use lastword_protocol::message::generation::{CheckBrief, GenerationBrief, RolloutBrief};
use lastword_protocol::message::service::Item;
use lastword_protocol::refusal::Code;
use lastword_protocol::rollout::RolloutState;

impl RolloutTask {
    /// Answers a request whose run has begun, or could not be recorded.
    pub(super) fn answer_beginning(&mut self, is_begun: bool) {
        let rollout = self.rollout_answer();
        let RolloutStage::Running(under_way) = &mut self.stage else {
            return;
        };
        if let Some(answer) = under_way.answer.take() {
            let replies = if is_begun {
                rollout
            } else {
                refused(
                    Code::Internal,
                    "the beginning cannot be recorded, so nothing is done; see the log",
                )
            };
            // Whoever asked may be gone.
            drop(answer.send(replies));
        }
    }

    /// Returns the last rollout and its checks; no items if there is none.
    pub(super) fn rollout_answer(&self) -> Vec<Reply> {
        let mut pages = Pages::default();
        match self.last_record() {
            Some(record) => self.push_rollout(&mut pages, &record),
            None if self.context.ledger.view() == JournalView::Unreadable => {
                let detail =
                    "the journal was damaged: the last rollout is not known, and nothing was done";
                return refused(Code::Internal, detail);
            }
            None => {}
        }
        if let RolloutStage::Soaking(soak) = &self.stage {
            let checks = soak.manifest.iter().flat_map(|it| &it.checks);
            for (check, record) in checks.zip(soak.machine.records()) {
                let (has_passed, detail) = match &record.last {
                    None => (None, String::new()),
                    Some(CheckResult::Passed) => (Some(true), String::new()),
                    Some(CheckResult::Failed(why)) => (Some(false), cut_detail(why)),
                };
                pages.push(&Item::Check(CheckBrief {
                    name: &check.name,
                    runs: record.runs,
                    failures: record.failures,
                    failures_max: check.failures,
                    has_passed,
                    detail: &detail,
                }));
            }
        }
        pages.done()
    }

    pub(super) fn push_rollout(&self, pages: &mut Pages, record: &RolloutRecord) {
        let soak_left = match &self.stage {
            RolloutStage::Soaking(soak) => soak.machine.left(now()),
            RolloutStage::Idle | RolloutStage::Running(_) => None,
        };
        let failure = record.failure.as_ref();
        let mut detail = match failure {
            Some(failure) => failure.detail.clone(),
            None => self.waits_for(record),
        };
        let is_this_boot = record.boot == self.context.boot;
        if record.state == RolloutState::Reverted && record.has_rebooted && is_this_boot {
            let component = record.deferred_component.as_deref();
            let component = component.unwrap_or("a component");
            detail = format!("{detail}; {component} needs a reboot");
        }
        pages.push(&Item::Rollout(RolloutBrief {
            target: record.target,
            previous: record.previous,
            state: record.state,
            attempts: record.attempts,
            soak_left,
            code: failure.map_or(0, |failure| failure.code),
            detail: &cut_detail(&detail),
            is_test: record.options.is_test,
        }));
    }

    /// Returns what a rollout waits for that time alone does not bring.
    fn waits_for(&self, record: &RolloutRecord) -> String {
        match (&self.stage, record.state) {
            (RolloutStage::Running(under_way), _) if under_way.is_put_off => {
                "before-switch has put it off".to_owned()
            }
            (RolloutStage::Soaking(soak), _) if soak.manifest.is_none() => {
                "its manifest is gone, so nothing is checked: gen confirm or gen rollback ends it"
                    .to_owned()
            }
            (RolloutStage::Soaking(soak), _) if soak.is_confirmed => {
                "confirmed; its checks have still to hold".to_owned()
            }
            (RolloutStage::Soaking(soak), _) if soak.machine.left(now()).is_none() => {
                "waits for gen confirm".to_owned()
            }
            (_, RolloutState::Activating { is_deferred: true }) => {
                let component = record.deferred_component.as_deref();
                format!("{} needs a reboot", component.unwrap_or("a component"))
            }
            (RolloutStage::Idle, state) if state.is_terminal() => self.drift(record),
            _ => String::new(),
        }
    }

    /// Returns what the board runs, if that is not what the rollout has ended in.
    fn drift(&self, record: &RolloutRecord) -> String {
        let expected = match record.state {
            RolloutState::Converged => Some(record.target),
            _ => record.previous,
        };
        match self.current {
            current if current == expected || record.options.is_test => String::new(),
            None => "but the board runs none: its pointer is gone, or leads nowhere".to_owned(),
            Some(current) => format!("but the board runs {}", current.short()),
        }
    }
}

/// Returns the answer that lists generations.
pub(super) fn generations_answer(
    generations: &[StoredGeneration],
    quarantined: &[Generation],
) -> Vec<Reply> {
    let mut pages = Pages::default();
    for stored in generations {
        push_generation(&mut pages, stored, quarantined);
    }
    pages.done()
}

pub(super) fn push_generation(
    pages: &mut Pages,
    stored: &StoredGeneration,
    quarantined: &[Generation],
) {
    let manifest = &stored.manifest;
    pages.push(&Item::Generation(GenerationBrief {
        generation: stored.generation,
        role: stored.role,
        is_quarantined: quarantined.contains(&stored.generation),
        name: &manifest.name,
        version: &manifest.version,
        security_version: manifest.security_version,
        files: u32::try_from(manifest.files.len()).unwrap_or(u32::MAX),
        bytes: manifest.tree_bytes(),
    }));
}

/// Returns the answer to a request that the store refuses.
pub(super) fn refusal_answer(refusal: &StoreRefusal) -> Vec<Reply> {
    refused(refusal.code, &refusal.detail)
}
