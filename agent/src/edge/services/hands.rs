//! What the executor holds of one service: its process, its group, what is under way for it.

use crate::core::service::Name;
use crate::core::service::machine::Event;
use crate::edge::failpoint::pass;
use crate::edge::process::{Cgroup, Group, Nonce64, Process};
use crate::edge::tasks;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Something has happened to a service.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) name: Name,
    /// Of which process, or which activity.
    pub(super) serial: u64,
    pub(super) what: What,
}

/// What has happened.
#[derive(Debug)]
pub(super) enum What {
    /// A process was started, or could not be.
    Launched(io::Result<Process>),
    /// The main process has ended, or else.
    Event(Event),
}

/// A task that ends when nobody wants it any more.
#[derive(Debug)]
pub(super) struct Underway(JoinHandle<()>);

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Underway {
    /// Does `work` and tells what came of it.
    pub(super) fn start(
        tell: mpsc::Sender<Heard>,
        name: Name,
        serial: u64,
        work: impl Future<Output = What> + Send + 'static,
    ) -> Self {
        Self(tasks::spawn("service", async move {
            pass("in-service");
            let what = work.await;
            let heard = Heard { name, serial, what };
            // Nobody is left to be told once the executor has ended.
            let _ = tell.send(heard).await;
        }))
    }
}

/// What is in the way of a service's readiness, told when it changes.
#[derive(Debug)]
pub(super) struct Obstacles {
    tell: mpsc::Sender<Heard>,
    name: Name,
    serial: u64,
    last: Mutex<String>,
}

impl Obstacles {
    pub(super) const fn new(tell: mpsc::Sender<Heard>, name: Name, serial: u64) -> Self {
        Self {
            tell,
            name,
            serial,
            last: Mutex::new(String::new()),
        }
    }

    pub(super) fn tell(&self, obstacle: String) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == obstacle {
            return;
        }
        let heard = Heard {
            name: self.name.clone(),
            serial: self.serial,
            what: What::Event(Event::Obstructed(obstacle.clone())),
        };
        // A full queue has room at the next look.
        if self.tell.try_send(heard).is_ok() {
            *last = obstacle;
        }
    }
}

/// What is held of one service.
#[derive(Debug)]
pub(super) struct Hands {
    pub(super) nonce: Nonce64,
    pub(super) cgroup: Option<Cgroup>,
    pub(super) process: Option<Arc<Process>>,
    pub(super) group: Option<Arc<Group>>,
    /// The watch over the main process.
    pub(super) watch: Option<Underway>,
    /// Start, probe, hook, or wait for the group to be empty: one at a time.
    pub(super) activity: Option<Underway>,
    /// Tells this activity from the ones before, which may still be heard.
    serial: u64,
    /// Tells this main process from the ones before.
    run: u64,
}

impl Hands {
    pub(super) fn new(nonce: Nonce64) -> Self {
        Self {
            nonce,
            cgroup: None,
            process: None,
            group: None,
            watch: None,
            activity: None,
            serial: 0,
            run: 0,
        }
    }

    /// Whether it has a main process.
    pub(super) const fn has_process(&self) -> bool {
        self.process.is_some()
    }

    /// Its main process; 0: none.
    pub(super) fn pid(&self) -> i32 {
        self.process.as_ref().map_or(0, |process| process.pid)
    }

    /// Watches over the main process.
    pub(super) fn watch(&mut self, run: u64, watch: Underway) {
        self.run = run;
        self.watch = Some(watch);
    }

    /// Whether an event is about what is held now.
    pub(super) const fn is_heard(&self, serial: u64, event: &Event) -> bool {
        match event {
            Event::Exited(_) => serial == self.run,
            _ => serial == self.serial,
        }
    }

    /// The number of the next activity; what the one before says is not heard any more.
    pub(super) fn next_serial(&mut self) -> u64 {
        self.activity = None;
        self.serial += 1;
        self.serial
    }

    /// Holds the main process, started or adopted.
    pub(super) fn hold(&mut self, process: Process) -> Arc<Process> {
        let process = Arc::new(process);
        let group = Group::of(process.clone(), self.nonce, self.cgroup.clone());
        self.process = Some(process.clone());
        self.group = Some(Arc::new(group));
        process
    }

    /// Nothing is left of what was held.
    pub(super) fn let_go(&mut self) {
        self.watch = None;
        self.activity = None;
        self.process = None;
        self.group = None;
    }
}
