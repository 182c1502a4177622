//! Service files, read within bounds: of kind, size, number and time. One that cannot be read in time
//! delays no other, and none delays whoever waits for the catalog for long.

use super::stamps::{FileStamp, FileStamps};
use crate::core::service::Name;
use crate::core::service::catalog::{Catalog, File, ParsedFile, SUFFIX};
use crate::edge::threads::{OneEach, Threads};
use lastword_daemon::bounded_file::read_text;
use lastword_daemon::panics::contained;
use lastword_generation::manifest::SERVICES_DIRECTORY;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The largest configuration or service file, in bytes.
pub const FILE_BYTES_MAX: u64 = 64 << 10;
/// How many service files are read at most.
const FILES_MAX: usize = 4_096;
/// How many names of a directory are looked at, at most.
const NAMES_MAX: usize = 65_536;
/// How long one file may take, or the list of them.
pub const FILE_LIMIT: Duration = Duration::from_secs(2);
/// How many files may take longer before the others are not waited for: each is another disk that is gone.
const GIVEN_UP_MAX: usize = 3;
/// What reading and parsing a file may need of its thread's stack, in bytes.
pub const STACK_BYTES: usize = 2 << 20;

/// Reads the service files of a directory. Clones are the same.
#[derive(Clone, Debug)]
pub struct ServiceFiles {
    directory: PathBuf,
    /// The tree of the generation that they belong to, if they do to one.
    root: Option<PathBuf>,
    threads: OneEach,
    limit: Duration,
    /// What is being read, also by threads that nobody waits for any more.
    busy: Arc<Mutex<BTreeSet<PathBuf>>>,
}

/// What the files say, one by one, and why they are not all.
#[derive(Debug, Default)]
pub struct ReadFiles {
    /// The files, by name.
    pub files: Vec<ParsedFile>,
    /// Why the directory was not read as a whole.
    pub partial: Option<String>,
    /// The files that are not used, and why.
    pub(super) unused: Vec<String>,
    /// The files as they were before they were read: what changes meanwhile has changed since.
    pub(super) stamps: FileStamps,
}

impl ReadFiles {
    /// Adds the files of a generation. One of the same name as a local one is not used.
    #[must_use]
    pub fn and_generation(mut self, generation: Self) -> Self {
        let local: BTreeMap<_, _> = self
            .files
            .iter()
            .map(|file| (file.stem().to_owned(), file.path().to_owned()))
            .collect();
        for file in generation.files {
            match local.get(file.stem()) {
                Some(path) => {
                    let why = format!(
                        "{}: {path} has the same name; rename one of them",
                        file.path()
                    );
                    self.unused.push(why);
                }
                None => self.files.push(file),
            }
        }
        self.partial = self.partial.or(generation.partial);
        self
    }

    /// Puts together what they say.
    #[must_use]
    pub fn catalog(self) -> Catalog {
        let mut catalog = Catalog::of(self.files);
        if let Some(why) = self.partial {
            catalog.note_partial(why);
        }
        for why in self.unused {
            catalog.note_unused(why);
        }
        catalog
    }
}

