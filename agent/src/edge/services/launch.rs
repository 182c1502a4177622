//! Starts what a service's file names: its process, its probe, its stop hook.

use crate::core::service::Name;
use crate::core::service::service_file::{Probe, ServiceFile, StopSignal};
use crate::edge::failpoint::pass;
use crate::edge::file_limit;
use crate::edge::logs::{Ends, Logs};
use crate::edge::process::{
    AgentMarks, Cgroup, Cgroups, Exit, Group, Identity, Launch, Nonce64, NotifySocket, Process,
    User, exec_ready, keep_low, launch, tcp_ready,
};
use crate::edge::threads::{self, Few};
use lastword_protocol::BootId;
use nix::sys::signal::Signal;
use nix::unistd::fchown;
use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::num::NonZero;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many processes are being started at once at most. Each takes a processor for about a millisecond.
const AT_ONCE: usize = 4;
/// How many descriptors a service takes while it is started: two FIFOs, a log and its index, the process, two
/// ends of FIFOs, and the group, of which five stay.
pub(super) const START_DESCRIPTORS: u64 = 9;
/// How many of these an open log takes: two FIFOs, the log and its index.
pub(super) const LOG_DESCRIPTORS: u64 = 4;
/// The descriptor that a process takes that is held.
pub(super) const PROCESS_DESCRIPTORS: u64 = 1;
/// What starting a process takes of a thread's stack at most, in bytes; the new process has its own.
const STACK_BYTES: usize = 512 << 10;

/// What every start needs.
#[derive(Debug)]
pub(super) struct Starter {
    logs: Logs,
    marks: AgentMarks,
    /// Where the sockets are on which services tell that they are ready.
    sockets: PathBuf,
    /// Those that are open.
    open: Mutex<HashMap<Name, Arc<NotifySocket>>>,
    slots: Arc<Semaphore>,
    threads: Few,
}

impl Starter {
    /// # Errors
    ///
    /// If there is no room for its threads.
    pub(super) fn new(logs: Logs, cgroups: Option<Cgroups>, state: &Path) -> io::Result<Self> {
        let processors = available_parallelism().map_or(1, NonZero::get);
        let at_once = processors.clamp(2, AT_ONCE);
        if let Err(error) = keep_low(at_once) {
            tracing::debug!(target: "services", %error, "services start more slowly");
        }
        Ok(Self {
            marks: AgentMarks {
                state: state.to_owned(),
                fifos: logs.fifos().to_owned(),
                cgroups,
            },
            logs,
            sockets: state.join("notify"),
            open: Mutex::default(),
            slots: Arc::new(Semaphore::new(at_once)),
            threads: Few::start("start", at_once, STACK_BYTES)?,
        })
    }

    /// Starts a service's process.
    pub(super) async fn start(
        &self,
        name: &Name,
        rules: &ServiceFile,
        nonce: Nonce64,
    ) -> io::Result<Process> {
        pass("start-ordered");
        let slot = self.slot().await?;
        // Hundreds may wait for a slot: what is needed from here on, they do not hold yet.
        let started = Box::pin(async {
            let is_open = self.logs.readers().is_open(name.as_str());
            let has = if is_open { LOG_DESCRIPTORS } else { 0 };
            let _claim = file_limit::claim(START_DESCRIPTORS - has)?;
            let mut order = self.order(name, rules, nonce).await?;
            if rules.ready.probe == Probe::Notify {
                order.notify = Some(self.listen(name, order.user.is_some())?);
            }
            self.launch(name, rules, order, slot).await
        });
        let started = started.await;
        pass("start-launched");
        started
    }

    async fn slot(&self) -> io::Result<OwnedSemaphorePermit> {
        let slot = self.slots.clone().acquire_owned().await;
        slot.map_err(io::Error::other)
    }

    async fn launch(
        &self,
        name: &Name,
        rules: &ServiceFile,
        order: Launch,
        slot: OwnedSemaphorePermit,
    ) -> io::Result<Process> {
        let ends = self.ends(name, rules).await?;
        if let Some(user) = &order.user {
            // So that it may open /dev/stdout by name.
            for end in [&ends.out, &ends.err] {
                fchown(end, Some(user.uid), None)?;
            }
        }
        let started = threads::run(&self.threads, move || {
            let started = launch(&order, ends.out.as_fd(), ends.err.as_fd());
            drop(slot);
            started
        });
        started
            .await
            .map_err(|panicked| io::Error::other(panicked.to_string()))?
    }

    /// What a service's file says, as an order.
    async fn order(&self, name: &Name, rules: &ServiceFile, nonce: Nonce64) -> io::Result<Launch> {
        let program = &rules.program;
        let user = match program.user.clone() {
            Some(user) => Some(self.user(name, user).await?),
            None => None,
        };
        Ok(Launch {
            name: name.as_str().to_owned(),
            program: PathBuf::from(&program.command),
            args: program.args.iter().map(Into::into).collect(),
            inherited: program.inherited.clone(),
            env: program.env.clone(),
            directory: program.working_dir.clone(),
            user,
            nonce,
            state: self.marks.state.clone(),
            cgroup: self.cgroup(name)?,
            notify: None,
        })
    }

    /// Whom a service runs as, if it can: a directory service may take its time to tell.
    async fn user(&self, name: &Name, user: String) -> io::Result<User> {
        let found = threads::run(&self.threads, move || User::find(&user)).await;
        let found = found.map_err(|panicked| io::Error::other(panicked.to_string()))??;
        let refused = |obstacle| {
            let message = format!("cannot start {name}: {obstacle}");
            io::Error::new(io::ErrorKind::PermissionDenied, message)
        };
        found.obstacle().map_or(Ok(found), |it| Err(refused(it)))
    }

