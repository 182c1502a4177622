//! Everything that a board remembers of rollouts: the last one, what it has confirmed, and what it takes no more.

use super::recorded_step::StepFailure;
use super::recovery::JournalView;
use super::rollout_record::{RolloutOptions, RolloutRecord, SoakProgress};
use super::soak::{CheckRecord, CheckResult};
use lastword_fleet::{EventOutbox, OrderNumber, ReportedStep, RolloutReport};
use lastword_protocol::rollout::RolloutState;
use lastword_protocol::{BootId, Generation, Millis};
use serde::{Deserialize, Serialize};

/// The most generations in quarantine. The oldest makes room.
pub const QUARANTINE_MAX: usize = 128;

/// The memory of rollouts, made from records in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RolloutLedger {
    last: Option<RolloutRecord>,
    security_version: u32,
    quarantined: Vec<Generation>,
    /// The rollout by which the board has come to what it has confirmed last, until that is put back.
    kept: Option<RolloutRecord>,
    /// Records may be missing, and none has come since.
    is_unreadable: bool,
    /// The reports that the controller has not acknowledged.
    outbox: EventOutbox,
    /// The newest order of a controller that was taken.
    last_order: Option<OrderNumber>,
}

impl RolloutLedger {
    /// Takes a record.
    pub fn take(&mut self, record: RolloutRecord) {
        // A test has changed nothing: neither what is kept, nor what may come.
        if !record.options.is_test {
            self.take_outcome(&record);
        }
        self.last_order = self.last_order.max(record.order);
        self.last = Some(record);
        self.is_unreadable = false;
    }

    /// Takes a record, and the steps that a controller is to be told.
    pub fn take_reported(&mut self, record: RolloutRecord, steps: Vec<ReportedStep>) {
        for step in steps {
            self.outbox.push(RolloutReport {
                order: record.order,
                target: record.target,
                step,
            });
        }
        self.take(record);
    }

    /// Lets go of the reports up to this number, which the controller has for good.
    pub fn acknowledge(&mut self, up_to: u64) {
        self.outbox.acknowledge(up_to);
    }

    /// The reports that the controller has not acknowledged.
    #[must_use]
    pub const fn outbox(&self) -> &EventOutbox {
        &self.outbox
    }

    /// The newest order of a controller that was taken; one with a lower number is not taken again.
    #[must_use]
    pub const fn last_order(&self) -> Option<OrderNumber> {
        self.last_order
    }

    fn take_outcome(&mut self, record: &RolloutRecord) {
        if record.state == RolloutState::Converged {
            self.security_version = self.security_version.max(record.security_version);
            self.kept = Some(record.clone());
        }
        if record.is_quarantined {
            self.kept.take_if(|kept| kept.target == record.target);
            self.quarantine(record.target);
        }
    }

    /// Takes note that records may be missing: the last rollout is not known. What was confirmed, and what is in
    /// quarantine, stays so.
    pub fn take_damage(&mut self) {
        self.last = None;
        self.is_unreadable = true;
    }

    /// Lets a generation in again.
    pub fn release(&mut self, generation: Generation) {
        self.quarantined.retain(|other| *other != generation);
    }

    /// The last rollout, as a recovery sees it.
    #[must_use]
    pub fn view(&self) -> JournalView {
        match &self.last {
            Some(record) => JournalView::Rollout(record.clone()),
            None if self.is_unreadable => JournalView::Unreadable,
            None => JournalView::Empty,
        }
    }

    /// The rollout by which the board has come to what it has confirmed last; `None` if that was put back, or there was none.
    #[must_use]
    pub const fn kept(&self) -> Option<&RolloutRecord> {
        self.kept.as_ref()
    }

    /// The highest security version of a generation that was confirmed; 0 if none was.
    #[must_use]
    pub const fn security_version(&self) -> u32 {
        self.security_version
    }

    /// The generations that were rolled back, the oldest first.
    #[must_use]
    pub fn quarantined(&self) -> &[Generation] {
        &self.quarantined
    }

    fn quarantine(&mut self, generation: Generation) {
        self.release(generation);
        if self.quarantined.len() == QUARANTINE_MAX {
            let oldest = self.quarantined.remove(0);
            tracing::warn!(target: "agent_activation", generation = %oldest,
                "the quarantine is full; its oldest generation may be taken in again");
        }
        self.quarantined.push(generation);
    }
}

/// A failure as JSON.
#[derive(Serialize, Deserialize)]
struct FailureDocument {
    code: i32,
    detail: String,
}

/// The options of an order as JSON.
#[derive(Serialize, Deserialize)]
struct OptionsDocument {
    #[serde(default)]
    wants_reboot: bool,
    #[serde(default)]
    allows_older: bool,
    #[serde(default)]
    is_test: bool,
}

