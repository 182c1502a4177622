//! Tasks that are polled when the explorer says, and work that is done when it says.

use lastword_agent::edge::threads::Threads;
use std::collections::VecDeque;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// One task of the agent.
pub(super) struct Actor {
    task: Option<Pin<Box<dyn Future<Output = ()>>>>,
    woken: Arc<Woken>,
    waker: Waker,
    history: u64,
}

/// Remembers that it was woken, and behind which histories: what a task finds when it is polled
/// was sent by whoever woke it.
struct Woken {
    pending: AtomicBool,
    at: AtomicU64,
    behind: AtomicU64,
    whose: Now,
}

/// Who acts now, by its history, and how many acted so far.
#[derive(Clone, Default)]
pub(super) struct Now(Arc<(AtomicU64, AtomicU64)>);

impl Now {
    /// Says who acts from now on.
    pub(super) fn set(&self, history: u64) {
        let (now, acted) = &*self.0;
        now.store(history, Ordering::Relaxed);
        acted.fetch_add(1, Ordering::Relaxed);
    }

    fn rename(&self, history: u64) {
        self.0.0.store(history, Ordering::Relaxed);
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        let (now, acted) = &*self.whose.0;
        if !self.pending.swap(true, Ordering::Relaxed) {
            self.at
                .store(acted.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        let behind = self.behind.load(Ordering::Relaxed);
        let now = now.load(Ordering::Relaxed);
        self.behind.store(digest(&(behind, now)), Ordering::Relaxed);
    }
}

/// A digest of anything.
pub(super) fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Actor {
    /// A task that was not polled yet.
    pub(super) fn new(now: &Now, task: impl Future<Output = ()> + 'static) -> Self {
        let woken = Arc::new(Woken {
            pending: AtomicBool::new(true),
            at: AtomicU64::new(0),
            behind: AtomicU64::new(0),
            whose: now.clone(),
        });
        Self {
            task: Some(Box::pin(task)),
            waker: Waker::from(Arc::clone(&woken)),
            woken,
            history: 0,
        }
    }

    /// Whether it has something to do.
    pub(super) fn is_woken(&self) -> bool {
        self.task.is_some() && self.woken.pending.load(Ordering::Relaxed)
    }

    /// How many had acted when it was woken. Who is woken by the same act is so in no order.
    pub(super) fn woken_at(&self) -> u64 {
        self.woken.at.load(Ordering::Relaxed)
    }

    /// Whether it has come to its end.
    pub(super) const fn is_over(&self) -> bool {
        self.task.is_none()
    }

    /// A digest of all that has made it what it is.
    pub(super) const fn history(&self) -> u64 {
        self.history
    }

    /// All that makes it what it is and what it will find.
    pub(super) fn state(&self) -> (bool, bool, u64, u64) {
        let behind = self.woken.behind.load(Ordering::Relaxed);
        (self.is_over(), self.is_woken(), self.history, behind)
    }

    /// Polls it once. `sight`: a digest of all that it can look at by itself.
    pub(super) fn poll(&mut self, sight: u64) {
        self.woken.pending.store(false, Ordering::Relaxed);
        let behind = self.woken.behind.swap(0, Ordering::Relaxed);
        self.history = digest(&(self.history, behind, sight));
        self.woken.whose.rename(self.history);
        let mut context = Context::from_waker(&self.waker);
        if let Some(task) = &mut self.task
            && let Poll::Ready(()) = task.as_mut().poll(&mut context)
        {
            self.task = None;
        }
    }
}

/// Threads that do their work one piece at a time, in order, when they are told to.
#[derive(Clone, Default)]
pub(super) struct Bench(Arc<Mutex<VecDeque<Work>>>);

type Work = Box<dyn FnOnce() + Send>;

impl Bench {
    /// How many pieces of work wait.
    pub(super) fn waiting(&self) -> usize {
        self.lock().len()
    }

    /// Does the next piece of work.
    pub(super) fn work(&self) {
        let work = self.lock().pop_front();
        if let Some(work) = work {
            work();
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Threads for Bench {
    fn start(&self, work: Work) {
        self.lock().push_back(work);
    }
}
