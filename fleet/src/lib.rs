//! The exchange between a board's agent and the controller of its fleet. Pure: both sides step the same machine of a rollout
//! (`lastword_protocol::rollout`), neither sees a socket, a disk or a clock here.
//!
//! ```text
//! controller                                   agent
//!   FleetOrder{number, target}      ->         recorded with the rollout's beginning, then answered
//!                                     <-         NumberedReport 1, 2, 3 … as its EventOutbox has them
//!   acknowledged up to N: committed   ->         those are let go
//! ```
//!
//! An order may be sent again until it is answered: the agent takes each number once. Reports may be sent again until they are
//! acknowledged: the controller applies each number once, and takes none behind one that is missing. A [`BootReport`] and its
//! [`BootReportReply`] bring both to the same place after either was away. A board that has lost its memory gets the rollouts
//! that the controller knows of as [`RolloutSnapshot`]s.

mod board_account;
mod handshake;
mod outbox;
mod report;

pub use board_account::{AccountedRollout, BoardAccount, ReportOutcome};
pub use handshake::{BootReport, BootReportReply, JournalName, RolloutSnapshot};
pub use outbox::{EventOutbox, NumberedReport, OUTBOX_BYTES};
pub use report::{FleetOrder, OrderNumber, ReportedStep, RolloutReport};
