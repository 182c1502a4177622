//! The table of outcomes, a test by the name of each row: every operation, record and event in its order, and what
//! follows from it.
//!
//! Completions have the exit code 0 in every dialect, and none in the step itself.

use super::run_trace::{RunTrace, carry_out, nothing_fails};
use super::*;
use crate::core::generation::recovery::{JournalView, RecoveryVerdict, WorldView, recover};
use crate::core::generation::rollout_ledger::RolloutLedger;

/// Everything up to the moment at which the pointer has been read back.
const READ_BACK: [&str; 6] = [
    "event activation-started symlink",
    "realise TARGET",
    "set TARGET",
    "ask gate",
    "switch TARGET",
    "read back TARGET",
];
/// The way back.
const ROLLED_BACK: [&str; 4] = [
    "record rollback-started",
    "switch PREVIOUS",
    "read back PREVIOUS",
    "event rollback-completed PREVIOUS",
];
const AT_TARGET: WorldView = WorldView::Current(TARGET);
const AT_PREVIOUS: WorldView = WorldView::Current(PREVIOUS);

fn begun() -> (RolloutRun, RunEffect) {
    RolloutRun::begin(ordered(None, false), BOOT, "symlink")
}

fn is_realise(effect: &RunEffect) -> bool {
    matches!(effect, Operation(RunOperation::Realise(_)))
}

fn is_switch(effect: &RunEffect, back: bool) -> bool {
    matches!(effect, Operation(RunOperation::Switch { is_rollback, .. }) if *is_rollback == back)
}

fn operation_failed(code: Option<i32>, detail: &str) -> ActivationInput {
    let detail = detail.to_owned();
    ActivationInput::OperationFailed { code, detail }
}

/// Returns the verdict over the record in a boot that finds this world.
fn verdict(record: &RolloutRecord, world: WorldView, boot: BootId) -> RecoveryVerdict {
    recover(&JournalView::Rollout(record.clone()), world, boot)
}

/// Checks that nothing was switched, and that nothing is tried again by itself.
#[track_caller]
fn check_failed(trace: &RunTrace) {
    assert_eq!(trace.end, RunEnd::Failed);
    assert_eq!(trace.pointer, Some(PREVIOUS));
    assert_eq!(trace.record.state.word(), "failed");
    assert!(!trace.record.is_quarantined);
    for boot in [BOOT, NEXT_BOOT] {
        let verdict = verdict(&trace.record, AT_PREVIOUS, boot);
        assert_eq!(verdict, RecoveryVerdict::Steady);
    }
}

/// Checks that the generation before is there, that the bad one is not taken again, and that this is the end.
#[track_caller]
fn check_reverted(trace: &RunTrace) {
    assert_eq!(trace.end, RunEnd::Reverted);
    assert_eq!(trace.pointer, Some(PREVIOUS));
    assert_eq!(trace.record.state.word(), "reverted");
    let mut ledger = RolloutLedger::default();
    ledger.take(trace.record.clone());
    assert_eq!(ledger.quarantined(), [TARGET]);
    let verdict = verdict(&trace.record, AT_PREVIOUS, NEXT_BOOT);
    assert_eq!(verdict, RecoveryVerdict::Steady);
    let completions = trace.events();
    let completions = completions
        .iter()
        .filter(|event| event.starts_with("rollback-completed"));
    assert_eq!(completions.count(), 1);
}

/// Carries out an order whose files cannot be made ready.
#[track_caller]
fn check_realise_failed(input: &ActivationInput, event: &str) {
    let trace = carry_out(begun(), Some(PREVIOUS), |effect| {
        is_realise(effect).then(|| input.clone())
    });
    let [started, realise, ..] = READ_BACK;
    trace.check(&[started, realise, event], RunEnd::Failed);
    check_failed(&trace);
}

#[test]
fn fired_and_polled() {
    let trace = carry_out(begun(), Some(PREVIOUS), nothing_fails);
    let lines = [&READ_BACK[..], &["event activation-completed TARGET"]].concat();
    trace.check(&lines, RunEnd::Soaking);
    assert_eq!(trace.pointer, Some(TARGET));
    assert_eq!(trace.record.state, RolloutState::Soaking);
}

#[test]
fn deferred_until_reboot() {
    let by_manifest = RolloutRun::begin(ordered(Some("kernel"), false), BOOT, "symlink");
    let trace = carry_out(by_manifest, Some(PREVIOUS), nothing_fails);
    let lines = [&READ_BACK[..], &["event activation-deferred kernel"]].concat();
    trace.check(&lines, RunEnd::Deferred);
    check_deferred(&trace.record);
    // A backend may know it only when it switches; its pointer moves at the reboot, and is not read back before.
    let trace = carry_out(begun(), Some(PREVIOUS), |effect| {
        let deferred = ActivationInput::SwitchDeferred("init".to_owned());
        is_switch(effect, false).then_some(deferred)
    });
    let lines = [&READ_BACK[..5], &["event activation-deferred init"]].concat();
    trace.check(&lines, RunEnd::Deferred);
    check_deferred(&trace.record);
}

