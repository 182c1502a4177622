//! One power operation on a virtual board, seen from both sides: the host's link and QEMU.

use crate::witness::{Log, Watched};
use anyhow::{Context, Result, bail};
use lastword_client::dial::Dial;
use lastword_client::ladder::{Proof, ProofOptions, Rung, prove};
use lastword_protocol::message::Initiated;
use lastword_protocol::power::PowerRequest;
use lastword_virtual::{BoardEventKind, Events, QmpEvent};
use std::fmt;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long a board may take to go down, once it has said that it will.
const DOWN_LIMIT: Duration = Duration::from_secs(40);
/// How long a board may take to come back.
const BACK_LIMIT: Duration = Duration::from_secs(90);

/// What happened, and when.
pub(crate) struct Cycle {
    /// The acknowledgement and when it could be read here; `None`: it was not there when QEMU
    /// reported the board down.
    pub(crate) acknowledged: Option<(Initiated, Instant)>,
    /// What QEMU reported.
    pub(crate) down: QmpEvent,
    /// What the host could prove.
    pub(crate) proof: Proof,
    /// When the request was sent.
    asked: Instant,
}

/// Asks for a power operation over a line to a board with these events, and watches it to its end.
pub(crate) async fn cycle(
    events: Events,
    line: &dyn Dial,
    request: &PowerRequest,
) -> Result<Cycle> {
    let log = Log::default();
    let dial = Watched {
        line,
        log: log.clone(),
    };
    let options = ProofOptions {
        take_over: true,
        timeout: BACK_LIMIT,
        ..ProofOptions::default()
    };
    let (proof, down) = tokio::join!(prove(&dial, request, options), down(events, &log));
    let proof = proof.context("nothing was proven")?;
    let (down, acknowledged) = match down {
        Ok(down) => down,
        Err(error) => bail!("{error:#}: {proof}"),
    };
    let asked = asked(&proof, log.acknowledged().map_or(down.at, |(_, at)| at));
    Ok(Cycle {
        acknowledged,
        down,
        proof,
        asked,
    })
}

/// Waits until QEMU reports the board down, and says what could be read on this side by then.
pub(crate) async fn down<A: Clone>(
    mut events: Events,
    log: &Log<A>,
) -> Result<(QmpEvent, Option<(A, Instant)>)> {
    let event = timeout(DOWN_LIMIT, async {
        loop {
            let event = events.next().await?;
            if matches!(event.kind, BoardEventKind::Reset | BoardEventKind::Shutdown) {
                return Ok::<_, anyhow::Error>(event);
            }
        }
    })
    .await
    .context("QEMU reports neither reset nor shutdown")??;
    // What QEMU wrote before it reported is in the kernel's buffers. The runtime looks at its
    // sockets between these two, and the witness takes what is there: no more, no waiting.
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    Ok((event, log.acknowledged()))
}

/// When the request was sent: the first rung was reached so long after it.
fn asked(proof: &Proof, acknowledged: Instant) -> Instant {
    let accepted = proof.rungs.iter().find(|(rung, _)| *rung == Rung::Accepted);
    let after = accepted.map_or(Duration::ZERO, |(_, at)| Duration::from_millis(at.0));
    acknowledged.checked_sub(after).unwrap_or(acknowledged)
}

impl Cycle {
    /// Whether the board went down without its acknowledgement being readable here.
    pub(crate) fn is_lost(&self) -> bool {
        self.acknowledged.is_none()
    }

    /// The time of a rung since the request.
    fn rung(&self, wanted: Rung) -> Option<u64> {
        self.proof
            .rungs
            .iter()
            .find(|(rung, _)| *rung == wanted)
            .map(|(_, at)| at.0)
    }
}

/// A point of the timeline.
struct Station {
    /// When, since the request; `None` where only the order is known.
    at: Option<Duration>,
    what: String,
}

impl Cycle {
    /// One line a station: for a person to read.
    pub(crate) fn timeline(&self) -> String {
        let mut lines = String::new();
        for Station { at, what } in self.stations() {
            let at = at.map_or(String::new(), |at| format!("{:.1} ms", millis(at)));
            lines.extend([&format!("   {at:>12}  "), what.as_str(), "\n"]);
        }
        lines + &format!("   {:>12}  {}", "verdict", self.proof)
    }

    /// What happened, in order.
    fn stations(&self) -> Vec<Station> {
        let since = |at: Instant| Some(at.saturating_duration_since(self.asked));
        let mut stations = vec![match self.acknowledged {
            Some((initiated, at)) => Station {
                at: since(at),
                what: format!("ACK: {} initiated", initiated.operation),
            },
            None => Station {
                at: None,
                what: "ACK LOST".to_owned(),
            },
        }];
        let evidence = self
            .proof
            .after
            .as_ref()
            .and_then(|after| after.last?.outcome.evidence());
        if let Some(evidence) = evidence {
            stations.push(Station {
                at: None,
                what: format!("drained: {evidence}"),
            });
        }
        let kind = match self.down.kind {
            BoardEventKind::Shutdown => "SHUTDOWN",
            _ => "RESET",
        };
        stations.push(Station {
            at: since(self.down.at),
            what: format!("{kind} seen by QEMU"),
        });
        if let Some(at) = self.rung(Rung::BootSeen) {
            let at = Some(Duration::from_millis(at));
            stations.push(Station {
                at,
                what: "new boot id".to_owned(),
            });
        }
        stations
    }
}

impl fmt::Display for Cycle {
    /// The stations on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Station { at, what } in self.stations() {
            match at {
                Some(at) => write!(f, "{what} at {:.1} ms, ", millis(at))?,
                None => write!(f, "{what}, ")?,
            }
        }
        write!(f, "{}", self.proof)
    }
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}
