//! Runs as their owner sees them: what is appended and done, and where they end.

mod outcome_table;
mod run_trace;
mod verdict_table;

use super::*;
use crate::core::generation::recovery::RecoveryVerdict;
use crate::core::generation::rollout_record::{RolloutOptions, RolloutOrder};
use RunEffect::Operation;
use lastword_protocol::rollout::ACTIVATION_ATTEMPTS_MAX;
use run_trace::{carry_out, nothing_fails};

const TARGET: Generation = Generation([1; 32]);
const PREVIOUS: Generation = Generation([2; 32]);
const THIRD: Generation = Generation([3; 32]);
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
        order: None,
    };
    RolloutRecord::ordered(order, BOOT)
}

fn pending() -> RolloutRecord {
    ordered(None, false)
}

fn activating() -> RolloutRecord {
    let switch_method = "symlink";
    recorded(&pending(), &RecordedStep::Started { switch_method })
}

fn deferred() -> RolloutRecord {
    let component = "kernel".to_owned();
    recorded(&activating(), &RecordedStep::Deferred { component })
}

fn soaking() -> RolloutRecord {
    recorded(&activating(), &RecordedStep::Completed { observed: TARGET })
}

fn converged() -> RolloutRecord {
    recorded(&soaking(), &RecordedStep::SoakCompleted)
}

fn rolling_back() -> RolloutRecord {
    recorded(&soaking(), &RecordedStep::FailedAndRollingBack(requested()))
}

fn recorded(record: &RolloutRecord, step: &RecordedStep) -> RolloutRecord {
    record.after_recorded(step, BOOT).unwrap()
}

#[test]
fn an_order_soaks_converges_and_can_be_put_back() {
    let begun = RolloutRun::begin(pending(), BOOT, "symlink");
    let trace = carry_out(begun, Some(PREVIOUS), nothing_fails);
    assert_eq!(
        trace.steps(),
        ["activation-started", "activation-completed"]
    );
    assert_eq!((trace.end, trace.pointer), (RunEnd::Soaking, Some(TARGET)));
    let converged = RolloutRun::converge(trace.record, BOOT);
    let trace = carry_out(converged, trace.pointer, nothing_fails);
    trace.check(&["event soak-completed"], RunEnd::Converged);
    let back = RolloutRun::roll_back(trace.record, BOOT);
    let trace = carry_out(back, trace.pointer, nothing_fails);
    assert_eq!(trace.steps(), ["rollback-started", "rollback-completed"]);
    assert_eq!(
        (trace.end, trace.pointer),
        (RunEnd::Reverted, Some(PREVIOUS))
    );
}

#[test]
fn a_deferred_component_survives_a_kill_in_the_same_boot_and_ends_with_another() {
    let switch_method = "symlink";
    let started = RecordedStep::Started { switch_method };
    let killed = recorded(&ordered(Some("kernel"), false), &started);
    for (boot, expected, step) in [
        (BOOT, RunEnd::Deferred, "activation-deferred"),
        (NEXT_BOOT, RunEnd::Soaking, "activation-completed"),
    ] {
        let verdict = RecoveryVerdict::Completed;
        let run = RolloutRun::recovered(killed.clone(), boot, "symlink", verdict).unwrap();
        let trace = carry_out(run, Some(TARGET), nothing_fails);
        assert_eq!(trace.steps(), [step]);
        assert_eq!(trace.end, expected);
    }
}

#[test]
fn a_rollout_that_is_put_off_can_be_called_off() {
    for (record, lines, end) in [
        (pending(), "event cancelled", RunEnd::Reverted),
        (
            activating(),
            "event activation-failed -1 called off by request",
            RunEnd::Failed,
        ),
    ] {
        let run = RolloutRun::call_off(record, BOOT);
        let trace = carry_out(run, Some(PREVIOUS), nothing_fails);
        trace.check(&[lines], end);
        assert!(trace.record.state.is_terminal() && !trace.record.is_quarantined);
    }
}
