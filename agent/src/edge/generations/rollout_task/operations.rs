//! The operations of a rollout, each a future that owns what it acts with.

use super::{
    GenerationStore, LINK_METHOD, PendingOperation, RolloutContext, RolloutStage, RolloutTask,
};
use crate::core::config::SwitchCommands;
use crate::core::generation::activation::ActivationInput;
use crate::core::generation::recovery::WorldView;
use crate::core::generation::rollout_record::RolloutRecord;
use crate::core::generation::rollout_run::RunOperation;
use crate::edge::clock::unix_ms;
use crate::edge::failpoint::pass;
use crate::edge::generations::generation_store::{NotRealised, TreeCheck};
use crate::edge::generations::hooks::{HookAnswer, HookContext, run_hook};
use crate::edge::services::Services;
use crate::edge::threads::{self, OneEach};
use lastword_protocol::message::Reply;
use lastword_protocol::message::service::{Change, Item, ServiceRequest};
use lastword_protocol::power::{Evidence, Operation, Origin, PowerRequest};
use lastword_protocol::{Generation, Millis, Nonce, OperationId, Sequence, Text};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The longest time for which the pointer is read back before it counts as what it is.
const READ_BACK_LIMIT: Duration = Duration::from_secs(10);
/// The time between two looks at it.
const READ_BACK_PAUSE: Duration = Duration::from_millis(100);
/// The time between the record of a deferred activation and the reset, in which events leave.
const REBOOT_DELAY: Millis = Millis(1_000);
/// The fault of a program that may not put it off.
const PUT_OFF: &str = "it cannot be put off";
/// The reason of the reset.
const REBOOT_REASON: &str = "a generation needs a reboot";