/// Checks that it stays activating, and that the next boot decides.
#[track_caller]
fn check_deferred(record: &RolloutRecord) {
    let deferred = RolloutState::Activating { is_deferred: true };
    assert_eq!(record.state, deferred);
    for (boot, world, expected) in [
        (BOOT, AT_TARGET, RecoveryVerdict::StillDeferred),
        (BOOT, AT_PREVIOUS, RecoveryVerdict::StillDeferred),
        (NEXT_BOOT, AT_TARGET, RecoveryVerdict::Completed),
        (NEXT_BOOT, AT_PREVIOUS, RecoveryVerdict::BootLoaderReverted),
    ] {
        assert_eq!(verdict(record, world, boot), expected, "{world:?}");
    }
}

#[test]
fn signature_mismatch() {
    check_realise_failed(
        &ActivationInput::SignatureMismatch("unknown key".to_owned()),
        "event activation-failed -2 signature mismatch on TARGET: unknown key",
    );
}

#[test]
fn digest_mismatch() {
    check_realise_failed(
        &operation_failed(None, "bin/gateway: its content is another"),
        "event activation-failed -1 realise failed: bin/gateway: its content is another",
    );
}

#[test]
fn realise_failed() {
    // A program's own exit code is in the log: the table has -1.
    for code in [None, Some(7)] {
        check_realise_failed(
            &operation_failed(code, "/usr/bin/fetch: exit status: 7"),
            "event activation-failed -1 realise failed: /usr/bin/fetch: exit status: 7",
        );
    }
}

#[test]
fn no_space() {
    check_realise_failed(
        &operation_failed(None, "bin/gateway: No space left on device (os error 28)"),
        "event activation-failed -1 realise failed: bin/gateway: No space left on device (os error 28)",
    );
}

#[test]
fn pipeline_error() {
    for (operation, lines) in [("set", &READ_BACK[..3]), ("before-switch", &READ_BACK[..4])] {
        let trace = carry_out(begun(), Some(PREVIOUS), |effect| {
            let is_it = match effect {
                Operation(RunOperation::Set(_)) => operation == "set",
                Operation(RunOperation::AskGate) => operation == "before-switch",
                _ => false,
            };
            is_it.then(|| operation_failed(Some(4), &format!("{operation}: exit status: 4")))
        });
        let event = format!(
            "event activation-failed -1 activation pipeline error: {operation}: exit status: 4"
        );
        trace.check(&[lines, &[&event]].concat(), RunEnd::Failed);
        check_failed(&trace);
    }
}

#[test]
fn switch_failed() {
    for (code, told) in [(Some(100), 100), (None, -1)] {
        let fails = |effect: &RunEffect| {
            is_switch(effect, false).then(|| operation_failed(code, "after-switch"))
        };
        let event = format!("event activation-failed {told} switch failed at phase after-switch");
        let failed = [&READ_BACK[..], &[&event]].concat();
        // The pointer has not moved.
        let trace = carry_out(begun(), Some(PREVIOUS), fails);
        trace.check(&failed, RunEnd::Failed);
        check_failed(&trace);
        // It has.
        let trace = carry_out(begun(), Some(TARGET), fails);
        trace.check(&[&failed[..], &ROLLED_BACK].concat(), RunEnd::Reverted);
        check_reverted(&trace);
    }
}

/// A pointer that was switched and reads back as something else.
#[test]
fn verify_mismatch() {
    for (world, actual) in [
        (WorldView::Current(THIRD), "THIRD"),
        (AT_PREVIOUS, "PREVIOUS"),
        (WorldView::Absent, "none"),
        (WorldView::Dangling, "none"),
    ] {
        let trace = carry_out(begun(), Some(PREVIOUS), |effect| {
            let is_it = *effect == Operation(RunOperation::ReadBack(Some(TARGET)));
            is_it.then_some(ActivationInput::Observed(world))
        });
        let event =
            format!("event activation-failed -3 verify mismatch: expected=TARGET actual={actual}");
        let lines = [&READ_BACK[..], &[&event], &ROLLED_BACK].concat();
        trace.check(&lines, RunEnd::Reverted);
        check_reverted(&trace);
    }
}

