//! The operations of a rollout, each a future that owns what it acts with.

use super::{
    GenerationStore, PendingOperation, RolloutContext, RolloutStage, RolloutTask, SWITCH_METHOD,
};
use crate::core::generation::activation::ActivationInput;
use crate::core::generation::recovery::WorldView;
use crate::core::generation::rollout_record::RolloutRecord;
use crate::core::generation::rollout_run::RunOperation;
use crate::edge::clock::unix_ms;
use crate::edge::failpoint::pass;
use crate::edge::generations::generation_store::NotRealised;
use crate::edge::generations::hooks::{HookAnswer, HookContext, run_hook};
use crate::edge::services::Services;
use crate::edge::threads::{self, OneEach};
use lastword_protocol::message::Reply;
use lastword_protocol::message::service::{Change, Item, ServiceRequest};
use lastword_protocol::power::{Evidence, Operation, Origin, PowerRequest};
use lastword_protocol::{Generation, Millis, Nonce, OperationId, Sequence, Text};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The longest time for which the pointer is read back before it counts as what it is.
const READ_BACK_LIMIT: Duration = Duration::from_secs(10);
/// The time between two looks at it.
const READ_BACK_PAUSE: Duration = Duration::from_millis(100);
/// The time between the record of a deferred activation and the reset, in which events leave.
const REBOOT_DELAY: Millis = Millis(1_000);
/// The reason of the reset.
const REBOOT_REASON: &str = "a generation needs a reboot";

/// Everything that a switch acts with.
struct SwitchOperation {
    store: Arc<GenerationStore>,
    threads: OneEach,
    services: Services,
    after_switch: Vec<String>,
    previous: Option<Generation>,
    to: Option<Generation>,
    is_rollback: bool,
    /// The services stay what they are until the reboot.
    is_deferred: bool,
}

impl RolloutTask {
    /// Starts an operation of the run under way.
    pub(super) fn start(&mut self, operation: RunOperation) -> Option<PendingOperation> {
        let RolloutStage::Running(under_way) = &self.stage else {
            return None;
        };
        let record = under_way.run.record().clone();
        let context = &self.context;
        Some(match operation {
            RunOperation::Realise(generation) => {
                context.realise(generation, record.options.allows_older)
            }
            // The built-in backend has nobody to tell.
            RunOperation::Set(_) => Box::pin(async { ActivationInput::Done }),
            RunOperation::AskGate => context.ask_gate(&record, Millis(0)),
            RunOperation::AskGateIn(wait) => context.ask_gate(&record, wait),
            RunOperation::Switch { to, is_rollback } => {
                let is_deferred =
                    record.deferred_component.is_some() && record.boot == context.boot;
                let switch = SwitchOperation {
                    store: context.store.clone(),
                    threads: context.threads,
                    services: context.services.clone(),
                    after_switch: context.config.after_switch.clone(),
                    previous: if is_rollback {
                        Some(record.target)
                    } else {
                        record.previous
                    },
                    to,
                    is_rollback,
                    is_deferred,
                };
                Box::pin(switch.carry_out())
            }
            RunOperation::ReadBack(expected) => context.read_back(expected),
        })
    }

    /// Stages a graceful reboot.
    pub(super) async fn reboot(&mut self) {
        let Some(power) = self.context.power.clone() else {
            return;
        };
        let mut request = PowerRequest::plain(Operation::GracefulReboot);
        request.delay = REBOOT_DELAY;
        request.reason = Text::try_from(REBOOT_REASON).unwrap_or_default();
        let nonce = Nonce(u32::try_from(unix_ms() & u64::from(u32::MAX)).unwrap_or_default());
        let origin = Origin {
            assigned: OperationId::assigned(nonce, Sequence(0)),
            wire_time: Millis(0),
            is_connection: false,
        };
        match power.stage(request, origin, false).await {
            Some((Reply::Initiated(_), Some(mut ticket))) => {
                // Whoever ordered the activation has its answer, and follows the events if it wants to know more.
                ticket.written();
                ticket.drained(Evidence::Unknowable);
                self.resets
                    .spawn(async move { while ticket.changed().await {} });
            }
            Some((reply, _)) => {
                tracing::error!(target: "agent_activation", ?reply, "the reboot was refused; reboot to go on");
            }
            None => {}
        }
    }
}

impl RolloutContext {
    fn realise(&self, generation: Generation, allow_older: bool) -> PendingOperation {
        let (store, ledger) = (self.store.clone(), self.ledger.clone());
        let realised = self.blocking(move || {
            pass("rollout-realising");
            let realised = store.realise(generation, &ledger, allow_older);
            pass("rollout-realised");
            realised
        });
        Box::pin(async move {
            match realised.await {
                Some(Ok(())) => ActivationInput::Done,
                Some(Err(NotRealised::Signature(why))) => ActivationInput::SignatureMismatch(why),
                Some(Err(NotRealised::Failed(why))) => operation_failed(None, why),
                None => operation_failed(None, "it panicked".to_owned()),
            }
        })
    }

