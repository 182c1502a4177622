//! A board as the controller accounts for it. Each change is a new account, to be committed before anything is said that
//! depends on it: an acknowledgement, an answer to a [`BootReport`], an order.

use crate::handshake::{BootReport, BootReportReply, JournalName, RolloutSnapshot};
use crate::outbox::NumberedReport;
use crate::report::{FleetOrder, OrderNumber, ReportedStep};
use lastword_protocol::Generation;
use lastword_protocol::rollout::{IllegalRolloutStep, RolloutState, RolloutStep};
use serde::{Deserialize, Serialize};

/// A board's account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BoardAccount {
    /// The memory of the agent that is acknowledged; `None`: it has never reported.
    journal: Option<JournalName>,
    /// The number up to which its reports are applied.
    acked: u64,
    /// The generation that it runs, as far as was reported.
    current: Option<Generation>,
    /// The last rollout that was ordered.
    rollout: Option<AccountedRollout>,
    /// The number of the last order.
    last_order: u64,
}

/// A rollout that was ordered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AccountedRollout {
    /// The order.
    pub order: FleetOrder,
    /// The generation that the board ran before.
    pub previous: Option<Generation>,
    /// Its state.
    pub state: RolloutState,
    /// The order may have been sent: the board may have it.
    pub is_sent: bool,
    /// The board has said that it has the order: it need not be sent again.
    pub is_taken: bool,
}

/// The outcome of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportOutcome {
    /// It is applied: commit the account, then acknowledge its number.
    Applied(BoardAccount),
    /// It was applied before: acknowledge again.
    Duplicate,
    /// It came before another one: ask for the reports from this number on.
    Gap {
        /// The number that is missing.
        expected: u64,
    },
    /// It is applied in so far as its number is acknowledged: the rollout has no such step. That is a defect of either side, and
    /// to be told to people.
    Illegal(BoardAccount, IllegalRolloutStep),
}

impl BoardAccount {
    /// Returns the memory of the agent that is acknowledged; `None`: it has never reported.
    #[must_use]
    pub const fn journal(&self) -> Option<JournalName> {
        self.journal
    }

    /// Returns the number up to which the board's reports are applied.
    #[must_use]
    pub const fn acked(&self) -> u64 {
        self.acked
    }

    /// Returns the generation that the board runs, as far as was reported.
    #[must_use]
    pub const fn current(&self) -> Option<Generation> {
        self.current
    }

    /// Returns the last rollout that was ordered.
    #[must_use]
    pub const fn rollout(&self) -> Option<&AccountedRollout> {
        self.rollout.as_ref()
    }

    /// Returns the account behind a new order, and the order; `None` while another one is under way.
    #[must_use]
    pub fn order(&self, target: Generation) -> Option<(Self, FleetOrder)> {
        if self.rollout.as_ref().is_some_and(AccountedRollout::is_open) {
            return None;
        }
        let number = OrderNumber(self.last_order + 1);
        let order = FleetOrder { number, target };
        let account = Self {
            last_order: number.0,
            rollout: Some(AccountedRollout {
                order,
                previous: self.current,
                state: RolloutState::Pending,
                is_sent: false,
                is_taken: false,
            }),
            ..self.clone()
        };
        Some((account, order))
    }

    /// Returns the order that is to be sent, if there is one that the board has not said to have, and the account to be
    /// committed before it is.
    #[must_use]
    pub fn order_to_send(&self) -> Option<(Self, FleetOrder)> {
        let mut account = self.clone();
        let rollout = account.rollout.as_mut()?;
        if rollout.state != RolloutState::Pending || rollout.is_taken {
            return None;
        }
        rollout.is_sent = true;
        let order = rollout.order;
        Some((account, order))
    }

    /// Returns the account behind the board's word that it has an order.
    #[must_use]
    pub fn order_taken(&self, number: OrderNumber) -> Self {
        let mut account = self.clone();
        if let Some(rollout) = &mut account.rollout
            && rollout.order.number == number
        {
            rollout.is_taken = true;
        }
        account
    }

