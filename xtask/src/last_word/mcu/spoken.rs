//! Resets asked for in lines: as a script does, and as a person does.

use crate::cycle::down;
use crate::line::{LIMIT, Line};
use crate::witness::Log;
use anyhow::{Context, Result, ensure};
use lastword_protocol::announcement::Announcement;
use lastword_protocol::identity::Cause;
use lastword_virtual::McuBoard;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How a line is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Plain,
    Term,
}

impl Dialect {
    pub(super) const ALL: [Self; 2] = [Self::Plain, Self::Term];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Term => "term",
        }
    }

    /// A request for a reboot, as the first line of a boot.
    fn request(self, operation: u32) -> String {
        match self {
            Self::Plain => format!("\npower reboot --op {operation}\n"),
            Self::Term => format!("power reboot --op {operation}\r"),
        }
    }
}

/// What happened, and when since the request.
pub(super) struct Spoken {
    /// When the acknowledgement could be read here; `None`: it was not there when QEMU reported
    /// the reset.
    pub(super) acknowledged: Option<Duration>,
    /// When QEMU reported the reset.
    pub(super) reset: Duration,
    /// When the next boot announced itself.
    pub(super) back: Duration,
    /// Who it says it is.
    pub(super) after: Announcement,
}

/// Asks for a reboot in a boot in which nobody has spoken, and watches it.
pub(super) async fn reboot(
    board: &McuBoard,
    line: &mut Line,
    dialect: Dialect,
    operation: u32,
) -> Result<Spoken> {
    let events = board.subscribe();
    let log = Log::default();
    let asked = Instant::now();
    line.say(dialect.request(operation)).await?;
    let (down, heard) = tokio::join!(down(events, &log), hear(line, operation, &log));
    let (event, acknowledged) = down.with_context(|| line.text())?;
    let (after, back) = heard?;
    ensure!(
        after.cause == Cause::Requested,
        "the board booted for another reason: {:?}",
        after.cause
    );
    let since = |at: Instant| at.saturating_duration_since(asked);
    Ok(Spoken {
        acknowledged: acknowledged.map(|(_, at)| since(at)),
        reset: since(event.at),
        back: since(back),
        after,
    })
}

/// Reads on, notes the acknowledgement, and returns what the next boot announces.
async fn hear(
    line: &mut Line,
    operation: u32,
    log: &Log<String>,
) -> Result<(Announcement, Instant)> {
    let heard = timeout(LIMIT, async {
        loop {
            line.read().await?;
            let text = line.text();
            if is_acknowledged(&text, operation) {
                log.note(text);
            }
            if let Some(announcement) = line.take_announcement() {
                return Ok((announcement, Instant::now()));
            }
        }
    });
    let heard = heard.await.context("no new boot announces itself")?;
    line.forget_text();
    heard
}

/// Whether the whole answer is there, in either spelling.
fn is_acknowledged(text: &str, operation: u32) -> bool {
    let plain = format!("op={operation}\n");
    let shown = format!("{operation}\r\n");
    let Some((_, answer)) = text.split_once("initiated") else {
        return false;
    };
    answer.contains(&plain) || answer.contains(&shown)
}
