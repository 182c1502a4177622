//! The task of the board's generations: requests, one rollout at a time, and its soak.

mod answers;
mod journal;
mod judging;
mod names;
mod opening;
mod operations;
mod ordering;
mod requests;
mod soaking;

pub use opening::{GenerationSetup, OpenedGenerations, open};

use super::generation_store::{GenerationStore, RolloutGenerations};
use super::service::{ActiveGenerations, GenerationMessage};
use crate::core::config::GenerationConfig;
use crate::core::generation::activation::ActivationInput;
use crate::core::generation::recovery::JournalView;
use crate::core::generation::rollout_ledger::RolloutLedger;
use crate::core::generation::rollout_log::RolloutLog;
use crate::core::generation::rollout_record::RolloutRecord;
use crate::core::generation::rollout_run::{RolloutRun, RunEffect, RunEnd};
use crate::edge::clock::uptime;
use crate::edge::events::EventBus;
use crate::edge::power::PowerHandle;
use crate::edge::services::Services;
use crate::edge::store::Files;
use crate::edge::threads::{OneEach, Threads as _};
use lastword_fleet::ReportedStep;
use lastword_protocol::message::Reply;
use lastword_protocol::rollout::RolloutState;
use lastword_protocol::{BootId, Generation, Instant};
use soaking::{CheckOutcome, SoakUnderWay};
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The ways to switch, as events name them.
pub(super) const LINK_METHOD: &str = "symlink";
pub(super) const COMMAND_METHOD: &str = "command";
/// The environment variable that keeps every switch from happening: for tests of whoever orders rollouts.
const TEST_MODE: &str = "LASTWORDD_ACTIVATION_TEST_MODE";
/// The time after which an end that could not be recorded is recorded again.
const RECORD_AGAIN: Duration = Duration::from_secs(5);
/// The stack of a thread that parses a manifest or builds a tree, in bytes.
const STACK_BYTES: usize = 1 << 20;

/// The task. [`open`] it, then [`RolloutTask::run`] it.
pub struct RolloutTask {
    context: RolloutContext,
    messages: mpsc::Receiver<GenerationMessage>,
    active: watch::Sender<ActiveGenerations>,
    committing: watch::Sender<bool>,
    stage: RolloutStage,
    /// The last rollout, as it has ended, and whether the journal has it.
    last: Option<LastRollout>,
    /// The first effect of a run that an earlier life has left.
    recovered: Option<RunEffect>,
    /// The generation that the board runs, as of the last look.
    current: Option<Generation>,
    /// The journal has the last step of the run under way.
    is_recorded: bool,
    /// The operation under way.
    operation: Option<PendingOperation>,
    checks: JoinSet<CheckOutcome>,
    /// Operations of the power desk that this task has staged: each is held until it is over.
    resets: JoinSet<()>,
}

/// Everything that a rollout acts with.
struct RolloutContext {
    store: Arc<GenerationStore>,
    log: Arc<Mutex<RolloutLog>>,
    files: Files,
    /// The journal's content, as of the last record.
    ledger: RolloutLedger,
    config: GenerationConfig,
    boot: BootId,
    services: Services,
    events: EventBus,
    power: Option<PowerHandle>,
    threads: OneEach,
    /// The places of requests that wait for the disk.
    places: Arc<Semaphore>,
    /// Steps that have happened, and are told to the controller with the next record.
    unreported: Vec<ReportedStep>,
}

/// The stage of the board's last rollout.
enum RolloutStage {
    /// Nothing is under way.
    Idle,
    /// It is carried out.
    Running(Box<RunUnderWay>),
    /// Its checks run.
    Soaking(Box<SoakUnderWay>),
}

/// A rollout that has ended.
struct LastRollout {
    record: RolloutRecord,
    is_recorded: bool,
}

/// A run, and its orders.
struct RunUnderWay {
    run: RolloutRun,
    /// The client that waits for the beginning to be recorded.
    answer: Option<oneshot::Sender<Vec<Reply>>>,
    /// `before-switch` has put it off.
    is_put_off: bool,
}

