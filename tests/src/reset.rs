//! The reset line of a simulated board: it remembers when it was pulled, and resets nothing real.

use lastword_agent::edge::backend::{PowerBackend, Trigger};
use lastword_protocol::power::{Backend, Evidence, Operation};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// One pull of the reset line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fire {
    /// When.
    pub at: Instant,
    /// What for.
    pub operation: Operation,
    /// On what evidence.
    pub evidence: Evidence,
}

/// A reset line. Clones are the same line.
#[derive(Clone)]
pub struct ResetLine(Arc<Shared>);

struct Shared {
    prepared: watch::Sender<usize>,
    in_hand: AtomicUsize,
    fires: watch::Sender<Vec<Fire>>,
    /// What the hardware does at once.
    pull: Box<dyn Fn() + Send + Sync>,
    /// What a pull answers; `None`: the board goes down.
    fails: Option<u16>,
}

impl ResetLine {
    /// A line that does `pull` to the hardware, or fails with that error code.
    #[must_use]
    pub fn new(pull: impl Fn() + Send + Sync + 'static, fails: Option<u16>) -> Self {
        Self(Arc::new(Shared {
            prepared: watch::Sender::new(0),
            in_hand: AtomicUsize::new(0),
            fires: watch::Sender::new(Vec::new()),
            pull: Box::new(pull),
            fails,
        }))
    }

    /// How often an operation was made ready: each one accepted is, once.
    #[must_use]
    pub fn prepared(&self) -> usize {
        *self.0.prepared.borrow()
    }

    /// How many operations are ready now: neither fired nor undone.
    #[must_use]
    pub fn in_hand(&self) -> usize {
        self.0.in_hand.load(Ordering::Relaxed)
    }

    /// Every pull so far.
    #[must_use]
    pub fn fires(&self) -> Vec<Fire> {
        self.0.fires.borrow().clone()
    }

    /// Waits until there were this many pulls, and returns the last of them. Cancel-safe.
    pub async fn fired(&self, count: usize) -> Fire {
        let fired = timeout(PATIENCE, self.pulled(count)).await;
        fired.unwrap_or_else(|_| panic!("never fired {count} times: {self:?}"))
    }

    /// As [`ResetLine::fired`], for as long as it takes.
    pub(crate) async fn pulled(&self, count: usize) -> Fire {
        let mut fires = self.0.fires.subscribe();
        let fires = fires
            .wait_for(|fires| fires.len() >= count)
            .await
            .expect("the line outlives whoever waits");
        fires[count - 1]
    }

    /// Whether a pull takes the board down.
    pub(crate) fn works(&self) -> bool {
        self.0.fails.is_none()
    }
}

impl fmt::Debug for ResetLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fires()).finish()
    }
}

impl PowerBackend for ResetLine {
    /// Claims to be real, so that the agent takes no liberties.
    fn kind(&self) -> Backend {
        Backend::Linux
    }

    fn prepare(&self, operation: Operation, _quiet_console: bool) -> io::Result<Box<dyn Trigger>> {
        self.0.prepared.send_modify(|prepared| *prepared += 1);
        self.0.in_hand.fetch_add(1, Ordering::Relaxed);
        let line = self.clone();
        Ok(Box::new(Ready { line, operation }))
    }
}

struct Ready {
    line: ResetLine,
    operation: Operation,
}

impl Drop for Ready {
    fn drop(&mut self) {
        self.line.0.in_hand.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Trigger for Ready {
    fn fire(self: Box<Self>, evidence: Evidence) -> u16 {
        let shared = &self.line.0;
        let fire = Fire {
            at: Instant::now(),
            operation: self.operation,
            evidence,
        };
        if shared.fails.is_none() {
            (shared.pull)();
        }
        shared.fires.send_modify(|fires| fires.push(fire));
        shared.fails.unwrap_or(0)
    }
}

/// How long a test waits for a pull, in simulated time.
const PATIENCE: Duration = Duration::from_hours(2);
