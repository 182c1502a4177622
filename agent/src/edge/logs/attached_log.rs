//! One service as the pump knows it, and what it does while its log cannot be written.

use super::fifo::Tap;
use super::service::Service;
use lastword_protocol::{Instant, Millis};
use std::io;

/// The time between a failure to write and the next attempt.
const RETRY: Millis = Millis(1_000);

/// A service and what the pump knows of it.
#[derive(Debug)]
pub(super) struct AttachedLog {
    pub(super) name: String,
    pub(super) service: Service,
    /// Since when, and until when, nothing is tried: the disk does not take it.
    pub(super) stalled: Option<WriteStall>,
    /// The time at which each stream is to be looked at, as the pump has noted it.
    pub(super) due: [Option<Instant>; 2],
}

#[derive(Clone, Copy, Debug)]
pub(super) struct WriteStall {
    since: Instant,
    pub(super) retry: Instant,
    /// The number of lines given up since.
    missed: u64,
}

impl AttachedLog {
    /// Notes a failure and says so, the first time. Returns when to try again.
    pub(super) fn stall(&mut self, now: Instant, error: &io::Error) -> Instant {
        self.service.feed().count_failure();
        let retry = now.after(RETRY);
        let (since, missed) = self
            .stalled
            .map_or((now, 0), |stall| (stall.since, stall.missed));
        if self.stalled.is_none() {
            tracing::warn!(
                name = self.name,
                %error,
                "the log cannot be written; its lines wait, and it is tried again every second"
            );
        }
        self.stalled = Some(WriteStall {
            since,
            retry,
            missed,
        });
        retry
    }

    /// Lets the service go on, if its lines have waited for long enough.
    pub(super) fn relieve(&mut self, tap: &mut Tap, now: Instant, limit: Millis) {
        let Some(stall) = self
            .stalled
            .as_mut()
            .filter(|it| it.since.after(limit) <= now)
        else {
            return;
        };
        match self.service.relieve(tap) {
            Ok(0) => {}
            Ok(missed) => {
                if stall.missed == 0 {
                    tracing::warn!(
                        name = self.name,
                        "the log cannot be written: lines are missed, so that the service goes on"
                    );
                }
                stall.missed = stall.missed.saturating_add(missed);
            }
            Err(error) => tracing::warn!(name = self.name, %error, "its FIFO cannot be emptied"),
        }
    }

    pub(super) fn recover(&mut self, now: Instant) {
        if let Some(stall) = self.stalled.take() {
            let seconds = now.since(stall.since).0 / 1_000;
            self.service.feed().is_written_again();
            let missed = stall.missed;
            tracing::info!(
                name = self.name,
                seconds,
                missed,
                "the log is written again"
            );
        }
    }
}