/// The progress of a soak as JSON.
#[derive(Serialize, Deserialize)]
struct SoakDocument {
    left_ms: Option<u64>,
    #[serde(default)]
    is_confirmed: bool,
    #[serde(default)]
    resumes: u32,
    checks: Vec<CheckDocument>,
}

/// The history of a check as JSON: `failure` is absent where the last run held, or there was none.
#[derive(Serialize, Deserialize)]
struct CheckDocument {
    runs: u64,
    failures: u32,
    failure: Option<String>,
}

/// A record as JSON. What a newer agent adds is ignored.
#[derive(Serialize, Deserialize)]
pub(super) struct RecordDocument {
    target: String,
    previous: Option<String>,
    state: String,
    attempts: u8,
    boot: BootId,
    security_version: u32,
    #[serde(default)]
    deferred_component: Option<String>,
    #[serde(flatten)]
    options: OptionsDocument,
    #[serde(default)]
    has_rebooted: bool,
    #[serde(default)]
    is_quarantined: bool,
    #[serde(default)]
    soak: Option<SoakDocument>,
    #[serde(default)]
    failure: Option<FailureDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<OrderNumber>,
    /// The steps that a controller is to be told; of an entry of the journal only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    steps: Vec<ReportedStep>,
}

/// A ledger as JSON.
#[derive(Serialize, Deserialize)]
pub(super) struct LedgerDocument {
    last: Option<RecordDocument>,
    security_version: u32,
    quarantined: Vec<String>,
    #[serde(default)]
    kept: Option<RecordDocument>,
    #[serde(default)]
    is_unreadable: bool,
    #[serde(default, skip_serializing_if = "EventOutbox::is_new")]
    outbox: EventOutbox,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_order: Option<OrderNumber>,
}

impl RecordDocument {
    pub(super) fn of(record: &RolloutRecord) -> Self {
        Self {
            target: record.target.to_string(),
            previous: record.previous.as_ref().map(Generation::to_string),
            state: record.state.word().to_owned(),
            attempts: record.attempts,
            boot: record.boot,
            security_version: record.security_version,
            deferred_component: record.deferred_component.clone(),
            options: OptionsDocument {
                wants_reboot: record.options.wants_reboot,
                allows_older: record.options.allows_older,
                is_test: record.options.is_test,
            },
            has_rebooted: record.has_rebooted,
            is_quarantined: record.is_quarantined,
            soak: record.soak.as_ref().map(SoakDocument::of),
            failure: record.failure.as_ref().map(|failure| FailureDocument {
                code: failure.code,
                detail: failure.detail.clone(),
            }),
            order: record.order,
            steps: Vec::new(),
        }
    }

    /// Returns it with the steps that a controller is to be told.
    pub(super) fn reporting(self, steps: Vec<ReportedStep>) -> Self {
        Self { steps, ..self }
    }

    /// Takes these steps out.
    pub(super) fn take_steps(&mut self) -> Vec<ReportedStep> {
        std::mem::take(&mut self.steps)
    }

    pub(super) fn record(self) -> Option<RolloutRecord> {
        let previous = match self.previous {
            Some(previous) => Some(previous.parse().ok()?),
            None => None,
        };
        Some(RolloutRecord {
            target: self.target.parse().ok()?,
            previous,
            state: RolloutState::from_word(&self.state)?,
            attempts: self.attempts,
            boot: self.boot,
            security_version: self.security_version,
            deferred_component: self.deferred_component,
            options: RolloutOptions {
                wants_reboot: self.options.wants_reboot,
                allows_older: self.options.allows_older,
                is_test: self.options.is_test,
            },
            has_rebooted: self.has_rebooted,
            is_quarantined: self.is_quarantined,
            soak: self.soak.map(SoakDocument::progress),
            failure: self.failure.map(|failure| StepFailure {
                code: failure.code,
                detail: failure.detail,
            }),
            order: self.order,
        })
    }
}

impl SoakDocument {
    fn of(progress: &SoakProgress) -> Self {
        let checks = progress.checks.iter().map(|check| CheckDocument {
            runs: check.runs,
            failures: check.failures,
            failure: match &check.last {
                Some(CheckResult::Failed(why)) => Some(why.clone()),
                Some(CheckResult::Passed) | None => None,
            },
        });
        Self {
            left_ms: progress.left.map(|left| left.0),
            is_confirmed: progress.is_confirmed,
            resumes: progress.resumes,
            checks: checks.collect(),
        }
    }

    fn progress(self) -> SoakProgress {
        let checks = self.checks.into_iter().map(|check| CheckRecord {
            runs: check.runs,
            failures: check.failures,
            last: match check.failure {
                Some(why) => Some(CheckResult::Failed(why)),
                None => (0 < check.runs).then_some(CheckResult::Passed),
            },
        });
        SoakProgress {
            left: self.left_ms.map(Millis),
            is_confirmed: self.is_confirmed,
            resumes: self.resumes,
            checks: checks.collect(),
        }
    }
}