impl ServiceFiles {
    /// Of a directory, which may be absent: then there are none.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            root: None,
            threads: OneEach::with_stack(STACK_BYTES),
            limit: FILE_LIMIT,
            busy: Arc::default(),
        }
    }

    /// The files of a generation, whose tree is at `root`.
    #[must_use]
    pub fn of_generation(root: &Path) -> Self {
        Self {
            root: Some(root.to_owned()),
            ..Self::new(root.join(SERVICES_DIRECTORY))
        }
    }

    /// The same, read on these threads.
    #[cfg(test)]
    pub(super) fn on(self, threads: OneEach) -> Self {
        Self { threads, ..self }
    }

    /// Reads them. Takes bounded time, for this thread touches no file.
    #[must_use]
    pub fn read(&self) -> ReadFiles {
        let mut read = ReadFiles::default();
        let mut names = match self.names() {
            Ok(names) => names,
            Err(why) => {
                read.partial = Some(why);
                return read;
            }
        };
        if names.len() > FILES_MAX {
            names.truncate(FILES_MAX);
            let directory = self.directory.display();
            read.partial = Some(format!(
                "{directory}: there are more than {FILES_MAX} service files, and those behind {} are not read",
                names
                    .last()
                    .map_or("".into(), |name| name.to_string_lossy())
            ));
        }
        let mut left = &names[..];
        let mut given_up = 0;
        let mut stamps = BTreeMap::new();
        while !left.is_empty() && given_up < GIVEN_UP_MAX {
            let read_now = self.read_in_time(left);
            let stamped = left.iter().zip(&read_now);
            stamps.extend(stamped.filter_map(|(name, (_, stamp))| Some((stem(name)?, *stamp))));
            left = left.get(read_now.len()..).unwrap_or_default();
            read.files
                .extend(read_now.into_iter().map(|(file, _)| file));
            if let Some((slow, others)) = left.split_first() {
                given_up += 1;
                let limit = self.limit.as_secs();
                let why = format!(
                    "not read within {limit} s: is its disk there, is it very long? `svc reload` tries again"
                );
                read.files.push(self.unread(slow, &why));
                left = others;
            }
        }
        let why = "not read, because others before it take too long; `svc reload` tries again";
        read.files
            .extend(left.iter().map(|name| self.unread(name, why)));
        // Nobody looks at what was not read.
        let unread = names.iter().filter_map(|name| stem(name));
        for name in unread {
            stamps.entry(name).or_insert(None);
        }
        read.stamps = FileStamps::new(self.directory.clone(), stamps);
        read
    }

    /// Lists the names of service files, sorted. No directory, no files.
    fn names(&self) -> Result<Vec<OsString>, String> {
        let directory = self.directory.clone();
        let told = self.on_a_thread(vec![directory.clone()], |path| names(&path));
        let why = match told.recv_timeout(self.limit) {
            Ok(Some(Ok(names))) => return Ok(names),
            Ok(Some(Err(error))) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Vec::new());
            }
            Ok(Some(Err(error))) => error.to_string(),
            Ok(None) => BUSY.to_owned(),
            Err(_) => format!(
                "not listed within {} s; is its disk there?",
                self.limit.as_secs()
            ),
        };
        let directory = directory.display();
        Err(format!(
            "{directory}: {why}; the services that run go on as they are"
        ))
    }

    /// Reads files until one takes too long, each with its stamp from before.
    fn read_in_time(&self, names: &[OsString]) -> Vec<(ParsedFile, Option<FileStamp>)> {
        let paths = names.iter().map(|name| self.directory.join(name));
        let root = self.root.clone();
        let told = self.on_a_thread(paths.collect(), move |path| {
            let stamp = FileStamp::of(&path);
            (parsed(&path, root.as_deref()), stamp)
        });
        let mut files = Vec::new();
        for name in names {
            match told.recv_timeout(self.limit) {
                Ok(Some(file)) => files.push(file),
                Ok(None) => files.push((self.unread(name, BUSY), None)),
                Err(_) => break,
            }
        }
        files
    }

    /// Does `work` with each path, one after the other, on a thread of its own. Sends what comes of it;
    /// `None` for a path that an earlier thread is still at.
    fn on_a_thread<T: Send + 'static>(
        &self,
        paths: Vec<PathBuf>,
        work: impl Fn(PathBuf) -> T + Send + 'static,
    ) -> Receiver<Option<T>> {
        let (tell, told) = channel();
        let busy = self.busy.clone();
        let each = move || {
            for path in paths {
                let is_free = lock(&busy).insert(path.clone());
                let done = is_free.then(|| work(path.clone()));
                if is_free {
                    lock(&busy).remove(&path);
                }
                if tell.send(done).is_err() {
                    return;
                }
            }
        };
        self.threads.start(Box::new(each));
        told
    }

    fn unread(&self, name: &OsStr, why: &str) -> ParsedFile {
        let path = self.directory.join(name).display().to_string();
        let why = format!("{path}: {why}");
        ParsedFile::unread(path, name.to_string_lossy().into_owned(), why)
    }
}

/// What is said of a path that hangs since before.
const BUSY: &str = "it is still being read since an earlier attempt; is its disk there?";

/// The name of the service that a file is of, if it is one.
fn stem(file: &OsStr) -> Option<Name> {
    Name::try_from(file.to_str()?.strip_suffix(SUFFIX)?).ok()
}

fn lock(busy: &Mutex<BTreeSet<PathBuf>>) -> MutexGuard<'_, BTreeSet<PathBuf>> {
    busy.lock().unwrap_or_else(PoisonError::into_inner)
}

fn names(directory: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for (entry, count) in fs::read_dir(directory)?.zip(0..) {
        if count == NAMES_MAX {
            let what = format!("there are more than {NAMES_MAX} files; name another directory");
            return Err(io::Error::other(what));
        }
        let name = entry?.file_name();
        let bytes = name.as_encoded_bytes();
        // What editors leave behind is hidden.
        if !bytes.starts_with(b".") && bytes.ends_with(SUFFIX.as_bytes()) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn parsed(path: &Path, root: Option<&Path>) -> ParsedFile {
    let shown = path.display().to_string();
    let name = path.file_name().unwrap_or_default();
    let name = name.to_string_lossy().into_owned();
    let file = File {
        path: shown.clone(),
        name: name.clone(),
        text: read_text(path, FILE_BYTES_MAX).map_err(|error| error.of(&shown)),
    };
    contained(|| file.parse_in(root)).unwrap_or_else(|reason| {
        let why = format!("{shown}: it cannot be read: the parser panicked: {reason}");
        ParsedFile::unread(shown.clone(), name, why)
    })
}

#[cfg(test)]
mod tests;
