//! The machine's inputs one by one. Each row of the table of outcomes, with the events it tells, is a test of the run that
//! it belongs to: `rollout_run/tests/outcome_table.rs`.

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

    #[track_caller]
    fn check(is_recorded: bool, first: &RollbackEffect, steps: Vec<(Input, RollbackEffect)>) {
        let (mut machine, effect) = RollbackMachine::begin(Some(PREVIOUS), false, is_recorded);
        assert_eq!(effect, *first);
        for (input, expected) in steps {
            let told = format!("{input:?} in {machine:?}");
            assert_eq!(machine.step(input), Some(expected), "{told}");
        }
    }

    #[test]
    fn a_rollback_that_was_recorded_is_not_recorded_again() {
        let rest = vec![
            (Input::Done, RollbackEffect::ReadBack),
            (AT_PREVIOUS, COMPLETED),
            (Input::Recorded, RollbackEffect::End(true)),
        ];
        check(true, &RollbackEffect::Switch, rest.clone());
        let mut steps = vec![(Input::Recorded, RollbackEffect::Switch)];
        steps.extend(rest);
        check(false, &STARTED, steps);
    }

    #[test]
    fn it_goes_on_where_nothing_can_be_recorded() {
        check(
            false,
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
