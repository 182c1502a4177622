//! A disk that knows what of its files and names is durable, and stops or refuses at any operation.

use super::medium::DiskMedium;
use lastword_agent::core::storage::Storage;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::panic::Location;

/// A place in the real code that calls an operation which makes something durable, or visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallSite {
    /// The request to the real code: `save`, say.
    pub action: &'static str,
    /// The operation.
    pub operation: &'static str,
    /// The caller's file, as the compiler knows it.
    pub file: &'static str,
    /// The caller's line.
    pub line: u32,
}

impl fmt::Display for CallSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            action,
            operation,
            file,
            line,
        } = self;
        write!(f, "{operation} at {file}:{line} in {action}")
    }
}

/// The kind of an operation, and what of it can be half done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OperationKind {
    Write,
    Append,
    Sync,
    Rename,
    Remove,
    SyncNames,
}

impl OperationKind {
    /// Returns the number of places in it where the power can fail: before it, and in the middle.
    pub(super) const fn cut_places(self) -> u8 {
        match self {
            // Behind the removal of the old file, the making of the new one, and 1, half, all but 1 byte.
            Self::Write => 6,
            Self::Append => 4,
            // In the middle of these, any of what is pending is durable: that is what a cut before them is.
            Self::Sync | Self::Rename | Self::Remove | Self::SyncNames => 1,
        }
    }

    /// Returns the number of ways in which it can fail.
    pub(super) const fn failures(self) -> u8 {
        match self {
            Self::Write => 6,
            // With all bytes written, too.
            Self::Append => 5,
            // With what was pending still so, or forgotten: Linux reports it once.
            Self::Sync | Self::SyncNames => 2,
            Self::Rename | Self::Remove => 1,
        }
    }
}

/// A fault, at an operation's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DiskFault {
    /// Nothing happens any more: the process was killed, or the power has failed.
    Cut { at: usize, place: u8 },
    /// The operation fails in one of its ways.
    Failure { at: usize, way: u8 },
    /// The disk is full from this operation on, for so many.
    Full {
        at: usize,
        way: u8,
        operations: usize,
    },
}

/// A disk with the faults that are planned for it. It counts operations from 0.
#[derive(Debug, Default)]
pub(super) struct SimulatedDisk {
    pub(super) medium: DiskMedium,
    pub(super) faults: Vec<DiskFault>,
    /// A call that is left out, and succeeds.
    pub(super) skipped: Option<CallSite>,
    /// The request to the real code that is under way.
    pub(super) action: &'static str,
    pub(super) operations: Vec<OperationKind>,
    /// The calls that were made, if they are traced.
    pub(super) sites: Option<BTreeSet<CallSite>>,
    /// The number of operations that have failed.
    pub(super) failed: usize,
    pub(super) is_cut: bool,
}

/// The fate of an operation.
enum OperationFate {
    Done,
    Skipped,
    /// It is done up to this place, and fails.
    Fails(u8),
}

impl SimulatedDisk {
    fn begin(&mut self, kind: OperationKind) -> OperationFate {
        if self.is_cut {
            return OperationFate::Fails(0);
        }
        let number = self.operations.len();
        self.operations.push(kind);
        for fault in &self.faults {
            match *fault {
                DiskFault::Cut { at, place } if at == number => {
                    self.is_cut = true;
                    return OperationFate::Fails(place);
                }
                DiskFault::Failure { at, way } if at == number => {
                    self.failed += 1;
                    return OperationFate::Fails(way);
                }
                DiskFault::Full {
                    at,
                    way,
                    operations,
                } if (at..at + operations).contains(&number) && kind.takes_room() => {
                    self.failed += 1;
                    return OperationFate::Fails(way);
                }
                _ => {}
            }
        }
        OperationFate::Done
    }

