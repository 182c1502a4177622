//! A soak: the time for which a generation's health checks must hold before it is kept.
//!
//! Time is the boot's: a wrong clock cannot end a soak. What is known of the checks can be saved and taken up again,
//! so that nothing is counted twice.

use lastword_protocol::{Instant, Millis};

/// A check, as far as a soak needs to know it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SoakCheck {
    /// Its name.
    pub name: String,
    /// The time from the end of one run to the next.
    pub interval: Millis,
    /// The number of failures in a row that fail the soak.
    pub failures_max: u32,
}

/// The history of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CheckRecord {
    /// The number of its runs.
    pub runs: u64,
    /// The number of failures in a row, up to now.
    pub failures: u32,
    /// The result of the last run; `None` before the first.
    pub last: Option<CheckResult>,
}

/// The end of one run of a check.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CheckResult {
    /// It held.
    Passed,
    /// It did not, and why.
    Failed(String),
}

/// The length of a soak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SoakLength {
    /// So long.
    For(Millis),
    /// Until somebody confirms it.
    UntilConfirmed,
}

/// The operation that comes next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SoakEffect {
    /// Run the check of this number, and report with [`SoakMachine::on_result`].
    Run(usize),
    /// The checks held, or somebody confirmed the generation.
    Converged,
    /// A check has failed too often in a row: its name.
    Failed(String),
}

/// A soak under way.
#[derive(Clone, Debug)]
pub struct SoakMachine {
    checks: Vec<SoakCheck>,
    records: Vec<CheckRecord>,
    /// The time of each check's next run; `None` while one is under way.
    next: Vec<Option<Instant>>,
    /// True for each check that has run since the soak was begun or taken up.
    has_run: Vec<bool>,
    end: Option<Instant>,
    is_confirmed: bool,
    is_over: bool,
}

impl SoakMachine {
    /// Begins a soak; each check is due after its first interval.
    #[must_use]
    pub fn begin(now: Instant, length: SoakLength, checks: Vec<SoakCheck>) -> Self {
        let records = vec![CheckRecord::default(); checks.len()];
        Self::resume(now, length, checks, (records, false))
    }

    /// Takes up a soak that has so much left, with what is known of its checks: as many as there are, or else they
    /// begin anew. In a new boot failures in a row begin anew, too: three quick power cycles are no reason to roll back.
    #[must_use]
    pub fn resume(
        now: Instant,
        left: SoakLength,
        checks: Vec<SoakCheck>,
        (mut records, is_new_boot): (Vec<CheckRecord>, bool),
    ) -> Self {
        if records.len() != checks.len() {
            records = vec![CheckRecord::default(); checks.len()];
        }
        for record in records.iter_mut().filter(|_| is_new_boot) {
            record.failures = 0;
        }
        let first = |check: &SoakCheck| Some(now.after(check.interval));
        Self {
            next: checks.iter().map(first).collect(),
            has_run: vec![false; checks.len()],
            checks,
            records,
            end: match left {
                SoakLength::For(left) => Some(now.after(left)),
                SoakLength::UntilConfirmed => None,
            },
            is_confirmed: false,
            is_over: false,
        }
    }

    /// Returns what is due at `now`, one after the other, and `None` when nothing more is.
    pub fn poll(&mut self, now: Instant) -> Option<SoakEffect> {
        if self.is_over {
            return None;
        }
        let failed = self.checks.iter().zip(&self.records);
        let mut failed = failed.filter(|(check, record)| check.failures_max <= record.failures);
        if let Some((check, _)) = failed.next() {
            self.is_over = true;
            return Some(SoakEffect::Failed(check.name.clone()));
        }
        let is_due = |next: &Option<Instant>| next.is_some_and(|next| next <= now);
        if let Some(index) = self.next.iter().position(is_due) {
            self.next[index] = None;
            return Some(SoakEffect::Run(index));
        }
        if self.has_held(now) {
            self.is_over = true;
            return Some(SoakEffect::Converged);
        }
        None
    }

