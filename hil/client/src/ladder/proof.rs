//! What a climb has to show.

use lastword_protocol::identity::{Cause, Identity};
use lastword_protocol::message::{Initiated, PowerStatus};
use lastword_protocol::power::{LastOperation, Operation, Outcome};
use lastword_protocol::{BootId, Millis, OperationId};
use std::fmt;

/// A step of the proof that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// The board accepted the request; its acknowledgement arrived, or it told so later.
    Accepted,
    /// Several attempts in a row were not answered. The time is that of the first.
    LinkQuiet,
    /// A board answered with another boot id.
    BootSeen,
}

impl Rung {
    /// The word for it in reports, such as `link_quiet`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::LinkQuiet => "link_quiet",
            Self::BootSeen => "boot_seen",
        }
    }
}

/// How a climb ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The board is in another boot, which began after the request.
    Rebooted,
    /// The board answers, and is in the boot that it was in.
    NotRebooted,
    /// The board was asked and did not answer again in time.
    Unreachable,
    /// The boot id differs, but tells of the agent only, and no uptime says more.
    UnknownBefore,
    /// After a power-off was accepted, the link went quiet. That is all that can be seen from
    /// here: that the board is off is not proven.
    Quiet,
}

impl Verdict {
    /// The word for it in reports, such as `not_rebooted`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rebooted => "rebooted",
            Self::NotRebooted => "not_rebooted",
            Self::Unreachable => "unreachable",
            Self::UnknownBefore => "unknown_before",
            Self::Quiet => "quiet",
        }
    }
}

/// Whether what a board tells of its new boot fits what was asked of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Check {
    /// It fits.
    Matches,
    /// It contradicts.
    Differs,
    /// The board does not tell.
    #[default]
    Unknown,
}

impl Check {
    /// The word for it in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Matches => "matches",
            Self::Differs => "differs",
            Self::Unknown => "unknown",
        }
    }

    pub(super) const fn of(fits: bool) -> Self {
        if fits { Self::Matches } else { Self::Differs }
    }
}

/// What the new boot was checked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// The board is up for less time than has passed since it was asked.
    pub uptime: Check,
    /// The board booted because it was asked to.
    pub cause: Check,
    /// The last operation it remembers is this one, and it was carried out.
    pub last: Check,
}

impl Checks {
    pub(super) fn of(after: &Identity, before: BootId, id: OperationId) -> Self {
        Self {
            uptime: Check::Unknown,
            cause: match after.cause {
                Cause::Unknown => Check::Unknown,
                Cause::Requested => Check::Matches,
                Cause::External | Cause::PowerOn | Cause::Watchdog => Check::Differs,
            },
            last: after.last.map_or(Check::Unknown, |last| {
                let carried_out = matches!(last.outcome, Outcome::Released(_) | Outcome::Done(_));
                Check::of(is_ours(&last, before, id) && carried_out)
            }),
        }
    }

    fn all(self) -> [(&'static str, Check); 3] {
        [
            ("uptime", self.uptime),
            ("cause", self.cause),
            ("last operation", self.last),
        ]
    }
}

/// Whether `last` is the operation that this climb asked for.
pub(super) fn is_ours(last: &LastOperation, before: BootId, id: OperationId) -> bool {
    last.id == id && last.boot == before
}

/// What there is to show for one power request.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// What was asked.
    pub operation: Operation,
    /// The rungs that were reached, each with the time since the request was sent.
    pub rungs: Vec<(Rung, Millis)>,
    /// How it ended.
    pub verdict: Verdict,
    /// The board's acknowledgement; `None` if it was lost.
    pub initiated: Option<Initiated>,
    /// The boot that was to end.
    pub before: BootId,
    /// Who answers in the new boot.
    pub after: Option<Identity>,
    /// For how long it was up when it was asked.
    pub uptime: Option<Millis>,
    /// What the new boot was checked for.
    pub checks: Checks,
    /// The board's own account of why it did not go down, if it gave one.
    pub explanation: Option<PowerStatus>,
}

impl Proof {
    /// Whether what was asked for has happened as far as it can be seen from here, and nothing
    /// that the board tells contradicts it.
    #[must_use]
    pub fn holds(&self) -> bool {
        match self.verdict {
            Verdict::Rebooted => {
                let contradicted = self.checks.all().iter().any(|(_, c)| *c == Check::Differs);
                self.operation.is_reboot() && !contradicted
            }
            Verdict::Quiet => !self.operation.is_reboot(),
            Verdict::NotRebooted | Verdict::Unreachable | Verdict::UnknownBefore => false,
        }
    }
}

impl fmt::Display for Proof {
    /// The verdict as a sentence, without a full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verdict {
            Verdict::Rebooted => self.say_rebooted(f),
            Verdict::NotRebooted => self.say_why_not(f),
            Verdict::Unreachable => f.write_str("unreachable: the board did not answer again"),
            Verdict::UnknownBefore => {
                f.write_str("unknown before: the boot id tells of the agent, not of the board")
            }
            Verdict::Quiet => {
                f.write_str("accepted and the link is quiet; that the board is off is not proven")
            }
        }
    }
}

impl Proof {
    fn say_rebooted(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rebooted")?;
        if let Some(after) = &self.after {
            write!(f, ": boot {}, before {}", after.boot, self.before)?;
        }
        let differs = self
            .checks
            .all()
            .into_iter()
            .filter(|(_, c)| *c == Check::Differs);
        for (what, _) in differs {
            write!(f, "; but the {what} does not match")?;
        }
        if !self.operation.is_reboot() {
            f.write_str("; but it was to power off")?;
        }
        Ok(())
    }

    fn say_why_not(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not rebooted: ")?;
        if self.after.is_some() {
            return f.write_str("the board is up for longer than it was waited for");
        }
        if let Some(status) = &self.explanation {
            explain(f, status)?;
        }
        write!(f, "the board is still in boot {}", self.before)
    }
}

/// The board's own account, each part with a separator behind it.
fn explain(f: &mut fmt::Formatter<'_>, status: &PowerStatus) -> fmt::Result {
    if let Some(pending) = &status.pending {
        write!(f, "{} is {}; ", pending.operation, pending.phase.word())?;
    }
    let Some(last) = &status.last else {
        return Ok(());
    };
    write!(f, "{} {}", last.operation, last.outcome)?;
    match last.outcome {
        Outcome::StoodDown(why) => write!(f, " {why}")?,
        Outcome::FireFailed(errno) => write!(f, " with error {errno}")?,
        Outcome::DryRun(_) => f.write_str(" (its power backend does everything but the reset)")?,
        _ => {}
    }
    f.write_str("; ")
}
