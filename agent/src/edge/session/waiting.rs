//! The waits of a session's task.

use crate::core::session::Session;
use std::future::{pending, poll_fn};
use std::task::Poll;
use tokio::time::{Instant, sleep_until};

/// A part of a session's work.
#[derive(Clone, Copy)]
pub(super) enum SessionTurn {
    /// Input that has arrived.
    Work,
    /// Events that it subscribes to.
    Events,
    /// Frames of streams and transfers.
    Bulk,
}

/// Waits for replies that are to be said here, though their requests came on another link.
/// Cancel-safe.
pub(super) async fn mail(session: &Session) {
    poll_fn(|context| {
        if session.has_mail(context.waker()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Waits for a turn.
pub(super) async fn turn_of(turn: Option<(SessionTurn, Instant)>) -> SessionTurn {
    match turn {
        Some((turn, at)) => {
            wait_until(at).await;
            turn
        }
        None => pending().await,
    }
}

/// Waits until `at`, and not at all if that is past: a timer takes until the next millisecond.
async fn wait_until(at: Instant) {
    if Instant::now() < at {
        sleep_until(at).await;
    }
}

/// Waits until `until`, if there is an end to the waiting.
pub(super) async fn wait(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => pending().await,
    }
}