impl LedgerDocument {
    pub(super) fn of(ledger: &RolloutLedger) -> Self {
        let quarantined = ledger.quarantined.iter().map(Generation::to_string);
        Self {
            last: ledger.last.as_ref().map(RecordDocument::of),
            security_version: ledger.security_version,
            quarantined: quarantined.collect(),
            kept: ledger.kept.as_ref().map(RecordDocument::of),
            is_unreadable: ledger.is_unreadable,
            outbox: ledger.outbox.clone(),
            last_order: ledger.last_order,
        }
    }

    pub(super) fn ledger(self) -> Option<RolloutLedger> {
        let last = match self.last {
            Some(last) => Some(last.record()?),
            None => None,
        };
        let quarantined = self.quarantined.iter().map(|name| name.parse().ok());
        Some(RolloutLedger {
            last,
            security_version: self.security_version,
            quarantined: quarantined.collect::<Option<_>>()?,
            kept: self.kept.and_then(RecordDocument::record),
            is_unreadable: self.is_unreadable,
            outbox: self.outbox,
            last_order: self.last_order,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastword_protocol::rollout::RolloutStep;

    fn record(target: u8, state: RolloutState) -> RolloutRecord {
        RolloutRecord {
            target: Generation([target; 32]),
            previous: Some(Generation([0; 32])),
            state,
            attempts: 1,
            boot: BootId([1; 16]),
            security_version: u32::from(target),
            deferred_component: None,
            options: RolloutOptions::default(),
            has_rebooted: false,
            is_quarantined: false,
            soak: None,
            failure: None,
            order: None,
        }
    }

    #[test]
    fn a_confirmed_security_version_only_grows() {
        let mut ledger = RolloutLedger::default();
        for (target, state, expected) in [
            (5, RolloutState::Soaking, 0),
            (3, RolloutState::Converged, 3),
            (7, RolloutState::Soaking, 3),
            (7, RolloutState::Converged, 7),
            (2, RolloutState::Converged, 7),
        ] {
            ledger.take(record(target, state));
            assert_eq!(ledger.security_version(), expected, "{target}");
        }
    }

    #[test]
    fn a_test_leaves_no_trace_but_itself() {
        let mut ledger = RolloutLedger::default();
        let kept = record(3, RolloutState::Converged);
        ledger.take(kept.clone());
        let mut test = record(5, RolloutState::Converged);
        test.options.is_test = true;
        ledger.take(test.clone());
        assert_eq!((ledger.kept(), ledger.security_version()), (Some(&kept), 3));
        test.state = RolloutState::Reverted;
        test.is_quarantined = true;
        ledger.take(test.clone());
        assert_eq!(
            (ledger.kept(), ledger.quarantined()),
            (Some(&kept), &[][..])
        );
        assert_eq!(ledger.view(), JournalView::Rollout(test));
    }

    #[test]
    fn what_was_rolled_back_is_in_quarantine_until_it_is_released() {
        let mut ledger = RolloutLedger::default();
        let boot = BootId([1; 16]);
        let reverted_to = None;
        let rolled_back = record(1, RolloutState::ROLLBACK_ORDERED)
            .after(&RolloutStep::RollbackCompleted { reverted_to }, boot)
            .unwrap();
        let cancelled = record(2, RolloutState::Pending);
        let cancelled = cancelled.after(&RolloutStep::Cancelled, boot).unwrap();
        for record in [rolled_back.clone(), cancelled, rolled_back] {
            ledger.take(record);
        }
        assert_eq!(ledger.quarantined(), [Generation([1; 32])]);
        ledger.release(Generation([1; 32]));
        assert!(ledger.quarantined().is_empty());
    }

    #[test]
    fn a_full_quarantine_gives_up_its_oldest() {
        let mut ledger = RolloutLedger::default();
        for target in 0..=u8::try_from(QUARANTINE_MAX).unwrap() {
            let is_quarantined = true;
            let record = record(target, RolloutState::Reverted);
            ledger.take(RolloutRecord {
                is_quarantined,
                ..record
            });
        }
        assert_eq!(ledger.quarantined().len(), QUARANTINE_MAX);
        assert_eq!(ledger.quarantined()[0], Generation([1; 32]));
    }

    #[test]
    fn damage_hides_the_last_rollout_and_nothing_else() {
        let mut ledger = RolloutLedger::default();
        assert_eq!(ledger.view(), JournalView::Empty);
        ledger.take(record(4, RolloutState::Converged));
        ledger.take_damage();
        assert_eq!(
            (ledger.view(), ledger.security_version()),
            (JournalView::Unreadable, 4)
        );
        let next = record(5, RolloutState::Pending);
        ledger.take(next.clone());
        assert_eq!(ledger.view(), JournalView::Rollout(next));
    }
}
