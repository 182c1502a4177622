//! The table of boot recovery, a test by the name of each row, journal and world: the verdict. Everything that is done and
//! told behind a verdict is in `rollout_run/tests/verdict_table.rs`.

use super::*;
use crate::core::generation::rollout_record::RolloutOptions;

const TARGET: Generation = Generation([1; 32]);
const PREVIOUS: Generation = Generation([2; 32]);
const THIRD: Generation = Generation([3; 32]);
const BEFORE: BootId = BootId([1; 16]);
const NOW: BootId = BootId([2; 16]);

const AT_TARGET: WorldView = WorldView::Current(TARGET);
const AT_PREVIOUS: WorldView = WorldView::Current(PREVIOUS);
const AT_THIRD: WorldView = WorldView::Current(THIRD);
const WORLDS: [WorldView; 5] = [
    AT_TARGET,
    AT_PREVIOUS,
    AT_THIRD,
    WorldView::Absent,
    WorldView::Dangling,
];

const PENDING: RolloutState = RolloutState::Pending;
const ACTIVATING: RolloutState = RolloutState::Activating { is_deferred: false };
const DEFERRED: RolloutState = RolloutState::Activating { is_deferred: true };
const SOAKING: RolloutState = RolloutState::Soaking;
const CONVERGED: RolloutState = RolloutState::Converged;
const FAILED: RolloutState = RolloutState::Failed {
    is_rolling_back: false,
};
const ROLLING_BACK: RolloutState = RolloutState::Failed {
    is_rolling_back: true,
};
const REVERTED: RolloutState = RolloutState::Reverted;

fn record(state: RolloutState, boot: BootId) -> RolloutRecord {
    RolloutRecord {
        target: TARGET,
        previous: Some(PREVIOUS),
        state,
        attempts: 1,
        boot,
        security_version: 0,
        deferred_component: None,
        options: RolloutOptions::default(),
        has_rebooted: false,
        is_quarantined: false,
        soak: None,
        failure: None,
        order: None,
    }
}

/// Checks the verdict over a rollout that was recorded in another boot.
#[track_caller]
fn check(state: RolloutState, world: WorldView, expected: RecoveryVerdict) {
    check_in(BEFORE, state, world, expected);
}

#[track_caller]
fn check_in(boot: BootId, state: RolloutState, world: WorldView, expected: RecoveryVerdict) {
    let journal = JournalView::Rollout(record(state, boot));
    assert_eq!(
        recover(&journal, world, NOW),
        expected,
        "{state:?} {world:?}"
    );
}

#[test]
fn empty_and_absent_dangling_or_any() {
    for world in WORLDS {
        let verdict = recover(&JournalView::Empty, world, NOW);
        assert_eq!(verdict, RecoveryVerdict::FreshInstall);
    }
}

#[test]
fn unreadable_and_any() {
    for world in WORLDS {
        let verdict = recover(&JournalView::Unreadable, world, NOW);
        assert_eq!(verdict, RecoveryVerdict::JournalUnreadable);
    }
}

#[test]
fn pending_and_previous() {
    check(PENDING, AT_PREVIOUS, RecoveryVerdict::Requeue);
}

#[test]
fn pending_or_activating_and_target() {
    check(PENDING, AT_TARGET, RecoveryVerdict::Completed);
    check(ACTIVATING, AT_TARGET, RecoveryVerdict::Completed);
}

#[test]
fn activating_and_previous() {
    check(ACTIVATING, AT_PREVIOUS, RecoveryVerdict::Retry);
}

#[test]
fn activating_and_previous_for_the_fourth_attempt() {
    for (attempts, is_last) in [(1, false), (2, false), (3, true), (u8::MAX, true)] {
        let record = RolloutRecord {
            attempts,
            ..record(ACTIVATING, BEFORE)
        };
        assert_eq!(record.with_attempt(NOW).is_none(), is_last, "{attempts}");
        let verdict = recover(&JournalView::Rollout(record), AT_PREVIOUS, NOW);
        let is_exhausted = verdict == RecoveryVerdict::AttemptsExhausted;
        assert_eq!(is_exhausted, is_last, "{attempts}");
    }
}

