//! The verdict over what an earlier life of the agent left behind. No worker runs before it.

use super::record::{Found, PowerRecord};
use lastword_protocol::BootId;
use lastword_protocol::identity::Cause;
use lastword_protocol::power::{LastOperation, Outcome, Standdown};

/// Proof that recovery has a verdict; every worker's constructor asks for it.
#[derive(Debug)]
pub struct Recovered {
    /// What is remembered from now on.
    record: PowerRecord,
}

impl Recovered {
    /// The record as this boot sees it.
    #[must_use]
    pub const fn record(&self) -> &PowerRecord {
        &self.record
    }
}

/// Decides what became of the last operation, now that `boot` runs.
#[must_use]
pub fn recover(found: Found, boot: BootId) -> Recovered {
    let record = match found {
        Found::Nothing | Found::Broken(_) => PowerRecord::new(boot, Cause::Unknown, None),
        Found::Record(record) if record.boot == boot => {
            let last = record.last.map(|last| LastOperation {
                outcome: same_boot(last.outcome),
                ..last
            });
            PowerRecord::new(boot, record.cause, last).and_refused(record.refused)
        }
        Found::Record(record) => {
            let last = record.last.map(LastOperation::after_boot);
            PowerRecord::new(boot, cause(record.last), last).and_refused(record.refused)
        }
    };
    Recovered { record }
}

/// The agent died and the board did not.
const fn same_boot(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Staged => Outcome::StoodDown(Standdown::AgentStopped),
        Outcome::Released(_) => Outcome::FireFailed(0),
        over => over,
    }
}

fn cause(last: Option<LastOperation>) -> Cause {
    if last.is_some_and(|last| last.explains_boot()) {
        Cause::Requested
    } else {
        Cause::External
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::storage::BrokenFile;
    use lastword_protocol::OperationId;
    use lastword_protocol::power::{Evidence, Operation};

    const BEFORE: BootId = BootId([1; 16]);
    const NOW: BootId = BootId([2; 16]);

    fn last(operation: Operation, outcome: Outcome) -> LastOperation {
        LastOperation {
            id: OperationId(7),
            operation,
            outcome,
            boot: BEFORE,
        }
    }

    #[track_caller]
    fn check(
        operation: Operation,
        outcome: Outcome,
        boot: BootId,
        expected: Outcome,
        cause: Cause,
    ) {
        let record = PowerRecord::new(BEFORE, Cause::Unknown, Some(last(operation, outcome)));
        let recovered = recover(Found::Record(record), boot);
        assert_eq!(recovered.record().last, Some(last(operation, expected)));
        assert_eq!(recovered.record().cause, cause);
        assert_eq!(recovered.record().boot, boot);
    }

    #[test]
    fn power_released_and_new_boot() {
        let (released, done) = (
            Outcome::Released(Evidence::UartEmpty),
            Outcome::Done(Evidence::UartEmpty),
        );
        check(Operation::Reboot, released, NOW, done, Cause::Requested);
        check(Operation::Shutdown, released, NOW, done, Cause::External);
    }

    #[test]
    fn power_released_and_same_boot() {
        let released = Outcome::Released(Evidence::UartEmpty);
        check(
            Operation::Reboot,
            released,
            BEFORE,
            Outcome::FireFailed(0),
            Cause::Unknown,
        );
    }

    #[test]
    fn a_staged_operation_never_claims_the_boot_that_followed() {
        let stopped = Outcome::StoodDown(Standdown::AgentStopped);
        check(
            Operation::Reboot,
            Outcome::Staged,
            NOW,
            Outcome::Interrupted,
            Cause::External,
        );
        check(
            Operation::Reboot,
            Outcome::Staged,
            BEFORE,
            stopped,
            Cause::Unknown,
        );
    }

    #[test]
    fn what_was_over_stays_as_it_was_and_a_later_boot_has_another_cause() {
        let done = Outcome::Done(Evidence::PeerAcked);
        check(Operation::Reboot, done, NOW, done, Cause::External);
    }

    #[test]
    fn a_fresh_or_unreadable_memory_says_nothing() {
        let broken = BrokenFile::lost("power.json", "torn");
        for found in [Found::Nothing, Found::Broken(broken)] {
            let recovered = recover(found, NOW);
            assert_eq!(
                recovered.record(),
                &PowerRecord::new(NOW, Cause::Unknown, None)
            );
        }
    }
}
