//! An order for a rollout: whether there may be one, and for what.

use super::answers::refusal_answer;
use super::names::{resolve, unknown};
use super::requests::PagesSender;
use super::{RolloutStage, RolloutTask, RunUnderWay, TEST_MODE};
use crate::core::generation::rollout_ledger::RolloutLedger;
use crate::core::generation::rollout_record::{RolloutOptions, RolloutOrder, RolloutRecord};
use crate::core::generation::rollout_run::RolloutRun;
use crate::core::service::answer::{Pages, refused};
use crate::edge::generations::generation_store::{
    GenerationStore, RolloutGenerations, StoreRefusal, disk_refusal, refused as refusal,
};
use lastword_generation::Manifest;
use lastword_generation::manifest::{FileMode, RebootComponent};
use lastword_protocol::ObjectHash;
use lastword_protocol::message::Reply;
use lastword_protocol::message::generation::ActivateRequest;
use lastword_protocol::refusal::Code;
use lastword_protocol::rollout::RolloutState;
use std::collections::BTreeMap;
use std::env;

impl RolloutTask {
    pub(super) async fn activate(&mut self, wanted: &ActivateRequest, answer: PagesSender) {
        let order = match self.order(wanted).await {
            Ok(None) => {
                let replies = self.already_current().await;
                return drop(answer.send(replies));
            }
            Ok(Some(order)) => order,
            Err(refusal) => return drop(answer.send(refusal_answer(&refusal))),
        };
        let record = RolloutRecord::ordered(order, self.context.boot);
        if let Err(error) = self.context.append(record.clone(), Vec::new()).await {
            let detail = format!("the order cannot be recorded: {error}");
            return drop(answer.send(refused(Code::Internal, &detail)));
        }
        let method = self.context.switch_method();
        let (run, effect) = RolloutRun::begin(record, self.context.boot, method);
        let under_way = RunUnderWay {
            answer: Some(answer),
            ..RunUnderWay::new(run)
        };
        self.begin(under_way, effect).await;
    }

    /// Answers an order for what the board runs: its rollout, so that an order may be given twice.
    async fn already_current(&mut self) -> Vec<Reply> {
        self.look().await;
        let kept = self.context.ledger.kept().cloned();
        match kept.filter(|kept| Some(kept.target) == self.current) {
            Some(kept) => {
                let mut pages = Pages::default();
                self.push_rollout(&mut pages, &kept);
                pages.done()
            }
            None => refused(
                Code::BadValue,
                "the board runs this generation already; somebody else has moved it there",
            ),
        }
    }

    /// Returns the order for a rollout, if there may be one; `None` for what the board runs.
    async fn order(
        &mut self,
        wanted: &ActivateRequest,
    ) -> Result<Option<RolloutOrder>, StoreRefusal> {
        self.refuse_another()?;
        if self.context.services.is_frozen() {
            let detail = "an operation is released: the board is going down";
            return Err(refusal(Code::Busy, detail));
        }
        let context = &self.context;
        let (store, name) = (context.store.clone(), wanted.name.clone());
        let ledger = context.ledger.clone();
        let allows_older = wanted.allow_older && context.config.allows_older_security;
        let options = RolloutOptions {
            wants_reboot: wanted.reboot,
            allows_older: wanted.allow_older,
            is_test: env::var_os(TEST_MODE).is_some(),
        };
        let order = context.blocking(move || {
            let wanted = (&*name, options, allows_older);
            order_of(&store, &ledger, wanted)
        });
        order
            .await
            .unwrap_or_else(|| Err(refusal(Code::Internal, "it panicked; see the log")))
    }

    /// Refuses a second rollout while one is not over.
    fn refuse_another(&self) -> Result<(), StoreRefusal> {
        let Some(record) = self.last_record() else {
            return Ok(());
        };
        let is_running = !matches!(self.stage, RolloutStage::Idle);
        if !is_running && record.state.is_terminal() {
            return Ok(());
        }
        let remedy = match record.state {
            RolloutState::Soaking => {
                "; `gen confirm` keeps it, `gen rollback` puts the one before back"
            }
            RolloutState::Activating { is_deferred: true } => {
                "; reboot, or `gen rollback` puts the one before back"
            }
            _ => "",
        };
        let (state, target) = (record.state.word(), record.target);
        let detail = format!("generation {} is {state}{remedy}", target.short());
        Err(refusal(Code::Busy, detail))
    }
}

/// Returns the order for a generation, whose name begins so, if it may be activated. From then on nothing removes it. `None`
/// if the board runs it.
fn order_of(
    store: &GenerationStore,
    ledger: &RolloutLedger,
    (name, options, allows_older): (&str, RolloutOptions, bool),
) -> Result<Option<RolloutOrder>, StoreRefusal> {
    let target = resolve(store, name, &[])?;
    let manifest = store.manifest(target);
    let manifest = manifest.ok_or_else(|| unknown(name))?;
    let current = store.observe().map_err(|error| disk_refusal(&error))?;
    if current.is(Some(target)) {
        return Ok(None);
    }
    if ledger.quarantined().contains(&target) {
        let detail = "it was rolled back on this board; `gen unquarantine` lets it in again";
        return Err(refusal(Code::Busy, detail));
    }
    if manifest.security_version < ledger.security_version() && !allows_older {
        let (offered, confirmed) = (manifest.security_version, ledger.security_version());
        let detail =
            format!("it has security-version {offered}, and {confirmed} was confirmed here");
        return Err(refusal(Code::NotAllowed, detail));
    }
    let missing = store.count_missing(&manifest);
    if missing > 0 {
        let detail = format!("{missing} contents of it are missing: push it again");
        return Err(refusal(Code::BadValue, detail));
    }
    let previous = current.current();
    let needed = RolloutGenerations {
        pending: Some(target),
        previous,
        kept: ledger.kept().and_then(|kept| kept.previous),
    };
    // Nothing removes it from here on; it may have been removed before.
    store.set_needed(needed);
    if store.manifest(target).is_none() {
        return Err(unknown(name));
    }
    let old = previous.and_then(|previous| store.manifest(previous));
    Ok(Some(RolloutOrder {
        target,
        security_version: manifest.security_version,
        previous,
        deferred_component: deferred_component(old.as_deref(), &manifest),
        options,
        order: None,
    }))
}

/// Returns the first component that takes effect at a reboot only, and is another than before.
fn deferred_component(old: Option<&Manifest>, new: &Manifest) -> Option<String> {
    let differs = |component: &&RebootComponent| {
        let files = |manifest: &Manifest| -> BTreeMap<String, (ObjectHash, FileMode)> {
            let mut of_component = BTreeMap::new();
            for file in &manifest.files {
                let path = AsRef::<std::path::Path>::as_ref(&file.path);
                let is_in = |top| path.starts_with::<&std::path::Path>(AsRef::as_ref(top));
                if component.paths.iter().any(is_in) {
                    of_component.insert(file.path.to_string(), (file.sha256, file.mode));
                }
            }
            of_component
        };
        old.map(files).unwrap_or_default() != files(new)
    };
    new.reboot_components
        .iter()
        .find(differs)
        .map(|component| component.name.clone())
}
