//! Each verdict of a boot over a rollout, with everything that is done and told behind it.

use super::run_trace::{carry_out, nothing_fails};
use super::*;
use crate::core::generation::recovery::RecoveryVerdict;

const FORWARD: [&str; 6] = [
    "realise TARGET",
    "set TARGET",
    "ask gate",
    "switch TARGET",
    "read back TARGET",
    "event activation-completed TARGET",
];
const BACK: [&str; 3] = [
    "switch PREVIOUS",
    "read back PREVIOUS",
    "event rollback-completed PREVIOUS",
];
const MISMATCH: &str = "event activation-failed -3 verify mismatch: expected=TARGET actual=THIRD";

/// Checks everything that a verdict over a record leads to in the next boot.
#[track_caller]
fn check(record: RolloutRecord, verdict: RecoveryVerdict, lines: &[&str], end: RunEnd) {
    let run = RolloutRun::recovered(record, NEXT_BOOT, "symlink", verdict).unwrap();
    carry_out(run, Some(TARGET), nothing_fails).check(lines, end);
}

#[test]
fn requeued_is_begun() {
    let lines = [&["event activation-started symlink"], &FORWARD[..]].concat();
    check(pending(), RecoveryVerdict::Requeue, &lines, RunEnd::Soaking);
}

#[test]
fn retried_is_begun_again_and_told_once() {
    let lines = [&["record attempt-repeated"], &FORWARD[..]].concat();
    check(
        activating(),
        RecoveryVerdict::Retry,
        &lines,
        RunEnd::Soaking,
    );
}

#[test]
fn a_fourth_attempt_is_a_failure() {
    let mut record = activating();
    for _ in 1..ACTIVATION_ATTEMPTS_MAX {
        let run = RolloutRun::recovered(record, NEXT_BOOT, "symlink", RecoveryVerdict::Retry);
        // It is interrupted each time before anything else is recorded.
        let Some((_, RunEffect::Append { record: next, .. })) = run else {
            panic!("{run:?}");
        };
        record = *next;
    }
    let lines = ["event activation-failed -1 activation pipeline error: interrupted 3 times"];
    let verdict = RecoveryVerdict::AttemptsExhausted;
    check(record, verdict, &lines, RunEnd::Failed);
}

#[test]
fn completed_is_told_once_and_soaks() {
    for record in [pending(), activating(), deferred()] {
        check(
            record,
            RecoveryVerdict::Completed,
            &FORWARD[3..],
            RunEnd::Soaking,
        );
    }
}

#[test]
fn a_boot_loader_that_went_back_is_told_and_nothing_is_done() {
    let lines = [
        "event activation-failed -5 reverted by the bootloader",
        "event rollback-completed PREVIOUS",
    ];
    for record in [deferred(), soaking()] {
        let verdict = RecoveryVerdict::BootLoaderReverted;
        check(record, verdict, &lines, RunEnd::Reverted);
    }
}

#[test]
fn a_rollback_is_finished_and_told_once() {
    let verdict = RecoveryVerdict::FinishRollback;
    check(rolling_back(), verdict, &BACK, RunEnd::Reverted);
}

#[test]
fn a_verify_mismatch_is_rolled_back() {
    let found = Some(THIRD);
    let verdict = RecoveryVerdict::VerifyMismatch { found };
    let lines = [&[MISMATCH, "record rollback-started"], &BACK[..]].concat();
    for record in [pending(), activating(), deferred(), soaking()] {
        check(record, verdict, &lines, RunEnd::Reverted);
    }
    // Its failure was told when it began.
    check(rolling_back(), verdict, &BACK, RunEnd::Reverted);
}

#[test]
fn the_other_verdicts_begin_no_run() {
    for verdict in [
        RecoveryVerdict::FreshInstall,
        RecoveryVerdict::JournalUnreadable,
        RecoveryVerdict::StillDeferred,
        RecoveryVerdict::ResumeSoak,
        RecoveryVerdict::Steady,
        RecoveryVerdict::Drift {
            expected: Some(TARGET),
            found: None,
        },
    ] {
        let run = RolloutRun::recovered(soaking(), NEXT_BOOT, "symlink", verdict);
        assert_eq!(run, None, "{verdict:?}");
    }
}