    fn ask_gate(&self, record: &RolloutRecord, wait: Millis) -> PendingOperation {
        let program = self.config.before_switch.clone();
        let tree = self.store.tree(record.target);
        let (generation, previous) = (record.target, record.previous);
        Box::pin(async move {
            sleep(Duration::from_millis(wait.0)).await;
            let context = HookContext {
                generation,
                tree: &tree,
                previous,
            };
            match run_hook(&program, context).await {
                HookAnswer::Done => ActivationInput::GateOpen,
                HookAnswer::NotNow(wait) => ActivationInput::GateClosed(wait),
                HookAnswer::Failed(code, why) => {
                    operation_failed(code, format!("before-switch: {why}"))
                }
            }
        })
    }

    fn read_back(&self, expected: Option<Generation>) -> PendingOperation {
        let (store, threads) = (self.store.clone(), self.threads);
        Box::pin(async move {
            let end = Instant::now() + READ_BACK_LIMIT;
            loop {
                let store = store.clone();
                let world = threads::run(&threads, move || store.observe()).await;
                let world = world
                    .ok()
                    .and_then(Result::ok)
                    .unwrap_or(WorldView::Dangling);
                if world.is(expected) || end <= Instant::now() {
                    return ActivationInput::Observed(world);
                }
                sleep(READ_BACK_PAUSE).await;
            }
        })
    }
}

impl SwitchOperation {
    async fn carry_out(self) -> ActivationInput {
        if self.is_rollback
            && let Some(previous) = self.to
            && let Err(why) = self.mend(previous).await
        {
            return operation_failed(None, why);
        }
        let (store, to) = (self.store.clone(), self.to);
        let switched = threads::run(&self.threads, move || {
            pass("rollout-switching");
            let switched = store.switch(to);
            pass("rollout-switched");
            switched
        });
        let switched = switched.await;
        match switched {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return operation_failed(None, format!("{SWITCH_METHOD}: {error}")),
            Err(panicked) => return operation_failed(None, panicked.to_string()),
        }
        if self.is_deferred {
            return ActivationInput::Done;
        }
        if let Err(why) = self.reload_services().await
            && !self.is_rollback
        {
            return operation_failed(None, format!("services: {why}"));
        }
        pass("rollout-reloaded");
        let Some(generation) = self.to else {
            return ActivationInput::Done;
        };
        let tree = self.store.tree(generation);
        let context = HookContext {
            generation,
            tree: &tree,
            previous: self.previous,
        };
        match run_hook(&self.after_switch, context).await {
            HookAnswer::Done => ActivationInput::Done,
            HookAnswer::NotNow(_) => {
                operation_failed(None, "after-switch: it cannot be put off".to_owned())
            }
            HookAnswer::Failed(code, why) => operation_failed(code, format!("after-switch: {why}")),
        }
    }

    /// Sees that the tree to go back to is whole.
    async fn mend(&self, previous: Generation) -> Result<(), String> {
        let store = self.store.clone();
        let checked = threads::run(&self.threads, move || store.check_tree(previous)).await;
        let checked = checked.map_err(|panicked| panicked.to_string())?;
        let Err(fault) = checked else {
            return Ok(());
        };
        tracing::warn!(target: "agent_activation", generation = %previous, fault,
            "the generation to go back to is damaged; building it anew");
        let store = self.store.clone();
        let mended = threads::run(&self.threads, move || store.rebuild(previous)).await;
        mended.map_err(|panicked| panicked.to_string())?
    }

    /// Reads the service files anew: those of the new generation beside the local ones.
    async fn reload_services(&self) -> Result<(), String> {
        let Some(directory) = self.to.map(|to| self.store.tree(to)) else {
            drop(self.services.ask(ServiceRequest::Reload).await);
            return Ok(());
        };
        let directory = directory.display().to_string();
        let replies = self.services.ask(ServiceRequest::Reload).await;
        let broken = replies.iter().find_map(|reply| {
            let Reply::Items(page) = reply else {
                return None;
            };
            page.items().find_map(|item| match item {
                Item::Changed {
                    change: Change::Broken,
                    detail,
                    ..
                } if detail.starts_with(&directory) => Some(detail.to_owned()),
                _ => None,
            })
        });
        broken.map_or(Ok(()), Err)
    }
}

fn operation_failed(code: Option<i32>, detail: String) -> ActivationInput {
    ActivationInput::OperationFailed { code, detail }
}
