//! The handshake of an agent and its controller: once at each connection, before anything else is said.

use crate::report::OrderNumber;
use lastword_protocol::rollout::RolloutState;
use lastword_protocol::{BootId, Generation, Millis};
use serde::{Deserialize, Serialize};

/// The name of an agent's journal: another one is another memory, whose numbers begin anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JournalName(pub [u8; 16]);

/// The state of a board, as its agent tells it when a connection begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BootReport {
    /// This boot.
    pub boot: BootId,
    /// The agent's memory.
    pub journal: JournalName,
    /// The number of its newest report; 0: there was none.
    pub last: u64,
    /// The number of the oldest report that it still has; `last + 1`: it has none.
    pub oldest: u64,
    /// True if its memory is empty: what it says of rollouts is a guess until it has the snapshots.
    pub is_provisional: bool,
    /// The generation that the board runs.
    pub current: Option<Generation>,
    /// The generation that it is being moved to.
    pub pending: Option<Generation>,
}

/// The controller's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BootReportReply {
    /// The number up to which the controller has the agent's reports.
    pub acked: u64,
    /// The number from which on it wants them again; `None`: from `acked` on.
    pub replay_from: Option<u64>,
    /// Its rollouts for this board that are not over.
    pub snapshots: Vec<RolloutSnapshot>,
}

/// A rollout as the controller knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RolloutSnapshot {
    /// Its order.
    pub order: OrderNumber,
    /// The generation that it moves the board to.
    pub target: Generation,
    /// The generation that the board ran before, as far as the controller knows.
    pub previous: Option<Generation>,
    /// Its state.
    pub state: RolloutState,
    /// The time that was left of its soak when that was reported last; `None`: it is not known, and all of it is left.
    pub soak_left: Option<Millis>,
}

impl BootReportReply {
    /// Returns the number from which on the agent sends its reports, given the oldest and the newest that it has. A number that
    /// it never gave, or that is gone, is put right.
    #[must_use]
    pub fn first_wanted(&self, oldest: u64, last: u64) -> u64 {
        let wanted = self.replay_from.unwrap_or(self.acked.saturating_add(1));
        wanted.clamp(oldest, last.saturating_add(1).max(oldest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_begins_where_it_can() {
        let wanted = |acked, replay_from| {
            BootReportReply {
                acked,
                replay_from,
                snapshots: Vec::new(),
            }
            .first_wanted(3, 5)
        };
        for (acked, replay_from, expected) in [
            (0, None, 3),
            (2, None, 3),
            (4, None, 5),
            (5, None, 6),
            (4, Some(0), 3),
            (4, Some(3), 3),
            (0, Some(42), 6),
            (u64::MAX, None, 6),
            (0, Some(u64::MAX), 6),
        ] {
            assert_eq!(
                wanted(acked, replay_from),
                expected,
                "{acked} {replay_from:?}"
            );
        }
        // An agent that has none: the next one is the first.
        assert_eq!(BootReportReply::default().first_wanted(6, 5), 6);
    }
}
