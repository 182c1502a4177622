//! Each outcome of the design: the operations, the records and their order.

use super::*;
use ActivationEffect as Effect;
use ActivationInput as Input;

const TARGET: Generation = Generation([1; 32]);
const PREVIOUS: Generation = Generation([2; 32]);
const THIRD: Generation = Generation([3; 32]);
const AT_TARGET: Input = Input::Observed(WorldView::Current(TARGET));
const AT_PREVIOUS: Input = Input::Observed(WorldView::Current(PREVIOUS));

fn order() -> ActivationOrder {
    ActivationOrder {
        target: TARGET,
        previous: Some(PREVIOUS),
        switch_method: "symlink",
        deferred_component: None,
        is_test: false,
    }
}

fn started() -> Effect {
    Effect::Record(RecordedStep::Started {
        switch_method: "symlink",
    })
}

fn completed() -> Effect {
    Effect::Record(RecordedStep::Completed { observed: TARGET })
}

fn failed(code: i32, detail: impl Into<String>) -> Effect {
    let detail = detail.into();
    Effect::Record(RecordedStep::Failed(StepFailure { code, detail }))
}

fn failed_and_rolling_back(code: i32, detail: impl Into<String>) -> Effect {
    let detail = detail.into();
    Effect::Record(RecordedStep::FailedAndRollingBack(StepFailure {
        code,
        detail,
    }))
}

fn operation_failed(code: Option<i32>, detail: &str) -> Input {
    let detail = detail.to_owned();
    Input::OperationFailed { code, detail }
}

/// Steps an order through inputs, and checks each effect.
#[track_caller]
fn check(order: ActivationOrder, steps: Vec<(Input, Effect)>) {
    let (mut machine, first) = ActivationMachine::begin(order);
    assert_eq!(first, started());
    for (input, expected) in steps {
        let told = format!("{input:?} in {machine:?}");
        assert_eq!(machine.step(input), Some(expected), "{told}");
    }
    assert_eq!(machine.state, ActivationState::Over);
}

/// The inputs and effects up to the switch, and those behind it.
fn through_switch(rest: Vec<(Input, Effect)>) -> Vec<(Input, Effect)> {
    let mut steps = vec![
        (Input::Recorded, Effect::Realise),
        (Input::Done, Effect::Set),
        (Input::Done, Effect::AskGate),
        (Input::GateOpen, Effect::Switch),
    ];
    steps.extend(rest);
    steps
}

#[test]
fn fired_and_polled_is_completed_and_soaks() {
    let steps = through_switch(vec![
        (Input::Done, Effect::ReadBack),
        (AT_TARGET, completed()),
        (Input::Recorded, Effect::End(ActivationEnd::Soak)),
    ]);
    check(order(), steps);
}

#[test]
fn deferred_until_reboot_is_never_a_faked_completion() {
    let component = "kernel".to_owned();
    let deferred = Effect::Record(RecordedStep::Deferred {
        component: component.clone(),
    });
    let order = ActivationOrder {
        deferred_component: Some(component),
        ..order()
    };
    let steps = through_switch(vec![
        (Input::Done, Effect::ReadBack),
        (AT_TARGET, deferred),
        (Input::Recorded, Effect::End(ActivationEnd::Deferred)),
    ]);
    check(order, steps);
}

#[test]
fn a_backend_whose_pointer_moves_at_the_reboot_is_not_read_back_before() {
    let component = "init".to_owned();
    let deferred = Effect::Record(RecordedStep::Deferred {
        component: component.clone(),
    });
    let steps = through_switch(vec![
        (Input::SwitchDeferred(component), deferred),
        (Input::Recorded, Effect::End(ActivationEnd::Deferred)),
    ]);
    check(order(), steps);
}

#[test]
fn a_signature_mismatch_switches_nothing() {
    let detail = format!("signature mismatch on {TARGET}: unknown key");
    check(
        order(),
        vec![
            (Input::Recorded, Effect::Realise),
            (
                Input::SignatureMismatch("unknown key".into()),
                failed(-2, detail),
            ),
            (Input::Recorded, Effect::End(ActivationEnd::Failed)),
        ],
    );
}

