//! The reports that a controller has not acknowledged yet, as the agent keeps them.

use crate::report::RolloutReport;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The most that the reports of earlier rollouts take, in bytes. Those of the newest rollout are never given up.
pub const OUTBOX_BYTES: usize = 8 << 10;
/// The bytes that a report takes beside its texts, at most.
const REPORT_BYTES: usize = 96;

/// A report and its number: 1 is the first of a journal, and no number is left out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NumberedReport {
    /// The number.
    pub number: u64,
    /// The report.
    pub report: RolloutReport,
}

/// The reports that were not acknowledged, the oldest first. It is part of the agent's journal: a report is in it before
/// anybody is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EventOutbox {
    reports: VecDeque<NumberedReport>,
    /// The number of the newest report that there ever was; 0 before the first.
    last: u64,
}

impl EventOutbox {
    /// Takes a report, and returns its number. Reports of earlier rollouts give way, the oldest first and each rollout as a
    /// whole, when they are more than [`OUTBOX_BYTES`]: the final status of a rollout is superseded by a newer one.
    pub fn push(&mut self, report: RolloutReport) -> u64 {
        self.last += 1;
        let number = self.last;
        self.reports.push_back(NumberedReport { number, report });
        while self.bytes() > OUTBOX_BYTES && self.let_oldest_rollout_go() {}
        number
    }

    /// Lets go of all reports up to this number, which the controller has for good.
    pub fn acknowledge(&mut self, up_to: u64) {
        while self
            .reports
            .front()
            .is_some_and(|front| front.number <= up_to)
        {
            self.reports.pop_front();
        }
    }

    /// Returns the reports from this number on that are still here, the oldest first.
    pub fn since(&self, number: u64) -> impl Iterator<Item = &NumberedReport> {
        self.reports.iter().skip_while(move |it| it.number < number)
    }

    /// Returns whether there never was a report.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.last == 0
    }

    /// Returns the number of the newest report that there ever was; 0 before the first.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// Returns the number of the oldest report that is still here; that of the next one if none is.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        self.reports
            .front()
            .map_or(self.last + 1, |front| front.number)
    }

    fn bytes(&self) -> usize {
        let reports = self.reports.iter();
        reports
            .map(|it| REPORT_BYTES + it.report.step.text_bytes())
            .sum()
    }

    /// Lets the reports of the oldest rollout go, unless it is the newest, too; returns whether it has.
    fn let_oldest_rollout_go(&mut self) -> bool {
        let rollout = |it: &NumberedReport| (it.report.order, it.report.target);
        let (Some(oldest), Some(newest)) = (
            self.reports.front().map(rollout),
            self.reports.back().map(rollout),
        ) else {
            return false;
        };
        if oldest == newest {
            return false;
        }
        while self
            .reports
            .front()
            .is_some_and(|front| rollout(front) == oldest)
        {
            self.reports.pop_front();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{OrderNumber, ReportedStep};
    use lastword_protocol::Generation;
    use proptest::prelude::*;

    fn report(order: u64, detail_bytes: usize) -> RolloutReport {
        RolloutReport {
            order: Some(OrderNumber(order)),
            target: Generation([1; 32]),
            step: ReportedStep::ActivationFailed {
                code: -1,
                detail: "d".repeat(detail_bytes),
            },
        }
    }

    #[test]
    fn what_was_acknowledged_is_gone_and_the_numbers_go_on() {
        let mut outbox = EventOutbox::default();
        assert_eq!((outbox.oldest(), outbox.last()), (1, 0));
        for order in 1..=3 {
            assert_eq!(outbox.push(report(order, 0)), order);
        }
        outbox.acknowledge(2);
        assert_eq!((outbox.oldest(), outbox.last()), (3, 3));
        assert_eq!(outbox.since(0).count(), 1);
        outbox.acknowledge(9);
        assert_eq!((outbox.oldest(), outbox.last()), (4, 3));
        assert_eq!(outbox.push(report(4, 0)), 4);
    }

    #[test]
    fn earlier_rollouts_give_way_as_a_whole_and_the_newest_never() {
        let mut outbox = EventOutbox::default();
        for order in 1..=3 {
            for _ in 0..2 {
                outbox.push(report(order, 1_500));
            }
        }
        // Six of some 1,600 bytes: the first rollout's two have gone.
        assert_eq!(outbox.oldest(), 3);
        let mut alone = EventOutbox::default();
        for _ in 0..20 {
            alone.push(report(1, 1_500));
        }
        assert_eq!(alone.oldest(), 1);
    }

    proptest! {
        /// The numbers that are here have no gap and end with the last, however reports are pushed and acknowledged.
        #[test]
        fn what_is_here_has_no_gap(steps in prop::collection::vec((0..4_u64, 0..3_000_usize), 0..60)) {
            let mut outbox = EventOutbox::default();
            let mut order = 1;
            for (kind, bytes) in steps {
                match kind {
                    0 => outbox.acknowledge(outbox.oldest() + bytes as u64 % 3),
                    1 => order += 1,
                    _ => {
                        outbox.push(report(order, bytes));
                    }
                }
                let numbers: Vec<_> = outbox.since(0).map(|it| it.number).collect();
                let expected: Vec<_> = (outbox.oldest()..=outbox.last()).collect();
                prop_assert_eq!(numbers, expected);
            }
        }
    }
}
