//! Requests about generations.

use super::answers::{generations_answer, push_generation, refusal_answer};
use super::names::resolve;
use super::{RolloutStage, RolloutTask, RunUnderWay, TEST_MODE};
use crate::core::generation::recovery::RecoveryVerdict;
use crate::core::generation::rollout_ledger::RolloutLedger;
use crate::core::generation::rollout_record::RolloutRecord;
use crate::core::generation::rollout_run::RolloutRun;
use crate::core::service::answer::{Pages, refused};
use crate::edge::generations::generation_store::{
    GenerationStore, RolloutGenerations, StoreRefusal, StoredGeneration, disk_refusal,
    refused as refusal,
};
use crate::edge::generations::service::GenerationMessage;
use crate::edge::tasks;
use crate::edge::threads;
use lastword_protocol::Generation;
use lastword_protocol::message::Reply;
use lastword_protocol::message::generation::{
    GENERATION_NAME_BYTES_MIN, GenerationRequest, GenerationRole, SignatureBrief,
};
use lastword_protocol::message::service::Item;
use lastword_protocol::refusal::Code;
use lastword_protocol::rollout::RolloutState;
use std::env;
use tokio::sync::oneshot;

/// The way of an answer.
pub(super) type PagesSender = oneshot::Sender<Vec<Reply>>;

impl RolloutTask {
    /// Takes a request.
    pub(super) async fn take_message(&mut self, message: GenerationMessage) {
        let GenerationMessage { request, answer } = message;
        match request {
            GenerationRequest::Activate(order) => self.activate(&order, answer).await,
            GenerationRequest::Rollback { allow_older } => {
                self.roll_back(allow_older, answer).await;
            }
            GenerationRequest::Confirm => {
                let replies = if self.confirm() {
                    self.poll_soak().await;
                    self.rollout_answer()
                } else {
                    refused(
                        Code::Busy,
                        "no generation soaks: there is nothing to confirm",
                    )
                };
                drop(answer.send(replies));
            }
            GenerationRequest::Status => {
                self.look().await;
                drop(answer.send(self.rollout_answer()));
            }
            GenerationRequest::Unquarantine(name) => {
                let replies = self.unquarantine(&name).await;
                drop(answer.send(replies));
            }
            request => self.ask_the_disk(request, answer),
        }
    }

    /// Looks which generation the board runs: somebody else may have moved the pointer.
    pub(super) async fn look(&mut self) {
        let store = self.context.store.clone();
        if let Some(Ok(world)) = self.context.blocking(move || store.observe()).await {
            self.current = world.current();
        }
    }

    /// Answers on a thread what the disk knows.
    fn ask_the_disk(&self, request: GenerationRequest, answer: PagesSender) {
        let (store, ledger) = (self.context.store.clone(), self.context.ledger.clone());
        let rollout = self.rollout_generations();
        let (places, threads) = (self.context.places.clone(), self.context.threads);
        tasks::spawn("generation request", async move {
            // Nobody closes it.
            let _place = places.acquire_owned().await;
            if answer.is_closed() {
                return;
            }
            let replies =
                threads::run(&threads, move || of_disk(&store, &ledger, rollout, request));
            let replies = replies
                .await
                .unwrap_or_else(|panicked| Err(refusal(Code::Internal, panicked.to_string())));
            let replies = replies.unwrap_or_else(|refusal| refusal_answer(&refusal));
            // Whoever asked may be gone.
            drop(answer.send(replies));
        });
    }

    async fn roll_back(&mut self, allow_older: bool, answer: PagesSender) {
        let boot = self.context.boot;
        let nothing = || refused(Code::Busy, "there is nothing to go back to");
        let Some(record) = self.last_record() else {
            return drop(answer.send(nothing()));
        };
        let (is_running, is_at_gate) = match &self.stage {
            RolloutStage::Running(under_way) => (true, under_way.run.is_at_gate()),
            RolloutStage::Idle | RolloutStage::Soaking(_) => (false, false),
        };
        let record = self.to_leave(record);
        let (run, effect) = match record.state {
            // The program is ended, or not asked any more.
            _ if is_at_gate => RolloutRun::call_off(record, boot),
            _ if is_running => {
                let detail = "the pointer is being moved; try again when it is not";
                return drop(answer.send(refused(Code::Busy, detail)));
            }
            // It was begun again, and that could not be recorded.
            RolloutState::Pending | RolloutState::Activating { is_deferred: false } => {
                RolloutRun::call_off(record, boot)
            }
            RolloutState::Converged => {
                let Some(previous) = record.previous else {
                    return drop(answer.send(nothing()));
                };
                // What soaks may go back to whatever was there before; what was kept is left on purpose.
                if let Err(refusal) = self.may_go_back(previous, allow_older).await {
                    return drop(answer.send(refusal_answer(&refusal)));
                }
                RolloutRun::roll_back(record, boot)
            }
            RolloutState::Soaking | RolloutState::Activating { is_deferred: true } => {
                RolloutRun::roll_back(record, boot)
            }
            RolloutState::Failed {
                is_rolling_back: true,
            } => {
                let verdict = RecoveryVerdict::FinishRollback;
                let method = self.context.switch_method();
                match RolloutRun::recovered(record, boot, method, verdict) {
                    Some((run, effect)) => {
                        // It was recorded when it began.
                        drop(answer.send(self.rollout_answer()));
                        return self.begin(RunUnderWay::new(run), effect).await;
                    }
                    None => return drop(answer.send(nothing())),
                }
            }
            _ => return drop(answer.send(nothing())),
        };
        let under_way = RunUnderWay {
            answer: Some(answer),
            ..RunUnderWay::new(run)
        };
        self.checks = tokio::task::JoinSet::new();
        self.operation = None;
        self.begin(under_way, effect).await;
    }

