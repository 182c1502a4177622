//! What ties a staged operation to the link that its acknowledgement goes out on.

use lastword_protocol::power::{Event, Evidence};
use tokio::sync::{oneshot, watch};

/// The session's half. It tells when the acknowledgement is written and when it has left; to drop
/// it unused is to tell that neither will happen.
#[derive(Debug)]
pub struct Ticket {
    written: Option<oneshot::Sender<()>>,
    drained: Option<oneshot::Sender<Evidence>>,
    released: watch::Receiver<bool>,
    await_close: bool,
}

/// The power task's half.
#[derive(Debug)]
pub(super) struct Holder {
    stage: Stage,
    written: oneshot::Receiver<()>,
    drained: oneshot::Receiver<Evidence>,
    released: watch::Sender<bool>,
}

#[derive(Debug)]
enum Stage {
    Writing,
    Draining,
    Over,
}

/// The two halves for one operation.
pub(super) fn new(await_close: bool) -> (Holder, Ticket) {
    let (tell_written, written) = oneshot::channel();
    let (tell_drained, drained) = oneshot::channel();
    let (release, released) = watch::channel(false);
    let holder = Holder {
        stage: Stage::Writing,
        written,
        drained,
        released: release,
    };
    let ticket = Ticket {
        written: Some(tell_written),
        drained: Some(tell_drained),
        released,
        await_close,
    };
    (holder, ticket)
}

impl Holder {
    /// Waits for what the link has to tell. Cancel-safe: what was heard is kept.
    pub(super) async fn next_event(&mut self) -> Event {
        match self.stage {
            Stage::Writing => {
                let written = (&mut self.written).await;
                self.stage = if written.is_ok() {
                    Stage::Draining
                } else {
                    Stage::Over
                };
                written.map_or(Event::AckFailed, |()| Event::AckWritten)
            }
            Stage::Draining => {
                let drained = (&mut self.drained).await;
                self.stage = Stage::Over;
                drained.map_or(Event::LinkLost, Event::Drained)
            }
            Stage::Over => std::future::pending().await,
        }
    }

    /// Tells the session that its acknowledgement was the last word.
    pub(super) fn release(&self) {
        self.released.send_replace(true);
    }
}

impl Ticket {
    /// Whether only a peer that closes is evidence enough.
    #[must_use]
    pub const fn await_close(&self) -> bool {
        self.await_close
    }

    /// The link took the last byte of the acknowledgement.
    pub fn written(&mut self) {
        if let Some(written) = self.written.take() {
            // Nobody listens once the operation has stood down.
            let _ = written.send(());
        }
    }

    /// Whether the acknowledgement is written and not yet seen to have left.
    #[must_use]
    pub const fn is_draining(&self) -> bool {
        self.written.is_none() && self.drained.is_some()
    }

    /// Returns whether the acknowledgement has been seen to have left.
    #[must_use]
    pub const fn has_left(&self) -> bool {
        self.written.is_none() && self.drained.is_none()
    }

    /// The acknowledgement has left, as far as the evidence goes.
    pub fn drained(&mut self, evidence: Evidence) {
        if let Some(drained) = self.drained.take() {
            let _ = drained.send(evidence);
        }
    }

    /// Waits until the operation is released (true: say nothing more) or over (false: speak
    /// again). Cancel-safe.
    pub async fn changed(&mut self) -> bool {
        match self.released.changed().await {
            Ok(()) => *self.released.borrow_and_update(),
            Err(_) => false,
        }
    }
}