    /// Returns the account behind a call to cancel the rollout; `None` if the board may have begun with it.
    #[must_use]
    pub fn cancel(&self) -> Option<Self> {
        let mut account = self.clone();
        let rollout = account.rollout.as_mut()?;
        if rollout.is_sent || rollout.state != RolloutState::Pending {
            return None;
        }
        rollout.state = rollout
            .state
            .after(&ReportedStep::Cancelled.as_step())
            .ok()?;
        Some(account)
    }

    /// Returns the account behind the beginning of a connection, and the answer to it. Only the first report of a connection is
    /// one: a late copy would take the account back.
    #[must_use]
    pub fn boot_reported(&self, report: &BootReport) -> (Self, BootReportReply) {
        let is_same_memory = self.journal == Some(report.journal);
        // What the board does not have any more is not waited for.
        let gone = report.oldest.saturating_sub(1);
        let acked = if is_same_memory {
            // A memory that was put back to an earlier state repeats its numbers.
            self.acked.max(gone).min(report.last.max(gone))
        } else {
            gone
        };
        let account = Self {
            journal: Some(report.journal),
            acked,
            current: report.current,
            ..self.clone()
        };
        let snapshots = self
            .rollout
            .iter()
            .filter(|rollout| rollout.is_known_to_board());
        let reply = BootReportReply {
            acked,
            replay_from: None,
            snapshots: snapshots.map(AccountedRollout::snapshot).collect(),
        };
        (account, reply)
    }

    /// Takes a report.
    #[must_use]
    pub fn reported(&self, numbered: &NumberedReport) -> ReportOutcome {
        if numbered.number <= self.acked {
            return ReportOutcome::Duplicate;
        }
        if numbered.number > self.acked + 1 {
            let expected = self.acked + 1;
            return ReportOutcome::Gap { expected };
        }
        let mut account = self.clone();
        account.acked = numbered.number;
        let report = &numbered.report;
        match &report.step {
            ReportedStep::ActivationCompleted { observed } => account.current = Some(*observed),
            ReportedStep::RollbackCompleted { reverted_to } => account.current = *reverted_to,
            _ => {}
        }
        let Some(rollout) = &mut account.rollout else {
            return ReportOutcome::Applied(account);
        };
        if report.order != Some(rollout.order.number) {
            // Somebody at the board has ordered it, or it is of an earlier order.
            return ReportOutcome::Applied(account);
        }
        (rollout.is_sent, rollout.is_taken) = (true, true);
        match after(rollout.state, &report.step) {
            Ok(state) => {
                rollout.state = state;
                ReportOutcome::Applied(account)
            }
            Err(illegal) => ReportOutcome::Illegal(account, illegal),
        }
    }
}

impl AccountedRollout {
    /// Returns whether something more is to come: a failed one may still be put back.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !self.state.is_terminal()
    }

    /// Returns whether the board may have been told of it, and it is not over.
    const fn is_known_to_board(&self) -> bool {
        self.is_sent && self.is_open()
    }

    const fn snapshot(&self) -> RolloutSnapshot {
        RolloutSnapshot {
            order: self.order.number,
            target: self.order.target,
            previous: self.previous,
            state: self.state,
            soak_left: None,
        }
    }
}

/// Returns the state behind a step. A board that was found switched, or wrong, before its order was recorded has begun it all
/// the same.
fn after(state: RolloutState, step: &ReportedStep) -> Result<RolloutState, IllegalRolloutStep> {
    let is_end_of_activation = matches!(
        step,
        ReportedStep::ActivationCompleted { .. } | ReportedStep::ActivationFailed { .. }
    );
    let state = if is_end_of_activation && state == RolloutState::Pending {
        state.after(&RolloutStep::ActivationStarted { switch_method: "" })?
    } else {
        state
    };
    state.after(&step.as_step())
}

#[cfg(test)]
mod tests;