#[test]
fn a_test_is_steady_once_it_has_begun() {
    for state in [ACTIVATING, SOAKING, CONVERGED, REVERTED] {
        for world in WORLDS {
            let record = RolloutRecord {
                options: RolloutOptions {
                    is_test: true,
                    ..RolloutOptions::default()
                },
                ..record(state, BEFORE)
            };
            let verdict = recover(&JournalView::Rollout(record), world, NOW);
            assert_eq!(verdict, RecoveryVerdict::Steady, "{state:?} {world:?}");
        }
    }
}

#[test]
fn activating_deferred_and_target_and_a_new_boot() {
    check(DEFERRED, AT_TARGET, RecoveryVerdict::Completed);
}

#[test]
fn activating_deferred_and_same_boot() {
    for world in [AT_TARGET, AT_PREVIOUS] {
        check_in(NOW, DEFERRED, world, RecoveryVerdict::StillDeferred);
    }
}

#[test]
fn activating_deferred_and_previous_and_a_new_boot() {
    check(DEFERRED, AT_PREVIOUS, RecoveryVerdict::BootLoaderReverted);
}

#[test]
fn soaking_and_target() {
    for boot in [BEFORE, NOW] {
        check_in(boot, SOAKING, AT_TARGET, RecoveryVerdict::ResumeSoak);
    }
}

#[test]
fn soaking_and_previous() {
    check(SOAKING, AT_PREVIOUS, RecoveryVerdict::BootLoaderReverted);
}

#[test]
fn failed_rolling_back_and_either() {
    for world in [AT_TARGET, AT_PREVIOUS] {
        check(ROLLING_BACK, world, RecoveryVerdict::FinishRollback);
    }
}

#[test]
fn any_of_these_and_neither_absent_or_dangling() {
    for state in [PENDING, ACTIVATING, DEFERRED, SOAKING, ROLLING_BACK] {
        for world in [AT_THIRD, WorldView::Absent, WorldView::Dangling] {
            let found = world.current();
            for boot in [BEFORE, NOW] {
                check_in(
                    boot,
                    state,
                    world,
                    RecoveryVerdict::VerifyMismatch { found },
                );
            }
        }
    }
}

/// The states at the end, and the generation that was recorded there.
const ENDS: [(RolloutState, Generation); 3] = [
    (CONVERGED, TARGET),
    (FAILED, PREVIOUS),
    (REVERTED, PREVIOUS),
];

#[test]
fn converged_failed_reverted_and_as_recorded() {
    for (state, recorded) in ENDS {
        let world = WorldView::Current(recorded);
        check(state, world, RecoveryVerdict::Steady);
    }
}

#[test]
fn converged_failed_reverted_and_otherwise() {
    for (state, recorded) in ENDS {
        let expected = Some(recorded);
        for world in WORLDS.into_iter().filter(|world| !world.is(expected)) {
            let found = world.current();
            check(state, world, RecoveryVerdict::Drift { expected, found });
        }
    }
}

#[test]
fn a_board_that_had_no_generation_is_at_the_previous_one_without_any() {
    for (state, expected) in [
        (PENDING, RecoveryVerdict::Requeue),
        (ACTIVATING, RecoveryVerdict::Retry),
        (REVERTED, RecoveryVerdict::Steady),
        (ROLLING_BACK, RecoveryVerdict::FinishRollback),
    ] {
        let record = RolloutRecord {
            previous: None,
            ..record(state, BEFORE)
        };
        let journal = JournalView::Rollout(record);
        assert_eq!(
            recover(&journal, WorldView::Absent, NOW),
            expected,
            "{state:?}"
        );
        let found = None;
        let dangling = recover(&journal, WorldView::Dangling, NOW);
        let drift = RecoveryVerdict::Drift {
            expected: None,
            found,
        };
        if state == REVERTED {
            assert_eq!(dangling, drift);
        } else {
            assert_eq!(
                dangling,
                RecoveryVerdict::VerifyMismatch { found },
                "{state:?}"
            );
        }
    }
}