#[test]
fn a_failed_realise_or_set_switches_nothing() {
    check(
        order(),
        vec![
            (Input::Recorded, Effect::Realise),
            (
                operation_failed(None, "no space"),
                failed(-1, "realise failed: no space"),
            ),
            (Input::Recorded, Effect::End(ActivationEnd::Failed)),
        ],
    );
    check(
        order(),
        vec![
            (Input::Recorded, Effect::Realise),
            (Input::Done, Effect::Set),
            (
                operation_failed(Some(4), "set: exit 4"),
                failed(-1, "activation pipeline error: set: exit 4"),
            ),
            (Input::Recorded, Effect::End(ActivationEnd::Failed)),
        ],
    );
}

#[test]
fn a_failed_switch_is_rolled_back_if_the_pointer_moved() {
    for (world, end) in [
        (WorldView::Current(PREVIOUS), ActivationEnd::Failed),
        (WorldView::Current(TARGET), ActivationEnd::RollBack),
        (WorldView::Current(THIRD), ActivationEnd::RollBack),
        (WorldView::Dangling, ActivationEnd::RollBack),
    ] {
        for (code, told) in [(Some(100), 100), (None, -1)] {
            let detail = "switch failed at phase switch";
            let steps = through_switch(vec![
                (operation_failed(code, "switch"), Effect::ReadBack),
                (
                    Input::Observed(world),
                    match end {
                        ActivationEnd::RollBack => failed_and_rolling_back(told, detail),
                        _ => failed(told, detail),
                    },
                ),
                (Input::Recorded, Effect::End(end)),
            ]);
            check(order(), steps);
        }
    }
}

#[test]
fn a_dangling_pointer_is_not_none() {
    let order = ActivationOrder {
        previous: None,
        ..order()
    };
    let detail = "switch failed at phase switch";
    let steps = through_switch(vec![
        (operation_failed(Some(1), "switch"), Effect::ReadBack),
        (
            Input::Observed(WorldView::Dangling),
            failed_and_rolling_back(1, detail),
        ),
        (Input::Recorded, Effect::End(ActivationEnd::RollBack)),
    ]);
    check(order, steps);
    let (mut machine, _) = RollbackMachine::begin(None, false, true);
    machine.step(Input::Done);
    let seen = machine.step(Input::Observed(WorldView::Dangling));
    let failed = matches!(seen, Some(RollbackEffect::Record(RecordedStep::Failed(_))));
    assert!(failed, "{seen:?}");
}

#[test]
fn a_pointer_that_reads_back_otherwise_is_a_verify_mismatch_and_rolled_back() {
    for (world, actual) in [
        (WorldView::Current(THIRD), THIRD.to_string()),
        (WorldView::Current(PREVIOUS), PREVIOUS.to_string()),
        (WorldView::Absent, "none".to_owned()),
        (WorldView::Dangling, "none".to_owned()),
    ] {
        let detail = format!("verify mismatch: expected={TARGET} actual={actual}");
        let steps = through_switch(vec![
            (Input::Done, Effect::ReadBack),
            (Input::Observed(world), failed_and_rolling_back(-3, detail)),
            (Input::Recorded, Effect::End(ActivationEnd::RollBack)),
        ]);
        check(order(), steps);
    }
}

#[test]
fn a_start_that_cannot_be_recorded_switches_nothing() {
    check(
        order(),
        vec![(Input::NotRecorded, Effect::End(ActivationEnd::NotRecorded))],
    );
}

#[test]
fn in_test_mode_it_is_started_and_completed_and_nothing_else() {
    let order = ActivationOrder {
        is_test: true,
        ..order()
    };
    check(
        order,
        vec![
            (Input::Recorded, completed()),
            (Input::Recorded, Effect::End(ActivationEnd::Soak)),
        ],
    );
}

#[test]
fn a_closed_gate_is_asked_again_until_it_opens() {
    let wait = Millis(30_000);
    check(
        order(),
        vec![
            (Input::Recorded, Effect::Realise),
            (Input::Done, Effect::Set),
            (Input::Done, Effect::AskGate),
            (Input::GateClosed(wait), Effect::AskGateIn(wait)),
            (Input::GateClosed(wait), Effect::AskGateIn(wait)),
            (Input::GateOpen, Effect::Switch),
            (Input::Done, Effect::ReadBack),
            (AT_TARGET, completed()),
            (Input::Recorded, Effect::End(ActivationEnd::Soak)),
        ],
    );
}

