//! What the supervisor reads and writes: service files, and `state.json`.

use super::files::{ReadFiles, STACK_BYTES, ServiceFiles};
use super::hands::Hands;
use super::stamps::FileStamps;
use crate::core::service::Name;
use crate::core::service::registry::{Component, Kind, Origin, Registry};
use crate::core::service::supervisor::{Supervisor, Unit};
use crate::edge::clock::unix_ms;
use crate::edge::generation_link::CurrentLink;
use crate::edge::process::Nonce64;
use crate::edge::store::Files;
use crate::edge::threads::{OneEach, Threads};
use lastword_protocol::BootId;
use lastword_protocol::message::Reply;
use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

/// Where things are, and what this agent is.
#[derive(Clone, Debug)]
pub struct About {
    /// The directory of the service files.
    pub services: PathBuf,
    /// The Unix socket.
    pub socket: PathBuf,
    /// The directory of generations, whose current one has service files, too; `None`: there are none.
    pub generations: Option<PathBuf>,
    /// This boot.
    pub boot: BootId,
}

/// Reads service files and writes `state.json`: one write at a time, the latest state last.
#[derive(Debug)]
pub(super) struct Memory {
    service_files: ServiceFiles,
    about: About,
    started_at_ms: u64,
    /// The agent's own process.
    own: Component,
    files: Files,
    threads: OneEach,
    /// Tells how it went when what is being written is.
    saving: Option<oneshot::Receiver<io::Result<()>>>,
    /// The last write has failed.
    is_failing: bool,
    /// When the next write may begin.
    next: Option<Instant>,
    /// How many writes have begun.
    begun: u64,
    held: Vec<Held>,
    /// What has changed since is to be written when that is done.
    changed: bool,
    stamps: FileStamps,
}

/// How long after a write has begun the next one may: while hundreds of services start, one for each would
/// take a fifth of the processors' time.
const APART: Duration = Duration::from_millis(25);

/// How long after a write that has failed the next one may begin.
const RETRY: Duration = Duration::from_secs(1);

/// An answer that waits until what it tells of is written.
#[derive(Debug)]
struct Held {
    /// Which write has it.
    write: u64,
    replies: Vec<Reply>,
    told: oneshot::Sender<Vec<Reply>>,
}

impl Memory {
    pub(super) fn new(about: About, files: Files) -> Self {
        let pid = std::process::id();
        let number = i32::try_from(pid).unwrap_or_default();
        let own = Component {
            name: "lastwordd".to_owned(),
            kind: Kind::System,
            pid: number,
            pgid: nix::unistd::getpgrp().as_raw(),
            start_time: crate::edge::process::start_time(number).unwrap_or_default(),
            boot_id: about.boot,
            nonce: String::new(),
            restart_count: 0,
            manifest_digest: None,
        };
        Self {
            service_files: ServiceFiles::new(about.services.clone()),
            about,
            started_at_ms: unix_ms(),
            own,
            files,
            threads: OneEach::with_stack(STACK_BYTES),
            saving: None,
            is_failing: false,
            next: None,
            begun: 0,
            held: Vec::new(),
            changed: false,
            stamps: FileStamps::default(),
        }
    }

    /// This boot.
    pub(super) const fn boot(&self) -> BootId {
        self.about.boot
    }

    /// The directory of the service files.
    pub(super) fn services(&self) -> &Path {
        &self.about.services
    }

    /// A nonce for a new service.
    pub(super) fn fresh_nonce() -> Nonce64 {
        Nonce64::fresh().unwrap_or_else(|error| {
            tracing::error!(target: "services", %error, "nonces are made of the time");
            Nonce64(unix_ms().wrapping_mul(0x9E37_79B9_7F4A_7C15))
        })
    }

    /// What there is to remember now.
    pub(super) fn registry(
        &self,
        supervisor: &Supervisor,
        hands: &HashMap<Name, Hands>,
    ) -> Registry {
        let service = |(name, held): (&Name, &Hands)| Component {
            name: name.as_str().to_owned(),
            kind: Kind::Service,
            pid: held.pid(),
            pgid: held.pid(),
            start_time: held.process.as_ref().map_or(0, |it| it.start_time),
            boot_id: self.about.boot,
            nonce: held.nonce.to_string(),
            restart_count: supervisor
                .unit(name)
                .map_or(0, |it| it.machine().restarts()),
            manifest_digest: supervisor.unit(name).and_then(Unit::digest),
        };
        let mut services: Vec<_> = hands.iter().map(service).collect();
        services.sort_by(|one, other| one.name.cmp(&other.name));
        let mut components = vec![self.own.clone()];
        components.append(&mut services);
        let origin = Origin {
            manifest_path: self.about.services.clone(),
            boot_pid: std::process::id(),
            started_at_ms: self.started_at_ms,
            endpoint: self.about.socket.clone(),
        };
        Registry::new(origin, components)
    }

    /// Something is different now, and is to be written soon.
    pub(super) const fn change(&mut self) {
        self.changed = true;
    }

    /// Whether [`Memory::write`] is to be called: something has changed, nothing is being written, and
    /// the last write is a while ago.
    pub(super) const fn wants_to_write(&self) -> bool {
        self.changed && self.saving.is_none() && self.next.is_none()
    }

    /// Begins to write this.
    pub(super) fn write(&mut self, registry: Registry) {
        self.changed = false;
        self.begun += 1;
        self.next = Some(Instant::now() + APART);
        let mut files = self.files.clone();
        let (done, saving) = oneshot::channel();
        self.saving = Some(saving);
        self.threads.start(Box::new(move || {
            // Whoever wrote it may be gone.
            let _ = done.send(registry.save(&mut files));
        }));
    }

