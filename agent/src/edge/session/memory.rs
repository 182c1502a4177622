//! What all sessions hold together, so that the sum has a bound, too.

use crate::core::session::{SESSIONS_BYTES, Session};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What all sessions hold together. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct SessionMemory(Arc<AtomicUsize>);

impl SessionMemory {
    /// Returns whether they hold as much as they may.
    pub(super) fn is_full(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= SESSIONS_BYTES
    }

    /// Returns the share of a session that begins.
    pub(super) fn share(&self) -> MemoryShare {
        MemoryShare {
            all: self.clone(),
            held_bytes: 0,
        }
    }
}

/// What one session holds; nothing any more once this is dropped.
#[derive(Debug)]
pub(super) struct MemoryShare {
    all: SessionMemory,
    held_bytes: usize,
}

impl MemoryShare {
    /// Takes note of what the session holds now. Returns whether it may take anything in: where all
    /// hold too much, only if its own peer has taken what was said.
    pub(super) fn note(&mut self, session: &Session) -> bool {
        self.set(session.held_bytes());
        session.output().is_empty() || !self.all.is_full()
    }

    fn set(&mut self, held_bytes: usize) {
        let all = &self.all.0;
        all.fetch_add(held_bytes, Ordering::Relaxed);
        all.fetch_sub(self.held_bytes, Ordering::Relaxed);
        self.held_bytes = held_bytes;
    }
}

impl Drop for MemoryShare {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_is_given_back() {
        let all = SessionMemory::default();
        let (mut one, mut other) = (all.share(), all.share());
        one.set(SESSIONS_BYTES - 1);
        assert!(!all.is_full());
        other.set(1);
        assert!(all.is_full());
        one.set(7);
        assert!(!all.is_full());
        other.set(SESSIONS_BYTES);
        drop(other);
        assert!(!all.is_full());
        drop(one);
        assert_eq!(all.0.load(Ordering::Relaxed), 0);
    }
}
