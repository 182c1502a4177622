//! A disk in memory that can refuse, or make its writer wait.

use lastword_agent::core::storage::Storage;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// A disk. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// A writer waits, or has waited.
    caught: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    refused: Option<&'static str>,
    held: Option<&'static str>,
}

impl Disk {
    /// From now on, content that holds this word cannot be written.
    pub fn refuse(&self, word: &'static str) {
        self.lock().refused = Some(word);
    }

    /// From now on, whoever writes content that holds this word has to wait, in real time, until
    /// [`Disk::let_go`].
    pub fn hold(&self, word: &'static str) {
        self.lock().held = Some(word);
    }

    /// Whoever waits goes on, and nobody waits from now on.
    pub fn let_go(&self) {
        self.lock().held = None;
        self.0.changed.notify_all();
    }

    /// Waits until [`Disk::hold`] has made somebody wait. From then on the paused clock stands, until
    /// the disk lets go or the test moves it by hand.
    pub async fn caught(&self) {
        let mut caught = self.0.caught.subscribe();
        let caught = timeout(PATIENCE, caught.wait_for(|caught| *caught)).await;
        assert!(caught.is_ok(), "nobody ever wrote it");
    }

    /// A file's content as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        let content = self.lock().files.get(name)?.clone();
        Some(String::from_utf8_lossy(&content).into_owned())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn holds_back(&self, content: &[u8]) -> bool {
        self.held.is_some_and(|word| contains(content, word))
    }
}

impl Storage for Disk {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.lock().files.get(name).cloned())
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().files.keys().cloned().collect())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.lock().files.remove(name);
        Ok(())
    }

    fn write(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut state = self.lock();
        if state.holds_back(content) {
            self.0.caught.send_replace(true);
            let waited = self
                .0
                .changed
                .wait_timeout_while(state, HOLD_LIMIT, |state| state.holds_back(content));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.refused.is_some_and(|word| contains(content, word)) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.files.insert(name.to_owned(), content.to_vec());
        Ok(())
    }

    fn append(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let before = self.read(name)?.ok_or(io::ErrorKind::NotFound)?;
        self.write(name, &[&before, content].concat())
    }

    fn sync(&mut self, _name: &str) -> io::Result<()> {
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.lock();
        let content = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.files.insert(to.to_owned(), content);
        Ok(())
    }

    fn sync_names(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn contains(content: &[u8], word: &str) -> bool {
    content
        .windows(word.len())
        .any(|window| window == word.as_bytes())
}

/// How long a writer is held at most, in real time: a test that forgets it must still end.
const HOLD_LIMIT: Duration = Duration::from_secs(20);

/// How long a test waits for a writer, in simulated time.
const PATIENCE: Duration = Duration::from_hours(1);
