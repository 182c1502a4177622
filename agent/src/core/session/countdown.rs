//! Tells people how long the board will still be there.

use lastword_protocol::message::Pending;
use lastword_protocol::power::{Operation, Phase};
use lastword_protocol::{Instant, Millis, OperationId};

/// When it is told, in seconds before the release; and once when it is scheduled.
const MARKS: [u64; 9] = [600, 60, 30, 10, 5, 4, 3, 2, 1];

/// What one session was told of a scheduled operation.
#[derive(Debug, Default)]
pub(super) struct Countdown {
    told: Option<Told>,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    id: OperationId,
    operation: Operation,
    seconds: u64,
}

impl Countdown {
    /// What is to be told now, if anything.
    pub(super) fn news(&mut self, pending: Option<Pending>) -> Option<String> {
        let Some((pending, left)) = pending.and_then(scheduled) else {
            let told = self.told.take()?;
            // Released: what comes next is silence.
            let released = pending.is_some_and(|pending| pending.id == told.id);
            return (!released).then(|| format!("{} called off", told.operation));
        };
        let seconds = left.0.div_ceil(1_000);
        let due = match self.told.filter(|told| told.id == pending.id) {
            None => seconds,
            Some(told) => {
                let passed = |mark: &u64| seconds <= *mark && *mark < told.seconds;
                MARKS.into_iter().rfind(passed)?
            }
        };
        let Pending { id, operation, .. } = pending;
        self.told = Some(Told {
            id,
            operation,
            seconds: due,
        });
        Some(format!(
            "{operation} in {due} s; `power cancel {id}` calls it off"
        ))
    }

    /// When there will be news, if nothing happens before.
    pub(super) fn deadline(&self, now: Instant, pending: Option<Pending>) -> Option<Instant> {
        let (_, left) = scheduled(pending?)?;
        let told = self.told?.seconds;
        let next = MARKS.into_iter().find(|mark| *mark < told)?;
        Some(now.after(Millis(left.0.saturating_sub(next * 1_000))))
    }
}

/// The operation and its time left, if its delay runs.
fn scheduled(pending: Pending) -> Option<(Pending, Millis)> {
    (pending.phase == Phase::Scheduled).then_some((pending, pending.left?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending((phase, left_ms): (Phase, u64)) -> Pending {
        let (id, operation) = (OperationId(7), Operation::Reboot);
        Pending {
            id,
            operation,
            phase,
            left: Some(Millis(left_ms)),
        }
    }

    /// What is pending, and what is told then.
    type Step<'a> = (Option<(Phase, u64)>, Option<&'a str>);

    #[track_caller]
    fn check(steps: &[Step<'_>]) {
        let mut countdown = Countdown::default();
        for (index, (pending, expected)) in steps.iter().enumerate() {
            let news = countdown.news(pending.map(self::pending));
            let told = news.as_deref().map(|news| news.split(';').next().unwrap());
            assert_eq!(told, *expected, "step {index}: {pending:?}");
        }
    }

    #[test]
    fn it_is_told_once_and_at_each_mark() {
        check(&[
            (Some((Phase::Draining, 250)), None),
            (Some((Phase::Scheduled, 45_000)), Some("reboot in 45 s")),
            (Some((Phase::Scheduled, 44_000)), None),
            (Some((Phase::Scheduled, 30_001)), None),
            (Some((Phase::Scheduled, 30_000)), Some("reboot in 30 s")),
            (Some((Phase::Scheduled, 29_999)), None),
            (Some((Phase::Scheduled, 4_500)), Some("reboot in 5 s")),
            (Some((Phase::Scheduled, 900)), Some("reboot in 1 s")),
            (Some((Phase::Released, 0)), None),
            (None, None),
        ]);
    }

    #[test]
    fn that_it_is_called_off_is_told_to_those_who_know_of_it() {
        check(&[
            (None, None),
            (Some((Phase::Scheduled, 5_000)), Some("reboot in 5 s")),
            (None, Some("reboot called off")),
            (None, None),
        ]);
    }

    #[test]
    fn the_next_news_are_due_at_the_next_mark() {
        let mut countdown = Countdown::default();
        let at_45 = Some(pending((Phase::Scheduled, 45_000)));
        assert_eq!(countdown.deadline(Instant(100), at_45), None);
        countdown.news(at_45);
        assert_eq!(
            countdown.deadline(Instant(100), at_45),
            Some(Instant(15_100))
        );
        assert_eq!(countdown.deadline(Instant(100), None), None);
    }
}
