//! What an earlier agent has left: its services run on, and are watched as if nothing had happened.

use super::clearing::clear;
use super::hands::{Hands, Underway, What};
use super::task::Task;
use super::view::age;
use crate::core::service::Name;
use crate::core::service::machine::Event;
use crate::core::service::manifest::Digest;
use crate::core::service::registry::{Component, Found, Registry};
use crate::edge::failpoint::pass;
use crate::edge::process::{Cgroup, Group, Identity, Nonce64, Process, strays_of_all};
use crate::edge::store::Files;
use lastword_protocol::BootId;
use std::collections::HashMap;

/// What an earlier agent knew of a service, and what is there.
struct Left {
    name: Name,
    nonce: Nonce64,
    restarts: u32,
    started_by: Option<Digest>,
    process: Option<Process>,
    /// It had a main process in this boot, as far as was written down.
    had_main: bool,
    /// Without a main process they are only in the way.
    strays: bool,
}

impl Task {
    /// Takes over whatever runs of what `state.json` names, verified. What cannot be verified is left
    /// alone.
    pub(super) async fn adopt(&mut self, mut files: Files) {
        let registry = match Registry::load(&mut files) {
            Ok(Found::Registry(registry)) => registry,
            Ok(Found::Nothing) => return,
            Ok(Found::Unreadable(why)) => {
                tracing::error!(target: "services", why, "state.json is unreadable; kept aside");
                return;
            }
            Err(error) => {
                tracing::error!(target: "services", %error, "state.json cannot be read");
                return;
            }
        };
        for left in self.left(&registry) {
            self.take_over(left).await;
        }
    }

    fn left(&self, registry: &Registry) -> Vec<Left> {
        let boot = self.memory.boot();
        let known: Vec<_> = registry.services().collect();
        let mut left: Vec<Left> = known
            .iter()
            .filter_map(|(name, component)| self.find(name, component, boot))
            .collect();
        let missing: HashMap<Nonce64, usize> = left
            .iter()
            .enumerate()
            .filter(|(_, left)| left.process.is_none())
            .map(|(index, left)| (left.nonce, index))
            .collect();
        if missing.is_empty() {
            return left;
        }
        match strays_of_all(|nonce| missing.contains_key(&nonce)) {
            Ok(strays) => {
                for (nonce, processes) in strays {
                    if let Some(left) = missing.get(&nonce).and_then(|it| left.get_mut(*it)) {
                        left.find_main(processes);
                    }
                }
            }
            Err(error) => {
                tracing::error!(target: "services", %error, "who else is left cannot be told");
            }
        }
        left
    }

    fn find(&self, name: &Name, component: &Component, boot: BootId) -> Option<Left> {
        let nonce = component.nonce.parse().ok()?;
        let identity = Identity {
            boot: component.boot_id,
            pid: component.pid,
            start_time: component.start_time,
            nonce,
        };
        let cgroup = self.cgroup(name);
        let process = Process::adopt(&identity, boot, cgroup.as_ref());
        Some(Left {
            name: name.clone(),
            nonce,
            restarts: component.restart_count,
            started_by: component.manifest_digest,
            process,
            had_main: component.pid != 0 && component.boot_id == boot,
            strays: false,
        })
    }

    fn cgroup(&self, name: &Name) -> Option<Cgroup> {
        self.starter.cgroup(name).ok().flatten()
    }

    async fn take_over(&mut self, left: Left) {
        let name = left.name;
        self.supervisor
            .recall(name.clone(), left.restarts, left.started_by);
        let mut hands = Hands::new(left.nonce);
        hands.cgroup = self.cgroup(&name);
        let Some(process) = left.process else {
            if left.strays {
                let group = Group::left_behind(left.nonce, hands.cgroup.clone());
                tracing::warn!(target: "services", %name, "its main process is gone: killing the rest");
                clear(&name, Some(&group), None).await;
            }
            if left.had_main {
                tracing::warn!(target: "services", %name, "it ended while no agent was there");
                self.supervisor.recall_end(&name);
            }
            self.hands.insert(name, hands);
            return;
        };
        let run = hands.next_serial();
        let age = age(process.start_time);
        let process = hands.hold(process);
        pass("adopt-held");
        tracing::info!(target: "services", %name, pid = process.pid, "adopted");
        let exited = async move { What::Event(Event::Exited(process.exited().await)) };
        let watch = Underway::start(self.tell.clone(), name.clone(), run, exited);
        hands.watch(run, watch);
        self.hands.insert(name.clone(), hands);
        self.tell(&name, Event::Adopted(age)).await;
        pass("adopt-told");
    }
}

impl Left {
    /// What was started and never written down leads its session. If a main process was written down
    /// and is gone, whatever else leads one is only what that has left behind.
    fn find_main(&mut self, processes: Vec<Process>) {
        self.strays = true;
        let mut leaders = processes.into_iter().filter(Process::leads_session);
        self.process = leaders.next().filter(|_| !self.had_main);
    }
}
