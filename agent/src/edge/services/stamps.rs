//! Which service files have changed since they were read: stat(2) tells, without reading them.

use super::files::FILE_LIMIT;
use crate::core::service::Name;
use crate::core::service::answer::and_changed_files;
use crate::core::service::catalog::SUFFIX;
use crate::core::service::supervisor::Target;
use crate::edge::tasks;
use crate::edge::threads::{self, OneEach};
use lastword_protocol::message::Reply;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The service files as they were when they were read. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct FileStamps(Arc<Stamped>);

#[derive(Debug, Default)]
struct Stamped {
    directory: PathBuf,
    files: BTreeMap<Name, FileStamp>,
}

/// What differs once a file was written to, replaced or renamed: device, inode, length, and the times of its
/// last modification and change, in seconds and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileStamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileStamps {
    /// The files of a directory as they are now. Waits for the disk.
    pub(super) fn of(directory: PathBuf) -> Self {
        let files = stamps(&directory);
        Self(Arc::new(Stamped { directory, files }))
    }

    /// Returns whose files are other than they were, gone, or new.
    pub(super) async fn changed(&self) -> BTreeSet<Name> {
        let stamped = self.0.clone();
        let compare = move || {
            let now = stamps(&stamped.directory);
            let names = stamped.files.keys().chain(now.keys());
            let differs = |name: &&Name| stamped.files.get(name) != now.get(name);
            names.filter(differs).cloned().collect()
        };
        let compared = timeout(FILE_LIMIT, threads::run(&OneEach::default(), compare)).await;
        // The log has why, if it panicked; of a disk that hangs nothing is known.
        compared.ok().and_then(Result::ok).unwrap_or_default()
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

fn stamps(directory: &Path) -> BTreeMap<Name, FileStamp> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let stamps = entries.filter_map(|entry| {
        let name = entry.file_name();
        let stem = name.to_str()?.strip_suffix(SUFFIX)?;
        let name = Name::try_from(stem).ok()?;
        // A link leads to what is read.
        Some((name, FileStamp::new(&fs::metadata(entry.path()).ok()?)))
    });
    stamps.collect()
}

impl FileStamp {
    fn new(file: &fs::Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
            length: file.len(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
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
        let stamps = FileStamps::of(place.path().to_owned());
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