    /// Returns the rollout that is put back: that of what the board has kept, if what was tried since has changed nothing.
    fn to_leave(&self, last: RolloutRecord) -> RolloutRecord {
        let mut record = match self.context.ledger.kept() {
            Some(kept) if last.state.is_terminal() && self.current == Some(kept.target) => {
                kept.clone()
            }
            _ => last,
        };
        // It is read at every intent: nothing is switched then.
        record.options.is_test |= env::var_os(TEST_MODE).is_some();
        record
    }

    /// Refuses a way back that nobody could come by today.
    async fn may_go_back(
        &mut self,
        previous: Generation,
        allow_older: bool,
    ) -> Result<(), StoreRefusal> {
        let may_be_older = allow_older && self.context.config.allows_older_security;
        let (store, ledger) = (self.context.store.clone(), self.context.ledger.clone());
        let checked = self
            .context
            .blocking(move || store.check_way_back(previous, &ledger, may_be_older));
        let panicked = || Err(refusal(Code::Internal, "it panicked; see the log"));
        checked.await.unwrap_or_else(panicked)
    }

    async fn unquarantine(&mut self, name: &str) -> Vec<Reply> {
        if name.len() < GENERATION_NAME_BYTES_MIN {
            let detail = format!("a name has {GENERATION_NAME_BYTES_MIN} digits at least");
            return refused(Code::BadValue, &detail);
        }
        let quarantined = self.context.ledger.quarantined().to_vec();
        let matching: Vec<_> = quarantined
            .into_iter()
            .filter(|generation| {
                generation
                    .to_string()
                    .starts_with(&name.to_ascii_lowercase())
            })
            .collect();
        let generation = match matching[..] {
            [generation] => generation,
            [] => return refused(Code::Unknown, "no generation in quarantine begins so"),
            _ => return refused(Code::BadValue, "several generations in quarantine begin so"),
        };
        match self.context.release(generation).await {
            Ok(()) => Pages::default().done(),
            Err(error) => refused(Code::Internal, &format!("not recorded: {error}")),
        }
    }
}

/// Answers a request that only the disk is asked.
fn of_disk(
    store: &GenerationStore,
    ledger: &RolloutLedger,
    rollout: RolloutGenerations,
    request: GenerationRequest,
) -> Result<Vec<Reply>, StoreRefusal> {
    let quarantined = ledger.quarantined();
    let list = || store.list(rollout).map_err(|error| disk_refusal(&error));
    match request {
        GenerationRequest::List => Ok(generations_answer(&list()?, quarantined)),
        GenerationRequest::Current => {
            let mut all = list()?;
            all.retain(|it| it.role == GenerationRole::Current);
            Ok(generations_answer(&all, quarantined))
        }
        GenerationRequest::Show(name) => {
            let wanted = resolve(store, &name, &[])?;
            let mut pages = Pages::default();
            let mut all = list()?.into_iter();
            if let Some(stored) = all.find(|it| it.generation == wanted) {
                push_generation(&mut pages, &stored, quarantined);
            }
            if let Some(signature) = store.signature(wanted) {
                pages.push(&Item::Signature(SignatureBrief { signature }));
            }
            Ok(pages.done())
        }
        GenerationRequest::Offer(offer) => {
            let (generation, manifest, missing) = store.offer(offer, ledger)?;
            let mut all = list()?;
            all.retain(|it| it.generation == generation);
            let stored = all.pop().unwrap_or(StoredGeneration {
                generation,
                manifest,
                role: GenerationRole::Incomplete,
            });
            let mut pages = Pages::default();
            push_generation(&mut pages, &stored, quarantined);
            for content in missing {
                pages.push(&Item::MissingContent(content));
            }
            Ok(pages.done())
        }
        GenerationRequest::Expand(wanted) => {
            store.expand(wanted)?;
            Ok(Pages::default().done())
        }
        GenerationRequest::Prune { keep } => {
            let removed = store.prune(keep);
            let removed = removed.map_err(|error| disk_refusal(&error))?;
            Ok(generations_answer(&removed, quarantined))
        }
        // The task itself answers the others.
        _ => Err(refusal(Code::Internal, "no question for the disk")),
    }
}