    /// Answers when everything that has changed so far is written: an agent that dies behind its answer must
    /// not leave one that knows nothing of it.
    pub(super) fn answer(&mut self, told: oneshot::Sender<Vec<Reply>>, replies: Vec<Reply>) {
        let write = match (self.changed, self.is_saving()) {
            (true, _) => self.begun + 1,
            (false, true) => self.begun,
            // Whoever asked may be gone.
            (false, false) => return drop(told.send(replies)),
        };
        self.held.push(Held {
            write,
            replies,
            told,
        });
    }

    /// Whether anything is being written.
    pub(super) const fn is_saving(&self) -> bool {
        self.saving.is_some()
    }

    /// Waits for a write to be over, and for the next to be due. Never returns if there is none.
    /// Cancel-safe.
    pub(super) async fn saved(&mut self) {
        self.finish().await;
        let Some(next) = self.next else {
            return pending().await;
        };
        sleep_until(next).await;
        self.next = None;
    }

    /// Waits for a write to be over, and answers whoever waits for it. Cancel-safe.
    async fn finish(&mut self) {
        let Some(saving) = &mut self.saving else {
            return;
        };
        // The log has why, if it panicked.
        let saved = saving.await.unwrap_or(Ok(()));
        self.saving = None;
        self.note(saved);
        for held in self.held.extract_if(.., |held| held.write <= self.begun) {
            // Whoever asked may be gone.
            let _ = held.told.send(held.replies);
        }
    }

    /// Tries again later what could not be written, and says so once.
    fn note(&mut self, saved: io::Result<()>) {
        let was_failing = std::mem::replace(&mut self.is_failing, saved.is_err());
        match saved {
            Ok(()) if was_failing => {
                tracing::info!(target: "services", "state.json is written again");
            }
            Ok(()) => {}
            Err(error) => {
                if !was_failing {
                    tracing::error!(target: "services", %error,
                        "state.json cannot be written; trying again every {RETRY:?}");
                }
                self.changed = true;
                self.next = Some(Instant::now() + RETRY);
            }
        }
    }

    /// As [`Memory::saved`], without waiting for more than the write. Whether another is wanted, and could
    /// help.
    pub(super) async fn hurry(&mut self) -> bool {
        self.finish().await;
        if self.is_failing {
            return false;
        }
        self.next = None;
        self.changed
    }

    /// The files as they were when they were last read.
    pub(super) fn stamps(&self) -> FileStamps {
        self.stamps.clone()
    }

    /// Notes the files as they were when they were read.
    pub(super) fn note_stamps(&mut self, stamps: FileStamps) {
        self.stamps = stamps;
    }

    /// Begins to read the service files. If nothing comes of it, a panic was the end of that.
    pub(super) fn start_reading(&self) -> oneshot::Receiver<ReadFiles> {
        let service_files = self.service_files.clone();
        let generations = self.about.generations.clone();
        let (tell, told) = oneshot::channel();
        self.threads.start(Box::new(move || {
            let mut read = service_files.read();
            if let Some(tree) = generations.and_then(current_tree) {
                read = read.and_generation(ServiceFiles::of_generation(&tree).read());
            }
            // Nobody may wait for it any more.
            drop(tell.send(read));
        }));
        told
    }
}

/// Returns the tree of the generation whose services run, if there is one: under its own name, so that what is started from
/// it does not change when the link does.
fn current_tree(generations: PathBuf) -> Option<PathBuf> {
    let link = CurrentLink::of_services(generations);
    let current = link.read().ok()?.current()?;
    Some(link.tree(current))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::store::StateDirectory;
    use crate::edge::threads::NO_ROOM;
    use std::fs;

    #[tokio::test]
    async fn files_are_read_and_written_where_there_is_no_room_for_a_thread() {
        let place = tempfile::tempdir().expect("a directory");
        let state = StateDirectory::open(place.path()).expect("opens");
        fs::write(place.path().join("one.kdl"), "command \"true\"").expect("a file");
        let about = About {
            services: place.path().to_owned(),
            socket: PathBuf::new(),
            generations: None,
            boot: BootId([7; 16]),
        };
        let mut memory = Memory::new(about, state.files());
        memory.threads = NO_ROOM;
        memory.service_files = memory.service_files.on(NO_ROOM);
        let read = memory.start_reading().await.expect("no panic");
        assert_eq!(read.catalog().services.len(), 1);
        let registry = memory.registry(&Supervisor::new(1), &HashMap::new());
        memory.write(registry);
        memory.saved().await;
        assert!(place.path().join("state.json").exists());
        assert!(!memory.is_saving());
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_written_is_written_later_and_nobody_waits_for_it() {
        let place = tempfile::tempdir().expect("a directory");
        let state = StateDirectory::open(place.path()).expect("opens");
        let in_the_way = place.path().join("state.json.new");
        fs::create_dir(&in_the_way).expect("a directory");
        let about = About {
            services: place.path().to_owned(),
            socket: PathBuf::new(),
            generations: None,
            boot: BootId([7; 16]),
        };
        let mut memory = Memory::new(about, state.files());
        let registry = memory.registry(&Supervisor::new(1), &HashMap::new());
        memory.change();
        let (told, answer) = oneshot::channel();
        memory.answer(told, Vec::new());
        memory.write(registry.clone());
        assert!(!memory.hurry().await, "more writing would not help");
        assert_eq!(answer.await, Ok(Vec::new()));
        assert!(!memory.wants_to_write(), "not at once");
        memory.saved().await;
        assert!(memory.wants_to_write());
        fs::remove_dir(&in_the_way).expect("empty");
        memory.write(registry);
        memory.saved().await;
        assert!(!memory.wants_to_write());
        assert!(place.path().join("state.json").exists());
    }
}