    /// As [`Self::begin`], for a call that a mutant may leave out.
    fn begin_at(
        &mut self,
        kind: OperationKind,
        operation: &'static str,
        location: &'static Location<'static>,
    ) -> OperationFate {
        let site = CallSite {
            action: self.action,
            operation,
            file: location.file(),
            line: location.line(),
        };
        let course = self.begin(kind);
        if self.is_cut {
            return course;
        }
        if let Some(sites) = &mut self.sites {
            sites.insert(site);
        }
        if self.skipped == Some(site) {
            return OperationFate::Skipped;
        }
        course
    }

    fn refusal(&self) -> io::Error {
        if self.is_cut {
            return io::Error::other("the process has ended");
        }
        io::ErrorKind::StorageFull.into()
    }
}

impl OperationKind {
    const fn takes_room(self) -> bool {
        matches!(self, Self::Write | Self::Append)
    }
}

impl Storage for SimulatedDisk {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        if self.is_cut {
            return Err(self.refusal());
        }
        Ok(self.medium.read(name).map(<[u8]>::to_vec))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        if self.is_cut {
            return Err(self.refusal());
        }
        Ok(self.medium.image().into_keys().collect())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        match self.begin(OperationKind::Remove) {
            OperationFate::Fails(_) => return Err(self.refusal()),
            OperationFate::Done | OperationFate::Skipped => {}
        }
        self.medium.unlink(name);
        Ok(())
    }

    /// As on the real disk: the old file is removed, a new one made and written to.
    fn write(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let place = match self.begin(OperationKind::Write) {
            OperationFate::Fails(place) => place,
            OperationFate::Done | OperationFate::Skipped => u8::MAX,
        };
        if place >= 1 {
            self.medium.unlink(name);
        }
        if place >= 2 {
            self.medium.create(name);
            let written = written_bytes(place - 2, content.len());
            self.medium.append(name, &content[..written]);
        }
        if place == u8::MAX {
            return Ok(());
        }
        Err(self.refusal())
    }

    fn append(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let place = match self.begin(OperationKind::Append) {
            OperationFate::Fails(place) => place,
            OperationFate::Done | OperationFate::Skipped => u8::MAX,
        };
        if self.medium.read(name).is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let written = written_bytes(place, content.len());
        self.medium.append(name, &content[..written]);
        if place == u8::MAX {
            return Ok(());
        }
        Err(self.refusal())
    }

    #[track_caller]
    fn sync(&mut self, name: &str) -> io::Result<()> {
        match self.begin_at(OperationKind::Sync, "sync", Location::caller()) {
            OperationFate::Fails(way) => {
                if way == 1 {
                    self.medium.forget_data(name);
                }
                return Err(self.refusal());
            }
            OperationFate::Skipped => return Ok(()),
            OperationFate::Done => {}
        }
        if self.medium.sync(name) {
            return Ok(());
        }
        Err(io::ErrorKind::NotFound.into())
    }

    #[track_caller]
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        match self.begin_at(OperationKind::Rename, "rename", Location::caller()) {
            OperationFate::Fails(_) => return Err(self.refusal()),
            OperationFate::Skipped => return Ok(()),
            OperationFate::Done => {}
        }
        if self.medium.rename(from, to) {
            return Ok(());
        }
        Err(io::ErrorKind::NotFound.into())
    }

    #[track_caller]
    fn sync_names(&mut self) -> io::Result<()> {
        match self.begin_at(OperationKind::SyncNames, "sync_names", Location::caller()) {
            OperationFate::Fails(way) => {
                if way == 1 {
                    self.medium.forget_names();
                }
                return Err(self.refusal());
            }
            OperationFate::Skipped => return Ok(()),
            OperationFate::Done => {}
        }
        self.medium.sync_names();
        Ok(())
    }
}

/// Returns how many bytes are written by an operation that ends in the middle: none, 1, half, all but 1, all.
fn written_bytes(place: u8, len: usize) -> usize {
    match place {
        0 => 0,
        1 => len.min(1),
        2 => len / 2,
        3 => len.saturating_sub(1),
        _ => len,
    }
}