    /// What is left on every process that this agent starts.
    pub(super) const fn marks(&self) -> &AgentMarks {
        &self.marks
    }

    /// Takes over the process that was started for a service, if it is verifiably that one.
    ///
    /// # Errors
    ///
    /// If nobody can look.
    pub(super) fn adopt(
        &self,
        name: &Name,
        identity: &Identity,
        boot: BootId,
    ) -> io::Result<Option<Process>> {
        let cgroup = self.cgroup(name).ok().flatten();
        let log = Some((self.marks.fifos.as_path(), name.as_str()));
        Process::adopt(identity, boot, cgroup.as_ref(), log)
    }

    pub(super) fn cgroup(&self, name: &Name) -> io::Result<Option<Cgroup>> {
        let cgroups = self.marks.cgroups.as_ref();
        cgroups.map(|it| it.service(name.as_str())).transpose()
    }

    /// As [`Starter::cgroup`], for its next start.
    pub(super) fn fresh_cgroup(&self, name: &Name) -> io::Result<Option<Cgroup>> {
        let cgroups = self.marks.cgroups.as_ref();
        cgroups.map(|it| it.renew(name.as_str())).transpose()
    }

    /// A service is gone for good: so is its group.
    pub(super) fn forget(&self, name: &Name) {
        let removed = self
            .cgroup(name)
            .and_then(|it| it.map_or(Ok(()), |it| it.remove()));
        if let Err(error) = removed {
            tracing::debug!(target: "services", %name, %error, "its cgroup stays");
        }
    }

    /// The supervisor ends. Groups in which something is to run on stay.
    pub(super) fn leave(&self) {
        if let Some(Err(error)) = self.marks.cgroups.as_ref().map(Cgroups::remove) {
            tracing::debug!(target: "services", %error, "the cgroup of the services stays");
        }
    }

    /// What its processes write to.
    async fn ends(&self, name: &Name, rules: &ServiceFile) -> io::Result<Ends> {
        match self.logs.ends(name.as_str()) {
            Ok(ends) => Ok(ends),
            // It is not open yet, or it could not be opened when its file was read.
            Err(_) => self.logs.attach(name.as_str(), rules.log).await,
        }
    }

    /// Opens a socket for a service that tells when it is ready; returns its address.
    fn listen(&self, name: &Name, is_another_users: bool) -> io::Result<PathBuf> {
        let (socket, path) = if is_another_users {
            NotifySocket::bind_abstract()?
        } else {
            std::fs::create_dir_all(&self.sockets)?;
            let path = self.sockets.join(name.as_str());
            (NotifySocket::bind(&path)?, path)
        };
        let socket = Arc::new(socket);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(name.clone(), socket);
        Ok(path)
    }

    fn socket(&self, name: &Name) -> Option<Arc<NotifySocket>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(name)
    }
}

/// Waits until a service is ready, however long that takes. `obstructed` is told what is in the way.
pub(super) async fn probe(
    starter: &Starter,
    (name, rules): (&Name, &ServiceFile),
    nonce: Nonce64,
    group: Option<Arc<Group>>,
    obstructed: impl Fn(String) + Sync,
) {
    let probed = match &rules.ready.probe {
        Probe::None => Ok(()),
        Probe::Tcp(port) => match group {
            Some(group) => {
                tcp_ready(*port, &group, &obstructed).await;
                Ok(())
            }
            None => Err(io::ErrorKind::NotConnected.into()),
        },
        Probe::Notify => match (starter.socket(name), group) {
            (Some(socket), Some(group)) => socket.ready(&group).await,
            _ => Err(io::ErrorKind::NotConnected.into()),
        },
        Probe::Exec(words) => match command(starter, name, rules, nonce, words).await {
            Ok(order) => exec_ready(order).await,
            Err(error) => Err(error),
        },
    };
    if let Err(error) = probed {
        tracing::warn!(target: "services", %name, %error, "cannot probe whether it is ready");
        obstructed(format!("cannot probe whether it is ready: {error}"));
        // The time it has to be ready runs out.
        pending::<()>().await;
    }
}

/// Runs the stop hook to its end, and says what was wrong with it.
pub(super) async fn run_hook(
    starter: &Starter,
    name: &Name,
    rules: &ServiceFile,
    nonce: Nonce64,
) -> Option<String> {
    let hook = rules.stop.hook.clone()?;
    let words = ["/bin/sh".to_owned(), "-c".to_owned(), hook];
    let run = async {
        let order = command(starter, name, rules, nonce, &words).await?;
        let slot = starter.slot().await?;
        starter.launch(name, rules, order, slot).await
    };
    match run.await {
        Ok(process) => {
            let exit = process.exited().await;
            pass("hook-ended");
            (exit != Exit::Code(0)).then(|| exit.to_string())
        }
        Err(error) => Some(error.to_string()),
    }
}

/// A command that runs as the service does.
async fn command(
    starter: &Starter,
    name: &Name,
    rules: &ServiceFile,
    nonce: Nonce64,
    words: &[String],
) -> io::Result<Launch> {
    let mut order = starter.order(name, rules, nonce).await?;
    if let Some((program, args)) = words.split_first() {
        order.program = PathBuf::from(program);
        order.args = args.iter().map(Into::into).collect();
    }
    Ok(order)
}

/// The signal as the kernel knows it.
pub(super) const fn signal(signal: StopSignal) -> Signal {
    match signal {
        StopSignal::Hup => Signal::SIGHUP,
        StopSignal::Int => Signal::SIGINT,
        StopSignal::Quit => Signal::SIGQUIT,
        StopSignal::Kill => Signal::SIGKILL,
        StopSignal::Usr1 => Signal::SIGUSR1,
        StopSignal::Usr2 => Signal::SIGUSR2,
        StopSignal::Term => Signal::SIGTERM,
    }
}