/// An operation under way.
type PendingOperation = Pin<Box<dyn Future<Output = ActivationInput> + Send>>;

impl RolloutTask {
    /// Gives the task the way to the supervisor, and to the power desk for activations that need a reboot.
    #[must_use]
    pub fn acting_on(mut self, services: Services, power: PowerHandle) -> Self {
        self.context.services = services;
        self.context.power = Some(power);
        self
    }

    /// Serves until it is dropped: an operation under way is then found again by the next life of the agent.
    pub async fn run(mut self) {
        if let Some(effect) = self.recovered.take() {
            self.take_effect(effect).await;
        }
        // That a soak was taken up is recorded at once.
        self.poll_soak().await;
        loop {
            self.publish();
            let deadline = match &self.stage {
                RolloutStage::Soaking(soak) => soak.machine.deadline(now()),
                _ => None,
            };
            tokio::select! {
                biased;
                input = operation_end(&mut self.operation) => {
                    self.operation = None;
                    self.step(input).await;
                }
                Some(Ok(outcome)) = self.checks.join_next() => self.take_check(outcome),
                message = self.messages.recv() => match message {
                    Some(message) => self.take_message(message).await,
                    None => return,
                },
                () = wait_until(deadline) => {}
                () = sleep(RECORD_AGAIN), if self.has_unrecorded_end() => self.record_again().await,
                Some(_) = self.resets.join_next() => {}
            }
            self.poll_soak().await;
        }
    }

    /// Begins a run; the one before it is over.
    async fn begin(&mut self, under_way: RunUnderWay, effect: RunEffect) {
        self.stage = RolloutStage::Running(Box::new(under_way));
        self.take_effect(effect).await;
    }

    /// Takes the end of an operation.
    async fn step(&mut self, input: ActivationInput) {
        let RolloutStage::Running(under_way) = &mut self.stage else {
            return;
        };
        under_way.is_put_off = matches!(input, ActivationInput::GateClosed(_));
        match under_way.run.step(input) {
            Some(effect) => self.take_effect(effect).await,
            None => {
                tracing::error!(target: "agent_activation", "an operation ended that nobody waited for");
            }
        }
    }

    /// Carries effects out until one of them takes its time.
    async fn take_effect(&mut self, mut effect: RunEffect) {
        loop {
            self.publish();
            match effect {
                RunEffect::Append { record, step } => {
                    let reported = step.reported();
                    let appended = self.context.append((*record).clone(), reported).await;
                    if let Err(error) = &appended {
                        tracing::error!(target: "agent_activation", %error, ?step, "not recorded");
                    }
                    if appended.is_err() && step.has_happened() {
                        self.context.unreported.extend(step.reported());
                    }
                    if appended.is_ok() || step.has_happened() {
                        for step in step.steps() {
                            self.context.tell(record.target, &step);
                        }
                    }
                    let RolloutStage::Running(under_way) = &mut self.stage else {
                        return;
                    };
                    let input = if appended.is_ok() {
                        ActivationInput::Recorded
                    } else {
                        ActivationInput::NotRecorded
                    };
                    let next = under_way.run.step(input);
                    // A way back goes on even where the disk takes no record.
                    let goes_on = !matches!(next, Some(RunEffect::End(RunEnd::NotRecorded)));
                    self.is_recorded = appended.is_ok();
                    self.answer_beginning(goes_on);
                    match next {
                        Some(next) => effect = next,
                        None => return,
                    }
                }
                RunEffect::Operation(operation) => {
                    self.operation = self.start(operation);
                    return;
                }
                RunEffect::End(end) => return self.end(end).await,
            }
        }
    }

