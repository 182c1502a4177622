//! Runs as their owner sees them: what is appended and done, and where they end.

use super::*;
use crate::core::generation::recovery::{RecoveryVerdict, WorldView};
use crate::core::generation::rollout_record::{RolloutOptions, RolloutOrder};
use RunEffect::{End, Operation};

const TARGET: Generation = Generation([1; 32]);
const PREVIOUS: Generation = Generation([2; 32]);
const BOOT: BootId = BootId([1; 16]);
const NEXT_BOOT: BootId = BootId([2; 16]);

fn ordered(deferred_component: Option<&str>, is_test: bool) -> RolloutRecord {
    let order = RolloutOrder {
        target: TARGET,
        security_version: 3,
        previous: Some(PREVIOUS),
        deferred_component: deferred_component.map(str::to_owned),
        options: RolloutOptions {
            is_test,
            ..RolloutOptions::default()
        },
    };
    RolloutRecord::ordered(order, BOOT)
}

/// Carries a run out on a board where everything works but `fault`; returns what was recorded, and the end.
fn carry_out(
    (mut run, mut effect): (RolloutRun, RunEffect),
    pointer: &mut Option<Generation>,
    fault: impl Fn(&RunEffect) -> Option<ActivationInput>,
) -> (Vec<&'static str>, RunEnd, RolloutRecord) {
    let mut recorded = Vec::new();
    loop {
        let planned = fault(&effect);
        let input = match &effect {
            End(end) => return (recorded, *end, run.record().clone()),
            RunEffect::Append { step, .. } => {
                let steps = step.steps();
                recorded.extend(
                    steps
                        .iter()
                        .map(lastword_protocol::rollout::RolloutStep::word),
                );
                ActivationInput::Recorded
            }
            Operation(RunOperation::Switch { to, .. }) if planned.is_none() => {
                *pointer = *to;
                ActivationInput::Done
            }
            Operation(RunOperation::ReadBack(_)) => {
                ActivationInput::Observed(pointer.map_or(WorldView::Absent, WorldView::Current))
            }
            Operation(RunOperation::AskGate | RunOperation::AskGateIn(_)) => {
                ActivationInput::GateOpen
            }
            Operation(_) => ActivationInput::Done,
        };
        effect = run
            .step(planned.unwrap_or(input))
            .expect("it was waited for");
    }
}

fn nothing_fails(_: &RunEffect) -> Option<ActivationInput> {
    None
}

#[test]
fn an_order_soaks_and_converges() {
    let mut pointer = Some(PREVIOUS);
    let begun = RolloutRun::begin(ordered(None, false), BOOT, "symlink");
    let (recorded, end, record) = carry_out(begun, &mut pointer, nothing_fails);
    assert_eq!(recorded, ["activation-started", "activation-completed"]);
    assert_eq!((end, pointer), (RunEnd::Soaking, Some(TARGET)));
    let converged = RolloutRun::converge(record, BOOT);
    let (recorded, end, record) = carry_out(converged, &mut pointer, nothing_fails);
    assert_eq!((recorded, end), (vec!["soak-completed"], RunEnd::Converged));
    // And back again, because somebody wants that.
    let back = RolloutRun::roll_back(record, BOOT);
    let (recorded, end, record) = carry_out(back, &mut pointer, nothing_fails);
    assert_eq!(recorded, ["rollback-started", "rollback-completed"]);
    assert_eq!((end, pointer), (RunEnd::Reverted, Some(PREVIOUS)));
    assert!(record.is_quarantined);
}

#[test]
fn a_failed_soak_is_put_back() {
    let mut pointer = Some(TARGET);
    let soaking = ordered(None, false)
        .after_recorded(&RecordedStep::Completed { observed: TARGET }, BOOT)
        .unwrap();
    let failed = RolloutRun::fail_soak(soaking, BOOT, "web");
    let (recorded, end, record) = carry_out(failed, &mut pointer, nothing_fails);
    let steps = [
        "activation-failed",
        "rollback-started",
        "rollback-completed",
    ];
    assert_eq!(recorded, steps);
    assert_eq!((end, pointer), (RunEnd::Reverted, Some(PREVIOUS)));
    let failure = record.failure.unwrap();
    assert_eq!((failure.code, &*failure.detail), (-4, "soak failed: web"));
}

#[test]
fn a_switch_that_fails_behind_the_pointer_is_put_back() {
    let mut pointer = Some(TARGET);
    let begun = RolloutRun::begin(ordered(None, false), BOOT, "symlink");
    let (recorded, end, _) = carry_out(begun, &mut pointer, |effect| {
        let is_first = matches!(
            effect,
            Operation(RunOperation::Switch {
                is_rollback: false,
                ..
            })
        );
        is_first.then(|| ActivationInput::OperationFailed {
            code: None,
            detail: "sync".to_owned(),
        })
    });
    let steps = [
        "activation-started",
        "activation-failed",
        "rollback-started",
        "rollback-completed",
    ];
    assert_eq!(recorded, steps);
    assert_eq!((end, pointer), (RunEnd::Reverted, Some(PREVIOUS)));
}