    /// Takes the result of a check that was run. Returns whether it is news: the first, another one, or one more failure.
    pub fn on_result(&mut self, now: Instant, index: usize, result: CheckResult) -> bool {
        let (Some(check), Some(record)) = (self.checks.get(index), self.records.get_mut(index))
        else {
            return false;
        };
        let is_same = record.last == Some(CheckResult::Passed) && result == CheckResult::Passed;
        record.runs = record.runs.saturating_add(1);
        record.failures = match result {
            CheckResult::Passed => 0,
            CheckResult::Failed(_) => record.failures.saturating_add(1),
        };
        record.last = Some(result);
        self.has_run[index] = true;
        self.next[index] = Some(now.after(check.interval));
        !is_same
    }

    /// Takes a confirmation: the soak is over once every check has held in its last run.
    pub const fn confirm(&mut self) {
        self.is_confirmed = true;
    }

    /// Returns the time at which to poll again if no result comes first. An end that has passed waits for a result.
    #[must_use]
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let due = self.next.iter().flatten().copied();
        let end = self.end.filter(|end| now < *end);
        due.chain(end).min().filter(|_| !self.is_over)
    }

    /// Returns how much is left: `None` until somebody confirms it.
    #[must_use]
    pub fn left(&self, now: Instant) -> Option<Millis> {
        self.end.map(|end| end.since(now))
    }

    /// The history of each check, in their order.
    #[must_use]
    pub fn records(&self) -> &[CheckRecord] {
        &self.records
    }

    /// A check that has not run, is under way, or has failed last, has not held: its own count decides.
    fn has_held(&self, now: Instant) -> bool {
        let is_time = self.is_confirmed || self.end.is_some_and(|end| end <= now);
        let passed = |record: &CheckRecord| record.last == Some(CheckResult::Passed);
        let is_any_under_way = self.next.iter().any(Option::is_none);
        let has_all = self.has_run.iter().all(|has_run| *has_run);
        is_time && has_all && !is_any_under_way && self.records.iter().all(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, interval: u64, failures_max: u32) -> SoakCheck {
        SoakCheck {
            name: name.to_owned(),
            interval: Millis(interval),
            failures_max,
        }
    }

    fn failed() -> CheckResult {
        CheckResult::Failed("exit 1".to_owned())
    }

    /// Runs everything that is due, with these results by check; returns how it ended, if it did.
    fn run(
        soak: &mut SoakMachine,
        now: u64,
        result: impl Fn(usize) -> CheckResult,
    ) -> Option<SoakEffect> {
        let now = Instant(now);
        while let Some(effect) = soak.poll(now) {
            match effect {
                SoakEffect::Run(index) => {
                    soak.on_result(now, index, result(index));
                }
                end => return Some(end),
            }
        }
        None
    }

    #[test]
    fn a_result_is_news_unless_it_holds_on() {
        let mut soak = SoakMachine::begin(
            Instant(0),
            SoakLength::UntilConfirmed,
            vec![check("web", 1_000, 3)],
        );
        let mut is_news = |result| soak.on_result(Instant(0), 0, result);
        assert!(is_news(CheckResult::Passed));
        assert!(!is_news(CheckResult::Passed));
        assert!(is_news(failed()));
        assert!(is_news(failed()));
        assert!(is_news(CheckResult::Passed));
        assert!(!is_news(CheckResult::Passed));
    }

    #[test]
    fn a_soak_ends_when_its_time_is_over_and_every_check_holds() {
        let checks = vec![check("web", 1_000, 3), check("port", 400, 3)];
        let mut soak = SoakMachine::begin(Instant(0), SoakLength::For(Millis(2_000)), checks);
        let mut now = 0;
        let end = loop {
            if let Some(end) = run(&mut soak, now, |_| CheckResult::Passed) {
                break end;
            }
            now = soak.deadline(Instant(now)).unwrap().0;
        };
        assert_eq!((end, now), (SoakEffect::Converged, 2_000));
        let runs: Vec<_> = soak.records().iter().map(|it| it.runs).collect();
        assert_eq!(runs, [2, 5]);
        assert_eq!(soak.poll(Instant(9_000)), None);
        assert_eq!(soak.deadline(Instant(9_000)), None);
    }

    #[test]
    fn failures_in_a_row_fail_it_and_others_do_not() {
        let checks = vec![check("web", 1_000, 2)];
        let length = SoakLength::For(Millis(60_000));
        let mut soak = SoakMachine::begin(Instant(0), length, checks);
        for (now, is_ok) in [(1_000, false), (2_000, true), (3_000, false)] {
            let result = |_| if is_ok { CheckResult::Passed } else { failed() };
            assert_eq!(run(&mut soak, now, result), None, "{now}");
        }
        let end = run(&mut soak, 4_000, |_| failed());
        assert_eq!(end, Some(SoakEffect::Failed("web".to_owned())));
    }

    #[test]
    fn a_check_that_failed_last_holds_the_end_back_until_it_is_decided() {
        let checks = vec![check("web", 1_000, 3)];
        let mut soak = SoakMachine::begin(Instant(0), SoakLength::For(Millis(1_500)), checks);
        assert_eq!(run(&mut soak, 1_000, |_| failed()), None);
        assert_eq!(run(&mut soak, 1_500, |_| failed()), None);
        assert_eq!(soak.deadline(Instant(1_500)), Some(Instant(2_000)));
        let end = run(&mut soak, 2_000, |_| CheckResult::Passed);
        assert_eq!(end, Some(SoakEffect::Converged));
    }

    #[test]
    fn a_check_under_way_is_not_begun_again_and_holds_the_end_back() {
        let checks = vec![check("web", 1_000, 3)];
        let mut soak = SoakMachine::begin(Instant(0), SoakLength::For(Millis(1_500)), checks);
        assert_eq!(run(&mut soak, 1_000, |_| CheckResult::Passed), None);
        assert_eq!(soak.poll(Instant(2_000)), Some(SoakEffect::Run(0)));
        assert_eq!(soak.poll(Instant(2_000)), None, "it has held before");
        assert_eq!(soak.poll(Instant(9_000)), None);
        soak.on_result(Instant(9_000), 0, CheckResult::Passed);
        assert_eq!(soak.poll(Instant(9_000)), Some(SoakEffect::Converged));
    }

    #[test]
    fn a_manual_soak_waits_for_its_confirmation() {
        let checks = vec![check("web", 1_000, 3)];
        let mut soak = SoakMachine::begin(Instant(0), SoakLength::UntilConfirmed, checks);
        assert_eq!(run(&mut soak, 1_000, |_| CheckResult::Passed), None);
        assert_eq!(soak.left(Instant(1_000)), None);
        soak.confirm();
        let end = run(&mut soak, 1_010, |_| CheckResult::Passed);
        assert_eq!(end, Some(SoakEffect::Converged));
    }

    #[test]
    fn a_soak_without_checks_is_over_when_its_time_is() {
        let mut soak = SoakMachine::begin(Instant(5), SoakLength::For(Millis(10)), Vec::new());
        assert_eq!(soak.poll(Instant(14)), None);
        assert_eq!(soak.deadline(Instant(14)), Some(Instant(15)));
        assert_eq!(soak.poll(Instant(15)), Some(SoakEffect::Converged));
    }

    #[test]
    fn what_was_known_counts_on_in_the_same_boot_and_failures_begin_anew_in_another() {
        let left = SoakLength::For(Millis(1_500));
        for (is_new_boot, has_failed) in [(false, true), (true, false)] {
            let known = CheckRecord {
                runs: 7,
                failures: 2,
                last: Some(failed()),
            };
            let known = (vec![known], is_new_boot);
            let checks = vec![check("web", 1_000, 3)];
            let mut soak = SoakMachine::resume(Instant(0), left, checks, known);
            assert_eq!(soak.left(Instant(100)), Some(Millis(1_400)));
            let end = run(&mut soak, 1_000, |_| failed());
            assert_eq!(end.is_some(), has_failed, "{is_new_boot}");
            assert_eq!(soak.records()[0].runs, 8);
        }
        let checks = vec![check("web", 1_000, 3)];
        let soak = SoakMachine::resume(Instant(0), left, checks, (Vec::new(), false));
        assert_eq!(soak.records(), [CheckRecord::default()]);
    }

    #[test]
    fn what_has_held_before_a_reset_has_to_hold_once_more() {
        let known = CheckRecord {
            runs: 7,
            failures: 0,
            last: Some(CheckResult::Passed),
        };
        let checks = vec![check("web", 1_000, 3)];
        let left = SoakLength::For(Millis(10));
        let mut soak = SoakMachine::resume(Instant(0), left, checks, (vec![known], true));
        assert_eq!(soak.poll(Instant(500)), None);
        let end = run(&mut soak, 1_000, |_| CheckResult::Passed);
        assert_eq!(end, Some(SoakEffect::Converged));
    }
}
