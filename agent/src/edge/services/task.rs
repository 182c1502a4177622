//! The task of the supervisor: one `select!` over questions, what processes do, and the clock. Each
//! turns into an event; the supervisor decides; its effects are carried out.

use super::clearing::{clear, settle};
use super::hands::{Hands, Heard, Obstacles, Underway, What};
use super::launch::{Starter, probe, run_hook};
use super::memory::Memory;
use super::pending_adoption::PendingAdoption;
use super::reloading::Reloads;
use super::{Asked, view};
use crate::core::service::Name;
use crate::core::service::machine::{self, Event, Moment};
use crate::core::service::service_file::ServiceFile;
use crate::core::service::supervisor::{Ask, Effect, End, JobId, StopDeadlines, Supervisor, Unit};
use crate::edge::clock::{Clock, unix_ms};
use crate::edge::events::EventBus;
use crate::edge::explained::is_exhausted;
use crate::edge::failpoint::pass;
use crate::edge::logs::Logs;
use crate::edge::process::Process;
use lastword_protocol::message::Reply;
use lastword_protocol::message::service::ServiceRequest;
use lastword_protocol::{Instant, Millis};
use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

/// How long everything may take to stop when the agent ends, before it is killed.
const END_LIMIT: Millis = Millis(30_000);
/// How many events may wait for the task.
pub(super) const HEARD: usize = 256;

/// The task. Build it with [`super::start`], then [`Task::run`] it.
#[derive(Debug)]
pub struct Task {
    pub(super) supervisor: Supervisor,
    pub(super) hands: HashMap<Name, Hands>,
    pub(super) starter: Arc<Starter>,
    pub(super) logs: Logs,
    /// Of all services, for whoever completes one.
    pub(super) names: watch::Sender<Arc<[Name]>>,
    /// The latest ends of stops, for sessions whose clients ask how long.
    pub(super) deadlines: watch::Sender<StopDeadlines>,
    /// Logs that are being opened.
    pub(super) opening: JoinSet<()>,
    pub(super) memory: Memory,
    /// Reloads that were asked for.
    pub(super) reloads: Reloads,
    pub(super) clock: Clock,
    pub(super) asks: mpsc::Receiver<Asked>,
    pub(super) heard: mpsc::Receiver<Heard>,
    pub(super) tell: mpsc::Sender<Heard>,
    pub(super) jobs: HashMap<JobId, (Ask, oneshot::Sender<Vec<Reply>>)>,
    pub(super) last_job: u64,
    pub(super) ending: Option<Ending>,
    /// Whether nothing may start: the board is about to go down.
    pub(super) frozen: watch::Receiver<bool>,
    /// What is to start once it may.
    pub(super) parked: Vec<(Name, Arc<ServiceFile>)>,
    /// Takes what has become of services.
    pub(super) events: EventBus,
    /// What may be of an earlier start of a service: while it runs, nothing of that service starts.
    pub(super) held: HashMap<Name, Vec<Process>>,
    /// Nobody could look yet what an earlier agent has left.
    pub(super) pending_adoption: Option<PendingAdoption>,
    /// The time at which logs of services that run, for which no descriptors were left, are tried again.
    pub(super) log_retry: Option<Instant>,
}

/// Everything is being stopped.
#[derive(Debug)]
pub(super) struct Ending {
    how: End,
    /// Only the board may end: the supervisor goes on.
    stays: bool,
    /// When what is left is killed.
    deadline: Instant,
    /// Who waits for it.
    told: Vec<oneshot::Sender<()>>,
}

impl Task {
    /// Serves until everything was told to end and nothing is left, or nobody can ask any more, or logs can
    /// no longer be written.
    pub async fn run(mut self) {
        while !self.is_over() {
            self.publish_deadlines();
            let deadline = self.deadline();
            // Each arm may be dropped and polled anew: channels, a clock, a save and a reader that go on by themselves.
            tokio::select! {
                biased;
                Some(heard) = self.heard.recv() => self.hear(heard).await,
                Ok(()) = self.frozen.changed() => self.thaw().await,
                () = self.memory.saved() => self.write(),
                read = self.reloads.read() => self.reloaded(read).await,
                () = self.clock.wait(deadline) => self.tick().await,
                () = self.logs.ended() => return,
                asked = self.asks.recv() => match asked {
                    Some(asked) => self.answer(asked).await,
                    None => return,
                },
            }
        }
        self.save();
        self.finish_saving().await;
        self.starter.leave();
    }