#[test]
fn a_deferred_component_survives_a_kill_in_the_same_boot_and_ends_with_another() {
    let record = ordered(Some("kernel"), false);
    let started = RecordedStep::Started {
        switch_method: "symlink",
    };
    let killed = record.after_recorded(&started, BOOT).unwrap();
    for (boot, expected, step) in [
        (BOOT, RunEnd::Deferred, "activation-deferred"),
        (NEXT_BOOT, RunEnd::Soaking, "activation-completed"),
    ] {
        let verdict = RecoveryVerdict::Completed;
        let run = RolloutRun::recovered(killed.clone(), boot, "symlink", verdict).unwrap();
        let (recorded, end, _) = carry_out(run, &mut Some(TARGET), nothing_fails);
        assert_eq!((recorded, end), (vec![step], expected));
    }
}

#[test]
fn every_verdict_over_every_state_it_is_given_for_has_legal_steps() {
    use RecoveryVerdict as Verdict;
    let found = Some(Generation([9; 32]));
    let pending = ordered(None, false);
    let started = RecordedStep::Started {
        switch_method: "symlink",
    };
    let activating = pending.after_recorded(&started, BOOT).unwrap();
    let deferred = activating
        .after_recorded(
            &RecordedStep::Deferred {
                component: "kernel".to_owned(),
            },
            BOOT,
        )
        .unwrap();
    let soaking = activating
        .after_recorded(&RecordedStep::Completed { observed: TARGET }, BOOT)
        .unwrap();
    let rolling_back = soaking
        .after_recorded(&RecordedStep::FailedAndRollingBack(requested()), BOOT)
        .unwrap();
    let mismatch = Verdict::VerifyMismatch { found };
    for (record, verdict, expected) in [
        (&pending, Verdict::Requeue, RunEnd::Soaking),
        (&pending, Verdict::Completed, RunEnd::Soaking),
        (&pending, mismatch, RunEnd::Reverted),
        (&activating, Verdict::Retry, RunEnd::Soaking),
        (&activating, Verdict::Completed, RunEnd::Soaking),
        (&activating, Verdict::AttemptsExhausted, RunEnd::Failed),
        (&activating, mismatch, RunEnd::Reverted),
        (&deferred, Verdict::Completed, RunEnd::Soaking),
        (&deferred, Verdict::BootLoaderReverted, RunEnd::Reverted),
        (&deferred, mismatch, RunEnd::Reverted),
        (&soaking, Verdict::BootLoaderReverted, RunEnd::Reverted),
        (&soaking, mismatch, RunEnd::Reverted),
        (&rolling_back, Verdict::FinishRollback, RunEnd::Reverted),
        (&rolling_back, mismatch, RunEnd::Reverted),
    ] {
        let run = RolloutRun::recovered(record.clone(), NEXT_BOOT, "symlink", verdict).unwrap();
        let (_, end, _) = carry_out(run, &mut Some(PREVIOUS), nothing_fails);
        assert_eq!(end, expected, "{:?} {verdict:?}", record.state);
    }
}

#[test]
fn a_rollout_that_is_put_off_can_be_called_off() {
    let started = RecordedStep::Started {
        switch_method: "symlink",
    };
    let activating = ordered(None, false).after_recorded(&started, BOOT).unwrap();
    for (record, step, end) in [
        (ordered(None, false), "cancelled", RunEnd::Reverted),
        (activating, "activation-failed", RunEnd::Failed),
    ] {
        let mut pointer = Some(PREVIOUS);
        let run = RolloutRun::call_off(record, BOOT);
        let (recorded, found, record) = carry_out(run, &mut pointer, nothing_fails);
        assert_eq!((recorded, found), (vec![step], end));
        assert!(record.state.is_terminal() && !record.is_quarantined);
    }
}

#[test]
fn a_start_that_cannot_be_recorded_does_nothing() {
    let begun = RolloutRun::begin(ordered(None, false), BOOT, "symlink");
    let (_, end, record) = carry_out(begun, &mut Some(PREVIOUS), |effect| {
        let is_append = matches!(effect, RunEffect::Append { .. });
        is_append.then_some(ActivationInput::NotRecorded)
    });
    assert_eq!(end, RunEnd::NotRecorded);
    assert_eq!(record, ordered(None, false));
}

#[test]
fn a_test_switches_nothing_forward_or_back() {
    let mut pointer = Some(PREVIOUS);
    let begun = RolloutRun::begin(ordered(None, true), BOOT, "symlink");
    let (recorded, end, record) = carry_out(begun, &mut pointer, |effect| {
        assert!(!matches!(effect, Operation(_)), "{effect:?}");
        None
    });
    assert_eq!(recorded, ["activation-started", "activation-completed"]);
    assert_eq!(end, RunEnd::Soaking);
    let back = RolloutRun::roll_back(record, BOOT);
    let (recorded, end, _) = carry_out(back, &mut pointer, nothing_fails);
    assert_eq!(recorded, ["rollback-completed"]);
    assert_eq!((end, pointer), (RunEnd::Reverted, Some(PREVIOUS)));
}