/// Everything that a switch acts with.
struct SwitchOperation {
    store: Arc<GenerationStore>,
    threads: OneEach,
    services: Services,
    after_switch: Vec<String>,
    commands: Option<SwitchCommands>,
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
            RunOperation::Realise(_) => context.realise(&record),
            RunOperation::Set(_) => context.set(&record),
            RunOperation::AskGate => context.ask_gate(&record, Millis(0)),
            RunOperation::AskGateIn(wait) => context.ask_gate(&record, wait),
            RunOperation::Switch { to, is_rollback } => {
                let is_same_boot = record.boot == context.boot;
                let is_deferred =
                    record.deferred_component.is_some() && is_same_boot && !is_rollback;
                let switch = SwitchOperation {
                    store: context.store.clone(),
                    threads: context.threads,
                    services: context.services.clone(),
                    after_switch: context.config.after_switch.clone(),
                    commands: context.config.commands.clone(),
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
        // Nobody waits for an acknowledgement: whoever ordered the activation has one long since.
        request.force = true;
        request.reason = Text::try_from(REBOOT_REASON).unwrap_or_default();
        let nonce = Nonce(u32::try_from(unix_ms() & u64::from(u32::MAX)).unwrap_or_default());
        let origin = Origin {
            assigned: OperationId::assigned(nonce, Sequence(0)),
            wire_time: Millis(0),
            is_connection: false,
        };
        match power.stage(request, origin, false).await {
            Some((Reply::Initiated(_), Some(mut ticket))) => {
                ticket.written();
                ticket.drained(Evidence::Forced);
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
    fn realise(&self, record: &RolloutRecord) -> PendingOperation {
        let (generation, allow_older) = (record.target, record.options.allows_older);
        let (store, ledger) = (self.store.clone(), self.ledger.clone());
        let program = self.config.commands.as_ref().map(|it| it.realise.clone());
        let made_ready = self.run_program(program.unwrap_or_default(), record);
        let realised = self.blocking(move || {
            pass("rollout-realising");
            let realised = store.realise(generation, &ledger, allow_older);
            pass("rollout-realised");
            realised
        });
        Box::pin(async move {
            match realised.await {
                Some(Ok(())) => match made_ready.await {
                    HookAnswer::Done => ActivationInput::Done,
                    HookAnswer::NotNow(_) => operation_failed(None, PUT_OFF.to_owned()),
                    HookAnswer::Failed(code, why) => operation_failed(code, why),
                },
                Some(Err(NotRealised::Signature(why))) => ActivationInput::SignatureMismatch(why),
                Some(Err(NotRealised::Failed(why))) => operation_failed(None, why),
                None => operation_failed(None, "it panicked".to_owned()),
            }
        })
    }

    /// Tells the programs which generation comes; the built-in backend has nobody to tell.
    fn set(&self, record: &RolloutRecord) -> PendingOperation {
        let program = self.config.commands.as_ref().map(|it| it.set.clone());
        let set = self.run_program(program.unwrap_or_default(), record);
        Box::pin(async move {
            match set.await {
                HookAnswer::Done => ActivationInput::Done,
                HookAnswer::NotNow(_) => operation_failed(None, format!("set: {PUT_OFF}")),
                HookAnswer::Failed(code, why) => operation_failed(code, format!("set: {why}")),
            }
        })
    }

    /// Runs a program for a rollout's target.
    fn run_program(
        &self,
        program: Vec<String>,
        record: &RolloutRecord,
    ) -> impl Future<Output = HookAnswer> + Send + use<> {
        let (tree, trees) = (self.store.tree(record.target), self.store.trees());
        let (generation, previous) = (record.target, record.previous);
        async move {
            let context = HookContext {
                generation,
                tree: &tree,
                trees: &trees,
                previous,
            };
            run_hook(&program, context).await
        }
    }

    fn ask_gate(&self, record: &RolloutRecord, wait: Millis) -> PendingOperation {
        let asked = self.run_program(self.config.before_switch.clone(), record);
        Box::pin(async move {
            sleep(Duration::from_millis(wait.0)).await;
            match asked.await {
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
            Ok(Err(error)) => return operation_failed(None, format!("{LINK_METHOD}: {error}")),
            Err(panicked) => return operation_failed(None, panicked.to_string()),
        }
        if let Some(commands) = &self.commands {
            return self.run_commands(commands).await;
        }
        if self.is_deferred {
            return ActivationInput::Done;
        }
        let (store, to) = (self.store.clone(), self.to);
        let switched = threads::run(&self.threads, move || store.switch_services(to)).await;
        match switched {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return operation_failed(None, format!("services: {error}")),
            Err(panicked) => return operation_failed(None, panicked.to_string()),
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
        self.after_switch(generation).await
    }

    /// Has programs switch.
    async fn run_commands(&self, commands: &SwitchCommands) -> ActivationInput {
        let Some(generation) = self.to else {
            let why = "there is none to go back to".to_owned();
            return operation_failed(None, why);
        };
        let back = self.is_rollback && !commands.rollback.is_empty();
        let (name, program) = if back {
            ("rollback", &commands.rollback)
        } else {
            ("switch", &commands.switch)
        };
        match self.run(program, generation).await {
            HookAnswer::Done => self.after_switch(generation).await,
            HookAnswer::Failed(Some(code), _)
                if Some(code) == commands.deferred_code.map(i32::from) && !self.is_rollback =>
            {
                ActivationInput::SwitchDeferred(name.to_owned())
            }
            HookAnswer::NotNow(_) => operation_failed(None, format!("{name}: {PUT_OFF}")),
            // The program's own words are in the log.
            HookAnswer::Failed(code, _) => operation_failed(code, name.to_owned()),
        }
    }

    async fn after_switch(&self, generation: Generation) -> ActivationInput {
        match self.run(&self.after_switch, generation).await {
            HookAnswer::Done => ActivationInput::Done,
            HookAnswer::NotNow(_) => operation_failed(None, format!("after-switch: {PUT_OFF}")),
            // It must not hold up the way back.
            HookAnswer::Failed(code, why) if self.is_rollback => {
                tracing::warn!(target: "agent_activation", code, why, "after-switch has failed on the way back");
                ActivationInput::Done
            }
            HookAnswer::Failed(code, why) => operation_failed(code, format!("after-switch: {why}")),
        }
    }

    async fn run(&self, program: &[String], generation: Generation) -> HookAnswer {
        let (tree, trees) = (self.store.tree(generation), self.store.trees());
        let context = HookContext {
            generation,
            tree: &tree,
            trees: &trees,
            previous: self.previous,
        };
        run_hook(program, context).await
    }

    /// Sees that the tree to go back to is whole.
    async fn mend(&self, previous: Generation) -> Result<(), String> {
        let store = self.store.clone();
        let checked = threads::run(&self.threads, move || store.check_tree(previous)).await;
        let checked = checked.map_err(|panicked| panicked.to_string())?;
        let fault = match checked {
            Ok(()) => return Ok(()),
            Err(TreeCheck::NoManifest) if self.store.tree(previous).is_dir() => {
                tracing::warn!(target: "agent_activation", generation = %previous,
                    "the manifest of the generation to go back to is gone; its tree is taken as it is");
                return Ok(());
            }
            Err(TreeCheck::NoManifest) => {
                return Err("its manifest is gone, and its tree".to_owned());
            }
            Err(TreeCheck::Damaged(fault)) => fault,
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
                } if detail.starts_with(&directory) => {
                    // The path in the tree is enough.
                    Some(detail[directory.len()..].trim_start_matches('/').to_owned())
                }
                _ => None,
            })
        });
        broken.map_or(Ok(()), Err)
    }
}

fn operation_failed(code: Option<i32>, detail: String) -> ActivationInput {
    ActivationInput::OperationFailed { code, detail }
}
