//! Services that an earlier agent has left: they run on, and are watched as if nothing had happened.

use super::claims::Claims;
use super::clearing::clear;
use super::hands::{Hands, Underway, What};
use super::task::Task;
use super::view::age;
use crate::core::service::Name;
use crate::core::service::machine::Event;
use crate::core::service::registry::{Component, Found, REGISTRY_FILE, Registry};
use crate::core::service::service_file::Digest;
use crate::core::storage::Storage;
use crate::edge::explained::is_exhausted;
use crate::edge::failpoint::pass;
use crate::edge::process::{
    Cgroup, Group, Identity, Nonce64, Process, Survivor, foreign_nonces, strays_of_all,
};
use crate::edge::store::Files;
use lastword_protocol::BootId;
use nix::sys::signal::Signal;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::time::Duration;
use tokio::time::timeout;

/// How long a second copy of a service may take to end before it is killed.
const COPY_GRACE: Duration = Duration::from_secs(5);
/// How long what is killed may take to be gone. A process that hangs in the kernel keeps its service from
/// starting, and not the agent.
const KILL_LIMIT: Duration = Duration::from_secs(5);

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
    strays: Vec<Process>,
}

impl Task {
    /// Takes over what runs of the services of an earlier agent: what `state.json` names, verified, and what
    /// bears the agent's marks without being named there. Returns the services of which
    /// processes were ended, because none or more than one could be the main process.
    ///
    /// If nobody can look, all of it is put off: see [`Task::look_again`].
    pub(super) async fn adopt(&mut self, mut files: Files) -> HashSet<Name> {
        let (left, copies) = match self.look(&mut files).await {
            Ok(found) => found,
            Err(error) => {
                self.put_off_adoption(files, &error);
                return HashSet::new();
            }
        };
        self.pending_adoption = None;
        let ended = copies.iter().map(|(name, _)| name.clone()).collect();
        self.end_copies(copies).await;
        for left in left {
            self.take_over(left).await;
        }
        ended
    }

    /// Finds what is left, and the copies that are too many.
    async fn look(&mut self, files: &mut Files) -> io::Result<(Vec<Left>, Vec<(Name, Survivor)>)> {
        // A file that cannot be read now is not broken.
        if let Err(error) = files.read(REGISTRY_FILE)
            && is_exhausted(&error)
        {
            return Err(error);
        }
        let mut left = match Registry::load(files) {
            Found::Registry(registry) => self.left(&registry)?,
            Found::Nothing => Vec::new(),
            Found::Broken(broken) => {
                tracing::error!(target: "services", "{broken}; looking for services that run");
                Vec::new()
            }
        };
        let copies = self.add_unrecorded(&mut left).await?;
        Ok((left, copies))
    }

    /// The services that have processes.
    pub(super) fn running(&self) -> impl Iterator<Item = Name> {
        let units = self.supervisor.units();
        let running = units.filter(|(_, unit)| unit.machine().has_process());
        running.map(|(name, _)| name.clone())
    }

    fn left(&self, registry: &Registry) -> io::Result<Vec<Left>> {
        let boot = self.memory.boot();
        let foreign = self.foreign(registry)?;
        let is_own = |(_, component): &(Name, &Component)| {
            component
                .nonce
                .parse()
                .is_ok_and(|nonce: Nonce64| !foreign.contains(&nonce))
        };
        let known: Vec<_> = registry.services().filter(is_own).collect();
        let found = known
            .iter()
            .filter_map(|(name, component)| self.find(name, component, boot).transpose());
        let mut left: Vec<Left> = found.collect::<io::Result<_>>()?;
        let missing: HashMap<Nonce64, usize> = left
            .iter()
            .enumerate()
            .filter(|(_, left)| left.process.is_none())
            .map(|(index, left)| (left.nonce, index))
            .collect();
        if missing.is_empty() {
            return Ok(left);
        }
        for (nonce, processes) in strays_of_all(|nonce| missing.contains_key(&nonce))? {
            if let Some(left) = missing.get(&nonce).and_then(|it| left.get_mut(*it)) {
                left.find_main(processes);
            }
        }
        Ok(left)
    }

    /// The nonces of a record that are another agent's: it was copied from that one's directory. Its processes
    /// are not to be taken over, nor signalled.
    fn foreign(&self, registry: &Registry) -> io::Result<BTreeSet<Nonce64>> {
        let nonces = registry.services();
        let nonces: HashSet<Nonce64> = nonces.filter_map(|(_, it)| it.nonce.parse().ok()).collect();
        let foreign = foreign_nonces(self.starter.marks(), |nonce| nonces.contains(&nonce))?;
        if !foreign.is_empty() {
            tracing::warn!(target: "services", services = foreign.len(),
                "state.json is a copy of another agent's: services of that one are left alone");
        }
        Ok(foreign)
    }

    fn find(&self, name: &Name, component: &Component, boot: BootId) -> io::Result<Option<Left>> {
        let Ok(nonce) = component.nonce.parse() else {
            return Ok(None);
        };
        let identity = Identity {
            boot: component.boot_id,
            pid: component.pid,
            start_time: component.start_time,
            nonce,
        };
        let process = self.starter.adopt(name, &identity, boot)?;
        Ok(Some(Left {
            name: name.clone(),
            nonce,
            restarts: component.restart_count,
            started_by: component.manifest_digest,
            process,
            had_main: component.pid != 0 && component.boot_id == boot,
            strays: Vec::new(),
        }))
    }

    fn cgroup(&self, name: &Name) -> Option<Cgroup> {
        self.starter.cgroup(name).ok().flatten()
    }

