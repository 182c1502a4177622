//! Which service files have changed since they were read: stat(2) tells, without reading them.

use crate::core::service::Name;
use crate::core::service::answer::and_changed_files;
use crate::core::service::catalog::SUFFIX;
use crate::core::service::supervisor::Target;
use crate::edge::clock::Clock;
use crate::edge::tasks;
use crate::edge::threads::{self, OneEach};
use lastword_protocol::message::Reply;
use lastword_protocol::{Instant, Millis};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

/// The longest time that an answer waits for a look at the files: what was seen before is told then.
const LOOK_LIMIT: Millis = Millis(250);

/// The service files as they were when they were read. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct FileStamps(Arc<StampedFiles>);

#[derive(Debug)]
struct StampedFiles {
    directory: PathBuf,
    /// `None`: it could not be read in time, so nobody looks at it again before it is.
    files: BTreeMap<Name, Option<FileStamp>>,
    /// One look at a time: of a disk that hangs no more than one thread is left behind.
    looks: Arc<Semaphore>,
    last_look: Mutex<LastLook>,
    clock: Clock,
}

/// A look at the files.
#[derive(Debug, Default)]
struct LastLook {
    /// The time since when it is under way, if it is.
    since: Option<Instant>,
    /// The names of the files that are other than they were, gone, or new, as far as it has come.
    changed: BTreeSet<Name>,
}

/// What differs once a file was written to, replaced or renamed: device, inode, length, and the times of its
/// last modification and change, in seconds and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileStamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Default for FileStamps {
    fn default() -> Self {
        Self::new(PathBuf::new(), BTreeMap::new())
    }
}

impl FileStamps {
    /// The files of a directory as they were before each was read.
    pub(super) fn new(directory: PathBuf, files: BTreeMap<Name, Option<FileStamp>>) -> Self {
        Self(Arc::new(StampedFiles {
            directory,
            files,
            looks: Arc::new(Semaphore::new(1)),
            last_look: Mutex::default(),
            clock: Clock::start(),
        }))
    }

    /// Returns the names of the files that are other than they were, gone, or new; as they were seen last, if the disk
    /// takes too long.
    pub(super) async fn changed(&self) -> BTreeSet<Name> {
        if !self.0.hangs() {
            // What was seen by then is told.
            let _ = timeout(Duration::from_millis(LOOK_LIMIT.0), self.look()).await;
        }
        self.0.last_look().changed.clone()
    }

    async fn look(&self) {
        let Ok(place) = self.0.looks.clone().acquire_owned().await else {
            return;
        };
        let stamped = self.0.clone();
        let look = move || {
            // It is free again when the disk has answered.
            let _place = place;
            stamped.look();
        };
        // The log has why, if it panicked.
        let _ = threads::run(&OneEach::default(), look).await;
    }

    /// Returns what takes the answer to a start, and hands it on with a word for each service whose file has
    /// changed.
    pub(super) fn remark(
        self,
        target: Target,
        answer: oneshot::Sender<Vec<Reply>>,
    ) -> oneshot::Sender<Vec<Reply>> {
        let (told, replies) = oneshot::channel();
        tasks::spawn("changed files", async move {
            // Nobody answers once the supervisor has ended.
            let Ok(replies) = replies.await else { return };
            let changed = self.changed().await;
            // Whoever asked may be gone.
            let _ = answer.send(and_changed_files(replies, &target, &changed));
        });
        told
    }
}

impl StampedFiles {
    /// Returns whether a look takes too long.
    fn hangs(&self) -> bool {
        let since = self.last_look().since;
        since.is_some_and(|since| LOOK_LIMIT <= self.clock.now().since(since))
    }

    /// Compares the files with their stamps. Waits for the disk.
    fn look(&self) {
        self.last_look().since = Some(self.clock.now());
        let mut gone: BTreeSet<&Name> = self.files.keys().collect();
        let entries = fs::read_dir(&self.directory).into_iter().flatten();
        for entry in entries.flatten() {
            let file_name = entry.file_name();
            let stem = file_name.to_str().and_then(|it| it.strip_suffix(SUFFIX));
            let Some(Ok(name)) = stem.map(Name::try_from) else {
                continue;
            };
            let known = self.files.get(&name);
            gone.remove(&name);
            if known == Some(&None) {
                continue;
            }
            let differs = FileStamp::of(&entry.path()) != known.copied().flatten();
            self.note(name, differs);
        }
        for name in gone {
            let was_read = self.files.get(name).is_some_and(Option::is_some);
            self.note(name.clone(), was_read);
        }
        self.last_look().since = None;
    }

    fn note(&self, name: Name, is_changed: bool) {
        let changed = &mut self.last_look().changed;
        if is_changed {
            changed.insert(name);
        } else {
            changed.remove(&name);
        }
    }

    fn last_look(&self) -> MutexGuard<'_, LastLook> {
        self.last_look
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl FileStamp {
    /// Looks at a file, or where a link leads; `None` if nothing is there. Waits for the disk.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let file = fs::metadata(path).ok()?;
        Some(Self {
            device: file.dev(),
            inode: file.ino(),
            length: file.len(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an edit of one of two files does, and whose file it changes.
    #[track_caller]
    fn check(edit: impl Fn(&Path), changed: &[&str]) {
        let place = tempfile::tempdir().expect("a directory");
        let path = |name: &str| place.path().join(name);
        for name in ["a.kdl", "b.kdl", "notes.txt"] {
            fs::write(path(name), "command \"x\"").expect("a file");
        }
        let stamped = ["a", "b"].map(|stem| {
            let stamp = FileStamp::of(&path(&format!("{stem}.kdl")));
            (Name::try_from(stem).expect("a name"), stamp)
        });
        let stamps = FileStamps::new(place.path().to_owned(), stamped.into());
        edit(place.path());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let found = runtime.expect("a runtime").block_on(stamps.changed());
        let found: Vec<_> = found.iter().map(Name::as_str).collect();
        assert_eq!(found, changed);
    }

    #[test]
    fn whatever_an_editor_does_to_a_file_changes_it_and_no_other() {
        let write = |path: &Path, text: &str| fs::write(path, text).expect("a file");
        check(|_| {}, &[]);
        check(
            |place| write(&place.join("a.kdl"), "command \"yy\""),
            &["a"],
        );
        check(
            |place| {
                write(&place.join("new"), "command \"y\"");
                fs::rename(place.join("new"), place.join("b.kdl")).expect("renamed");
            },
            &["b"],
        );
        check(
            |place| fs::remove_file(place.join("a.kdl")).expect("there"),
            &["a"],
        );
        check(|place| write(&place.join("c.kdl"), ""), &["c"]);
        for left in [".a.kdl.swp", ".c.kdl", "A.kdl", "notes.txt", "c.kdl~"] {
            check(|place| write(&place.join(left), "new"), &[]);
        }
    }
}
