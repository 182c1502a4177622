//! The calls by which generations become durable or visible: syncs and renames. A test can watch them, and leave one out.
//!
//! Only builds with debug assertions or the feature `failpoints` can be watched: a release just calls.

use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs::{self, File};
use std::io;
use std::panic::Location;
use std::path::Path;
use std::rc::Rc;

/// True in builds that can be watched.
pub const CAN_BE_WATCHED: bool = cfg!(any(debug_assertions, feature = "failpoints"));

/// A call that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct DurableCall<'c> {
    /// The operation.
    pub operation: DurableOperation,
    /// The file or directory; of two names, the new one.
    pub path: &'c Path,
    /// The caller.
    pub location: &'static Location<'static>,
}

/// An operation that makes something durable or visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurableOperation {
    /// Sync a file's content and mode.
    SyncFile,
    /// Sync a directory's names.
    SyncDirectory,
    /// Give a file another name, in place of the file that has it.
    Rename,
    /// Exchange the files of two names.
    Exchange,
}

/// The fate of a call that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFate {
    /// It is carried out.
    CarriedOut,
    /// Nothing is done, and it succeeds all the same.
    LeftOut,
    /// Nothing is done, and it fails.
    Fails,
}

/// A test that watches the calls of its thread.
pub trait DurableWatcher {
    /// Decides what becomes of a call.
    fn decide(&self, call: &DurableCall<'_>) -> CallFate;
}

impl DurableOperation {
    /// The word for it in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::SyncFile => "sync_file",
            Self::SyncDirectory => "sync_directory",
            Self::Rename => "rename",
            Self::Exchange => "exchange",
        }
    }
}

/// Makes the content and the mode of a file durable, which is at `path`.
#[track_caller]
pub(super) fn sync_file(file: &File, path: &Path) -> io::Result<()> {
    carry_out(DurableOperation::SyncFile, path, || file.sync_all())
}

/// Makes the names in a directory durable.
#[track_caller]
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    carry_out(DurableOperation::SyncDirectory, path, || {
        File::open(path)?.sync_all()
    })
}

/// Gives a file another name, atomically. That is not durable yet.
#[track_caller]
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    carry_out(DurableOperation::Rename, to, || fs::rename(from, to))
}

/// Exchanges the files of two names, atomically. That is not durable yet.
#[track_caller]
pub(super) fn exchange(from: &Path, to: &Path) -> io::Result<()> {
    carry_out(DurableOperation::Exchange, to, || {
        Ok(renameat_with(CWD, from, CWD, to, RenameFlags::EXCHANGE)?)
    })
}

#[cfg(any(debug_assertions, feature = "failpoints"))]
mod watched {
    use super::{CallFate, DurableCall, DurableOperation, DurableWatcher, Location, Path, Rc, io};
    use std::cell::RefCell;

    thread_local! {
        static WATCHER: RefCell<Option<Rc<dyn DurableWatcher>>> = const { RefCell::new(None) };
    }

    /// Ends the watch, even behind a panic.
    struct WatchEnd;

    impl Drop for WatchEnd {
        fn drop(&mut self) {
            WATCHER.take();
        }
    }

    /// Does `work`, all of whose calls on this thread are watched.
    pub fn watch<T>(watcher: Rc<dyn DurableWatcher>, work: impl FnOnce() -> T) -> T {
        WATCHER.set(Some(watcher));
        let _end = WatchEnd;
        work()
    }

    #[track_caller]
    pub(super) fn carry_out(
        operation: DurableOperation,
        path: &Path,
        call: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(watcher) = WATCHER.with_borrow(Clone::clone) else {
            return call();
        };
        let told = DurableCall {
            operation,
            path,
            location: Location::caller(),
        };
        match watcher.decide(&told) {
            CallFate::CarriedOut => call(),
            CallFate::LeftOut => Ok(()),
            CallFate::Fails => Err(io::Error::other("a test wants it to fail")),
        }
    }
}

#[cfg(not(any(debug_assertions, feature = "failpoints")))]
mod watched {
    use super::{DurableOperation, DurableWatcher, Path, Rc, io};

    /// Does `work`, unwatched.
    pub fn watch<T>(_: Rc<dyn DurableWatcher>, work: impl FnOnce() -> T) -> T {
        work()
    }

    pub(super) fn carry_out(
        _: DurableOperation,
        _: &Path,
        call: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        call()
    }
}

use watched::carry_out;
pub use watched::watch;