    fn is_over(&mut self) -> bool {
        let Some(ending) = &mut self.ending else {
            return false;
        };
        if !self.supervisor.is_quiet(ending.how) {
            return false;
        }
        for told in ending.told.drain(..) {
            // Whoever asked may be gone.
            let _ = told.send(());
        }
        !ending.stays
    }

    /// Nothing may start any more, or all may again.
    async fn thaw(&mut self) {
        if *self.frozen.borrow_and_update() {
            return;
        }
        for (name, rules) in mem::take(&mut self.parked) {
            self.carry(name, rules, machine::Effect::Spawn);
        }
        if self.ending.take_if(|ending| ending.stays).is_some() {
            let effects = self.supervisor.reopen(self.at());
            self.carry_out(effects).await;
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let ending = self.ending.as_ref().map(|ending| ending.deadline);
        let adoption = self.pending_adoption.as_ref().map(PendingAdoption::due);
        [self.supervisor.deadline(), ending, adoption, self.log_retry]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn at(&self) -> Moment {
        Moment {
            now: self.clock.now(),
            unix_ms: unix_ms(),
        }
    }

    async fn tick(&mut self) {
        let at = self.at();
        let is_due = |due: Instant| due <= at.now;
        if self
            .pending_adoption
            .as_ref()
            .is_some_and(|it| is_due(it.due()))
        {
            self.look_again().await;
        }
        if self.log_retry.is_some_and(is_due) {
            self.open_running_logs().await;
        }
        let mut effects = self.supervisor.tick(at);
        if let Some(ending) = &mut self.ending
            && ending.deadline <= at.now
        {
            tracing::warn!(target: "shutdown", task = "services", "the time is over: killing");
            ending.deadline = at.now.after(END_LIMIT);
            effects.extend(self.supervisor.kill(at, ending.how));
        }
        self.carry_out(effects).await;
    }

    /// Takes in what has happened to a service, unless that is a thing of the past.
    async fn hear(&mut self, heard: Heard) {
        let Heard { name, serial, what } = heard;
        let Some(hands) = self.hands.get_mut(&name) else {
            return;
        };
        let event = match what {
            What::Launched(Ok(process)) => {
                // Its number is known from here on, so that nothing is lost if nobody wants it.
                let run = hands.next_serial();
                let process = hands.hold(process);
                let exited = async move { What::Event(Event::Exited(process.exited().await)) };
                let watch = Underway::start(self.tell.clone(), name.clone(), run, exited);
                hands.watch(run, watch);
                pass("start-held");
                tracing::info!(target: "services", %name, pid = hands.pid(), "started");
                Event::Spawned
            }
            What::Launched(Err(error)) => {
                if is_exhausted(&error) {
                    Event::Exhausted(error.to_string())
                } else {
                    tracing::warn!(target: "services", %name, %error, "not started");
                    Event::SpawnFailed(error.to_string())
                }
            }
            What::Event(event) if hands.is_heard(serial, &event) => event,
            What::Event(_) => return,
        };
        if event == Event::Empty {
            hands.let_go();
        }
        let (spawned, empty) = (event == Event::Spawned, event == Event::Empty);
        // What nobody can look at gets no room by that.
        if matches!(event, Event::Exhausted(_)) && self.pending_adoption.is_none() {
            self.close_idle_log().await;
        }
        self.tell(&name, event).await;
        if empty && self.log_retry.is_some() {
            self.open_running_logs().await;
        }
        if spawned {
            pass("start-told");
        }
        if empty {
            pass("empty-told");
        }
    }

    pub(super) async fn tell(&mut self, name: &Name, event: Event) {
        let (spawned, empty) = (event == Event::Spawned, event == Event::Empty);
        tracing::debug!(target: "services", %name, ?event);
        if let Event::Obstructed(why) = &event {
            tracing::info!(target: "services", %name, "not ready: {why}");
        }
        let before = self.supervisor.unit(name).map(Unit::shown);
        let effects = self.supervisor.tell(self.at(), name, event);
        if let Some(unit) = self
            .supervisor
            .unit(name)
            .filter(|unit| Some(unit.shown()) != before)
        {
            view::log_transition(name, unit);
        }
        // One that starts again at once is written down when it has: until then its nonce finds it.
        if spawned || (empty && !self.is_starting(name)) {
            self.save();
        }
        self.carry_out(effects).await;
    }

    fn is_starting(&self, name: &Name) -> bool {
        let unit = self.supervisor.unit(name);
        unit.is_some_and(|unit| unit.machine().has_process())
    }

    pub(super) async fn carry_out(&mut self, effects: Vec<Effect>) {
        self.report_transitions();
        for effect in effects {
            match effect {
                Effect::Service(name, rules, effect) => self.carry(name, rules, effect),
                Effect::Answer(id, answer) => self.finish(id, &answer),
                Effect::Forget(name) => self.forget(&name).await,
            }
        }
    }

    fn carry(&mut self, name: Name, rules: Arc<ServiceFile>, effect: machine::Effect) {
        if effect == machine::Effect::Spawn && *self.frozen.borrow() {
            return self.parked.push((name, rules));
        }
        let held_back = match effect {
            machine::Effect::Spawn => self.held_back(&name),
            _ => None,
        };
        let Some(hands) = self.hands.get_mut(&name) else {
            tracing::error!(target: "services", %name, "nobody knows this service");
            return;
        };
        if effect == machine::Effect::Spawn && held_back.is_none() {
            hands.cgroup = self.starter.fresh_cgroup(&name).unwrap_or_default();
        }
        let serial = hands.next_serial();
        let tell = self.tell.clone();
        let (starter, logs) = (self.starter.clone(), self.logs.clone());
        let nonce = hands.nonce;
        let group = hands.group.clone();
        let told = name.clone();
        hands.activity = Some(match effect {
            machine::Effect::Spawn => Underway::start(tell, told, serial, async move {
                if let Some(error) = held_back {
                    return What::Launched(Err(error));
                }
                What::Launched(starter.start(&name, &rules, nonce).await)
            }),
            machine::Effect::Probe => {
                let obstacles = Obstacles::new(tell.clone(), name.clone(), serial);
                Underway::start(tell, told, serial, async move {
                    let obstructed = |why| obstacles.tell(why);
                    probe(&starter, (&name, &rules), nonce, group, obstructed).await;
                    What::Event(Event::Ready)
                })
            }
            machine::Effect::RunHook => Underway::start(tell, told, serial, async move {
                let trouble = run_hook(&starter, &name, &rules, nonce).await;
                What::Event(Event::HookEnded(trouble))
            }),
            machine::Effect::Clear(signal) => Underway::start(tell, told, serial, async move {
                let signal = super::launch::signal(signal);
                clear(&name, group.as_deref(), Some(signal)).await;
                settle(&logs, &name).await;
                What::Event(Event::Empty)
            }),
            machine::Effect::Kill => Underway::start(tell, told, serial, async move {
                clear(&name, group.as_deref(), None).await;
                settle(&logs, &name).await;
                What::Event(Event::Empty)
            }),
        });
    }

    async fn answer(&mut self, asked: Asked) {
        match asked {
            Asked::Request { request, answer } => self.request(request, answer).await,
            Asked::End { how, stays, done } => self.end(how, stays, done).await,
        }
    }

    async fn end(&mut self, how: End, stays: bool, done: oneshot::Sender<()>) {
        self.look_again().await;
        if let Some(error) = self.unlooked() {
            tracing::error!(target: "shutdown", task = "services", %error, "services may run on");
        }
        let at = self.at();
        match &mut self.ending {
            Some(ending) => {
                // Everything is more than something.
                ending.how = if how == End::All { how } else { ending.how };
                ending.stays &= stays;
                ending.told.push(done);
            }
            None => {
                self.ending = Some(Ending {
                    how,
                    stays,
                    deadline: at.now.after(END_LIMIT),
                    told: vec![done],
                });
            }
        }
        let effects = self.supervisor.end(at, how);
        self.carry_out(effects).await;
        for (name, _) in mem::take(&mut self.parked) {
            let nothing = Event::SpawnFailed("nothing may start now".to_owned());
            self.tell(&name, nothing).await;
        }
    }

    async fn request(&mut self, request: ServiceRequest, answer: oneshot::Sender<Vec<Reply>>) {
        pass("in-supervisor");
        if let Some(ask) = Ask::of(&request) {
            return self.ask(ask, answer).await;
        }
        match request {
            ServiceRequest::Reload => self.reloads.ask(&self.memory, answer),
            ServiceRequest::Logs(logs) => {
                let name = Name::try_from(logs.name.as_str()).ok();
                match name.filter(|name| self.supervisor.unit(name).is_some()) {
                    Some(name) => self.open_log(&name).await,
                    None => self.finish_opening().await,
                }
                let replies = super::reading::end(&self.supervisor, &self.logs, &logs.name);
                // Whoever asked may be gone.
                drop(answer.send(replies));
            }
            // The session has the pages.
            request => view::answer(
                &self.supervisor,
                (&self.hands, &self.logs, self.memory.stamps()),
                &request,
                answer,
            ),
        }
    }
}