    /// Takes the end of a run.
    async fn end(&mut self, end: RunEnd) {
        let stage = std::mem::replace(&mut self.stage, RolloutStage::Idle);
        let RolloutStage::Running(under_way) = stage else {
            return;
        };
        let record = under_way.run.record().clone();
        self.last = Some(LastRollout {
            record: record.clone(),
            // What was never begun is as the journal has it.
            is_recorded: self.is_recorded || end == RunEnd::NotRecorded,
        });
        tracing::info!(target: "agent_activation", generation = %record.target, ?end, "a rollout has come to an end");
        let (store, needed) = (self.context.store.clone(), self.rollout_generations());
        let looked = self.context.blocking(move || {
            store.set_needed(needed);
            store.observe()
        });
        if let Some(Ok(world)) = looked.await {
            self.current = world.current();
        }
        match end {
            RunEnd::Soaking => {
                self.stage = self.soak(record, false);
            }
            RunEnd::Deferred if record.options.wants_reboot => self.reboot().await,
            // What has had its reboot needs another one to be gone.
            RunEnd::Reverted if record.options.wants_reboot && record.has_rebooted => {
                self.reboot().await;
            }
            RunEnd::Converged => {
                let (store, keep) = (self.context.store.clone(), self.context.config.keep);
                // Others may hold the store for long.
                self.context.threads.start(Box::new(move || {
                    if let Err(error) = store.prune(keep) {
                        tracing::warn!(target: "agent_activation", %error, "old generations were not removed");
                    }
                }));
            }
            RunEnd::NotRecorded if record.state == RolloutState::Pending => self.cancel(&record),
            RunEnd::NotRecorded if record.state == RolloutState::Soaking => {
                // The end of the soak: it soaks on, and the next result of a check ends it again.
                self.stage = self.soak(record, true);
            }
            RunEnd::Illegal(illegal) => {
                tracing::error!(target: "agent_activation", %illegal, "a rollout was stepped wrongly");
            }
            RunEnd::Deferred
            | RunEnd::Failed
            | RunEnd::Reverted
            | RunEnd::RollbackFailed
            | RunEnd::NotRecorded => {}
        }
    }

    /// Returns the generations that the last rollout needs.
    fn rollout_generations(&self) -> RolloutGenerations {
        let kept = self.context.ledger.kept();
        RolloutGenerations::of(self.last_record().as_ref(), kept)
    }

    /// Returns the last rollout's record, as far as it is known now.
    fn last_record(&self) -> Option<RolloutRecord> {
        match &self.stage {
            RolloutStage::Running(under_way) => Some(under_way.run.record().clone()),
            RolloutStage::Soaking(soak) => Some(soak.record.clone()),
            RolloutStage::Idle => match (&self.last, self.context.ledger.view()) {
                (Some(last), _) => Some(last.record.clone()),
                (None, JournalView::Rollout(record)) => Some(record),
                (None, JournalView::Empty | JournalView::Unreadable) => None,
            },
        }
    }

    /// Tells others what is active.
    fn publish(&self) {
        let pending = self.rollout_generations().pending;
        let is_committing = match &self.stage {
            RolloutStage::Running(it) => it.run.is_committing() && !it.is_put_off,
            RolloutStage::Idle | RolloutStage::Soaking(_) => false,
        };
        let current = self.current;
        let active = ActiveGenerations { current, pending };
        self.committing.send_if_modified(|before| {
            let is_other = *before != is_committing;
            *before = is_committing;
            is_other
        });
        self.active.send_if_modified(|before| {
            let is_other = *before != active;
            *before = active;
            is_other
        });
    }
}

impl RolloutContext {
    /// Returns the way in which generations are switched here.
    const fn switch_method(&self) -> &'static str {
        match self.config.commands {
            Some(_) => COMMAND_METHOD,
            None => LINK_METHOD,
        }
    }
}

impl RunUnderWay {
    const fn new(run: RolloutRun) -> Self {
        Self {
            run,
            answer: None,
            is_put_off: false,
        }
    }
}

async fn operation_end(operation: &mut Option<PendingOperation>) -> ActivationInput {
    match operation {
        Some(operation) => operation.as_mut().await,
        None => pending().await,
    }
}

/// Time since the board booted: a wrong clock does not move it, nor does a restart of the agent.
fn now() -> Instant {
    Instant(uptime().0)
}

/// Waits until an instant of [`now`]. Cancel-safe.
async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep(Duration::from_millis(deadline.since(now()).0)).await,
        None => pending().await,
    }
}