    /// Adds services that run though no record names them so. Returns the copies that are too many.
    async fn add_unrecorded(&mut self, left: &mut Vec<Left>) -> io::Result<Vec<(Name, Survivor)>> {
        let nonces: HashSet<Nonce64> = left.iter().map(|it| it.nonce).collect();
        let is_known = |nonce| nonces.contains(&nonce);
        let services = self.memory.services().to_owned();
        let claims = Claims::find(self.starter.marks(), &services, is_known).await?;
        for (name, survivors) in claims.doubtful {
            let processes = survivors.into_iter().map(|it| it.process);
            self.hold_back(name, processes.collect());
        }
        let mut copies = Vec::new();
        for (name, survivors) in claims.accepted {
            let index = left.iter().position(|it| it.name == name);
            let index = index.unwrap_or_else(|| {
                left.push(Left::unrecorded(name.clone()));
                left.len() - 1
            });
            let more = left[index].join(survivors);
            copies.extend(more.into_iter().map(|it| (name.clone(), it)));
        }
        Ok(copies)
    }

    /// Ends processes of services that have another main process, or none that is certain.
    async fn end_copies(&mut self, copies: Vec<(Name, Survivor)>) {
        if copies.is_empty() {
            return;
        }
        let leaders: HashSet<&Name> = copies
            .iter()
            .filter(|(_, copy)| copy.leads_session)
            .map(|(name, _)| name)
            .collect();
        // A main process ends its own children.
        let is_told = |name: &Name, copy: &Survivor| copy.leads_session || !leaders.contains(name);
        for (name, copy) in copies.iter().filter(|(name, copy)| is_told(name, copy)) {
            let pid = copy.process.pid;
            tracing::warn!(target: "services", %name, pid, "left by an earlier agent: ending it");
            // A stopped one obeys once it goes on. Either may be gone, and is killed if it is not.
            let _ = copy.process.signal(Signal::SIGTERM);
            let _ = copy.process.signal(Signal::SIGCONT);
            copy.process.hold_if_room();
        }
        let ended = async {
            for (_, copy) in &copies {
                copy.process.ended().await;
            }
        };
        // Whoever takes longer is killed.
        let _ = timeout(COPY_GRACE, ended).await;
        let nonces: BTreeSet<_> = copies.iter().filter_map(|(_, it)| it.nonce).collect();
        let killed = async {
            for nonce in nonces {
                if let Err(error) = Group::left_behind(nonce, None).kill().await {
                    tracing::error!(target: "services", %error, "not all copies were killed");
                }
            }
            for (_, copy) in &copies {
                let _ = copy.process.signal(Signal::SIGKILL);
                copy.process.ended().await;
            }
        };
        if timeout(KILL_LIMIT, killed).await.is_ok() {
            return;
        }
        for (name, copy) in copies {
            if !copy.process.has_ended() {
                self.hold_back(name, vec![copy.process]);
            }
        }
    }

    async fn take_over(&mut self, left: Left) {
        let name = left.name;
        self.supervisor
            .recall(name.clone(), left.restarts, left.started_by);
        // It has some if the adoption was put off.
        let known = self.hands.remove(&name);
        let mut hands = known.unwrap_or_else(|| Hands::new(left.nonce));
        hands.nonce = left.nonce;
        hands.cgroup = self.cgroup(&name);
        let Some(process) = left.process else {
            if !left.strays.is_empty() {
                let group = Group::left_behind(left.nonce, hands.cgroup.clone());
                tracing::warn!(target: "services", %name, "its main process is gone: killing the rest");
                let cleared = timeout(KILL_LIMIT, clear(&name, Some(&group), None)).await;
                if cleared.is_err() {
                    self.hold_back(name.clone(), left.strays);
                }
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
    /// A service that no record names.
    fn unrecorded(name: Name) -> Self {
        Self {
            name,
            nonce: super::memory::Memory::fresh_nonce(),
            restarts: 0,
            started_by: None,
            process: None,
            had_main: false,
            strays: Vec::new(),
        }
    }

    /// What was started and never written down leads its session. If a main process was written down
    /// and is gone, whatever else leads one is only what that has left behind.
    fn find_main(&mut self, mut processes: Vec<Process>) {
        let leader = processes.iter().position(Process::leads_session);
        let leader = leader.filter(|_| !self.had_main);
        self.process = leader.map(|index| processes.remove(index));
        self.strays = processes;
    }

    /// Takes the main process from `survivors`, leaders first, if there is one and all are of the same start.
    /// Returns what has to go: copies beside a main process, or all if none is certain to be it.
    fn join(&mut self, survivors: Vec<Survivor>) -> Vec<Survivor> {
        if self.process.is_some() {
            // Without a nonce they are in its cgroup, or write to its log: they are part of it.
            let of_another_start = survivors.into_iter().filter(|it| it.nonce.is_some());
            return of_another_start.collect();
        }
        let nonces: BTreeSet<_> = survivors.iter().filter_map(|it| it.nonce).collect();
        let may_be_main = |it: &Survivor| it.leads_session && !it.output_is_lost;
        let is_certain = nonces.len() <= 1
            && self.strays.is_empty()
            && survivors.first().is_some_and(may_be_main)
            // What the recorded main process has left behind leads no service.
            && !(self.had_main && nonces.is_empty());
        if !is_certain {
            self.had_main = true;
            return survivors;
        }
        if let Some(nonce) = nonces.first() {
            self.nonce = *nonce;
        }
        self.process = survivors.into_iter().next().map(|it| it.process);
        Vec::new()
    }
}