#[test]
fn what_was_not_waited_for_changes_nothing() {
    let (mut machine, _) = ActivationMachine::begin(order());
    for input in [
        Input::Done,
        Input::GateOpen,
        AT_TARGET,
        operation_failed(None, "x"),
    ] {
        let before = machine.clone();
        assert_eq!(machine.step(input.clone()), None, "{input:?}");
        assert_eq!(machine, before, "{input:?}");
    }
}

#[test]
fn a_graceful_reset_waits_from_realise_to_the_commit_point() {
    let (mut machine, _) = ActivationMachine::begin(order());
    assert!(!machine.is_committing());
    for input in [Input::Recorded, Input::Done, Input::Done, Input::GateOpen] {
        machine.step(input);
        assert!(machine.is_committing());
    }
    machine.step(Input::Done);
    assert!(!machine.is_committing());
}

mod rollback {
    use super::*;

    const STARTED: RollbackEffect = RollbackEffect::Record(RecordedStep::RollbackStarted);
    const COMPLETED: RollbackEffect = RollbackEffect::Record(RecordedStep::RollbackCompleted {
        reverted_to: Some(PREVIOUS),
    });

    fn failed(code: i32, detail: &str) -> RollbackEffect {
        let detail = detail.to_owned();
        RollbackEffect::Record(RecordedStep::Failed(StepFailure { code, detail }))
    }

    #[track_caller]
    fn check(
        (is_test, is_recorded): (bool, bool),
        first: &RollbackEffect,
        steps: Vec<(Input, RollbackEffect)>,
    ) {
        let (mut machine, effect) = RollbackMachine::begin(Some(PREVIOUS), is_test, is_recorded);
        assert_eq!(effect, *first);
        for (input, expected) in steps {
            let told = format!("{input:?} in {machine:?}");
            assert_eq!(machine.step(input), Some(expected), "{told}");
        }
    }

    #[test]
    fn rolled_back_is_exactly_one_completion() {
        let rest = vec![
            (Input::Done, RollbackEffect::ReadBack),
            (AT_PREVIOUS, COMPLETED),
            (Input::Recorded, RollbackEffect::End(true)),
        ];
        check((false, true), &RollbackEffect::Switch, rest.clone());
        let mut steps = vec![(Input::Recorded, RollbackEffect::Switch)];
        steps.extend(rest);
        check((false, false), &STARTED, steps);
    }

    #[test]
    fn a_failed_rollback_is_exactly_one_failure() {
        for (code, detail) in [
            (Some(7), "rollback failed at phase switch"),
            (None, "rollback pipeline error: switch"),
        ] {
            check(
                (false, true),
                &RollbackEffect::Switch,
                vec![
                    (
                        operation_failed(code, "switch"),
                        failed(code.unwrap_or(-1), detail),
                    ),
                    (Input::Recorded, RollbackEffect::End(false)),
                ],
            );
        }
        check(
            (false, true),
            &RollbackEffect::Switch,
            vec![
                (Input::Done, RollbackEffect::ReadBack),
                (AT_TARGET, failed(-1, "rollback failed at phase verify")),
                (Input::Recorded, RollbackEffect::End(false)),
            ],
        );
    }

    #[test]
    fn in_test_mode_it_is_exactly_a_completion() {
        check(
            (true, false),
            &COMPLETED,
            vec![(Input::Recorded, RollbackEffect::End(true))],
        );
    }

    #[test]
    fn it_goes_on_where_nothing_can_be_recorded() {
        check(
            (false, false),
            &STARTED,
            vec![
                (Input::NotRecorded, RollbackEffect::Switch),
                (Input::Done, RollbackEffect::ReadBack),
                (AT_PREVIOUS, COMPLETED),
                (Input::NotRecorded, RollbackEffect::End(true)),
            ],
        );
    }
}