#[test]
fn soak_failed() {
    let failed = RolloutRun::fail_soak(soaking(), BOOT, "web");
    let trace = carry_out(failed, Some(TARGET), nothing_fails);
    let event = "event activation-failed -4 soak failed: web";
    trace.check(&[&[event], &ROLLED_BACK[..]].concat(), RunEnd::Reverted);
    check_reverted(&trace);
    let failure = trace.record.failure.unwrap();
    assert_eq!((failure.code, &*failure.detail), (-4, "soak failed: web"));
}

#[test]
fn the_bootloader_fell_back_by_itself() {
    for record in [soaking(), deferred()] {
        let found = verdict(&record, AT_PREVIOUS, NEXT_BOOT);
        assert_eq!(found, RecoveryVerdict::BootLoaderReverted);
        let run = RolloutRun::recovered(record, NEXT_BOOT, "symlink", found).unwrap();
        let trace = carry_out(run, Some(PREVIOUS), nothing_fails);
        let lines = [
            "event activation-failed -5 reverted by the bootloader",
            "event rollback-completed PREVIOUS",
        ];
        trace.check(&lines, RunEnd::Reverted);
        check_reverted(&trace);
    }
}

/// The row in which somebody wants what was kept to be put back; the others that end so have rows of their own.
#[test]
fn rolled_back() {
    let back = RolloutRun::roll_back(converged(), BOOT);
    let trace = carry_out(back, Some(TARGET), nothing_fails);
    trace.check(&ROLLED_BACK, RunEnd::Reverted);
    check_reverted(&trace);
    // What soaks has failed then.
    let back = RolloutRun::roll_back(soaking(), BOOT);
    let trace = carry_out(back, Some(TARGET), nothing_fails);
    let event = "event activation-failed -1 rolled back by request";
    trace.check(&[&[event], &ROLLED_BACK[..]].concat(), RunEnd::Reverted);
    check_reverted(&trace);
}

/// Checks a rollback whose switch, or whose look at the pointer, ends like this.
#[track_caller]
fn check_rollback_failed(fault: impl Fn(&RunEffect) -> Option<ActivationInput>, told: &str) {
    let back = RolloutRun::roll_back(converged(), BOOT);
    let trace = carry_out(back, Some(TARGET), fault);
    let event = format!("activation-failed {told}");
    assert_eq!(trace.events(), [event], "exactly one, and no completion");
    assert_eq!(trace.end, RunEnd::RollbackFailed);
    // The record stays, and the next life goes on with it.
    assert_eq!(trace.record.state, RolloutState::ROLLBACK_ORDERED);
    for world in [AT_TARGET, AT_PREVIOUS] {
        let verdict = verdict(&trace.record, world, NEXT_BOOT);
        assert_eq!(verdict, RecoveryVerdict::FinishRollback);
    }
}

#[test]
fn rollback_failed() {
    check_rollback_failed(
        |effect| is_switch(effect, true).then(|| operation_failed(Some(7), "rollback")),
        "7 rollback failed at phase rollback",
    );
    check_rollback_failed(
        |effect| {
            let is_it = *effect == Operation(RunOperation::ReadBack(Some(PREVIOUS)));
            is_it.then_some(ActivationInput::Observed(AT_TARGET))
        },
        "-1 rollback failed at phase verify",
    );
}

#[test]
fn rollback_pipeline_error() {
    check_rollback_failed(
        |effect| is_switch(effect, true).then(|| operation_failed(None, "symlink: I/O error")),
        "-1 rollback pipeline error: symlink: I/O error",
    );
}

#[test]
fn started_not_recorded() {
    let trace = carry_out(begun(), Some(PREVIOUS), |effect| {
        let is_append = matches!(effect, RunEffect::Append { .. });
        is_append.then_some(ActivationInput::NotRecorded)
    });
    trace.check(&["not recorded"], RunEnd::NotRecorded);
    assert_eq!(trace.record, ordered(None, false));
    assert_eq!(trace.pointer, Some(PREVIOUS));
}

#[test]
fn test_mode_is_started_and_completed() {
    let begun = RolloutRun::begin(ordered(None, true), BOOT, "symlink");
    let trace = carry_out(begun, Some(PREVIOUS), nothing_fails);
    let lines = [
        "event activation-started symlink",
        "event activation-completed TARGET",
    ];
    trace.check(&lines, RunEnd::Soaking);
    assert_eq!(trace.pointer, Some(PREVIOUS));
}

#[test]
fn test_mode_rollback_is_exactly_a_completion() {
    let begun = RolloutRun::begin(ordered(None, true), BOOT, "symlink");
    let record = carry_out(begun, Some(PREVIOUS), nothing_fails).record;
    let back = RolloutRun::roll_back(record, BOOT);
    let trace = carry_out(back, Some(PREVIOUS), nothing_fails);
    trace.check(&["event rollback-completed PREVIOUS"], RunEnd::Reverted);
    assert_eq!(trace.pointer, Some(PREVIOUS));
}
