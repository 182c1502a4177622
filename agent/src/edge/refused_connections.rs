//! Connections for which there is no place: told so, a few at a time, and without flooding the log.

use super::link::Link;
use super::session::{Room, turn_away};
use lastword_daemon::CONNECTION_TARGET;
use lastword_protocol::Nonce;
use lastword_protocol::refusal::{Code, Refusal};
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

/// The most connections that may wait to be told at once. Beyond that they are closed without a word.
const WAITING_MAX: usize = 16;
/// The longest that one that was told may take to close: closed with input unread, it would lose what it was
/// told.
const LINGER: Duration = Duration::from_secs(1);
/// The least time between two log entries about refused connections.
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// The answer to a board that connects to a board.
const ROLE_REFUSED: &str = "a certificate of role board is not for asking boards";

/// The connections of all listeners for which there is no place.
#[derive(Clone, Debug)]
pub struct RefusedConnections {
    waiting: Arc<Semaphore>,
    log: Arc<Mutex<RefusalLog>>,
}

impl Default for RefusedConnections {
    fn default() -> Self {
        Self {
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            log: Arc::default(),
        }
    }
}

impl RefusedConnections {
    /// Tells a connection that there are `most` sessions already, unless too many wait to be told.
    pub async fn turn_away(&self, link: &mut dyn Link, room: Room, nonce: Nonce, most: usize) {
        self.note(&link.describe(), most);
        let detail = format!("too many sessions: the limit is {most}");
        self.tell(link, room, nonce, Refusal::new(Code::SlowDown, &detail))
            .await;
    }

    /// Tells a peer that its certificate's role has no business here, unless too many wait to be told.
    pub async fn turn_role_away(&self, link: &mut dyn Link, room: Room, nonce: Nonce) {
        self.note_failed(&link.peer(), &ROLE_REFUSED);
        self.tell(
            link,
            room,
            nonce,
            Refusal::new(Code::NotAllowed, ROLE_REFUSED),
        )
        .await;
    }

    async fn tell(&self, link: &mut dyn Link, room: Room, nonce: Nonce, refusal: Refusal) {
        let Ok(_waits) = self.waiting.try_acquire() else {
            return;
        };
        // Whether it hears that is its own affair.
        if turn_away(link, room, nonce, &refusal).await.is_ok() && link.shutdown().await.is_ok() {
            let mut rest = [0; 512];
            let drained = async { while let Ok(1..) = link.read(&mut rest).await {} };
            let _ = timeout(LINGER, drained).await;
        }
    }

    /// Notes a connection that is closed without a word, because descriptors have run out.
    pub fn note_full(&self, peer: &SocketAddr) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(refused) = log.note(Instant::now()) {
            tracing::warn!(%peer, refused, "refused: no descriptors are left for TCP connections");
        }
    }

    /// Notes a connection whose handshake failed, or whose certificate is not of the right role.
    pub fn note_failed(&self, peer: &dyn fmt::Display, reason: &dyn fmt::Display) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(refused) = log.note(Instant::now()) {
            tracing::warn!(target: CONNECTION_TARGET, %peer, refused, "refused: {reason}");
        }
    }

    fn note(&self, link: &str, most: usize) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(refused) = log.note(Instant::now()) {
            tracing::warn!(link, most, refused, "refused: too many sessions");
        }
    }
}

/// The number of connections refused since that was last logged.
#[derive(Debug, Default)]
struct RefusalLog {
    logged: Option<Instant>,
    since: u64,
}

impl RefusalLog {
    /// Counts one more. Returns how many there were since the last time, if they are to be logged.
    fn note(&mut self, now: Instant) -> Option<u64> {
        self.since += 1;
        let is_recent = |at: Instant| now.duration_since(at) < LOG_INTERVAL;
        if self.logged.is_some_and(is_recent) {
            return None;
        }
        self.logged = Some(now);
        Some(std::mem::take(&mut self.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_refusal_is_logged_and_then_their_number_once_in_a_while() {
        let mut log = RefusalLog::default();
        let begun = Instant::now();
        assert_eq!(log.note(begun), Some(1));
        for _ in 0..554 {
            assert_eq!(log.note(begun + LOG_INTERVAL / 2), None);
        }
        assert_eq!(log.note(begun + LOG_INTERVAL), Some(555));
        assert_eq!(log.note(begun + LOG_INTERVAL), None);
    }
}
