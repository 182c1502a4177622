//! Every step from every state: each is listed once, as legal or as illegal.

use super::*;

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

const STATES: [RolloutState; 8] = RolloutState::ALL;

const HERE: Generation = Generation([1; 32]);
const STARTED: RolloutStep<'_> = RolloutStep::ActivationStarted {
    switch_method: "symlink",
};
const COMPLETED: RolloutStep<'_> = RolloutStep::ActivationCompleted { observed: HERE };
const DEFERRAL: RolloutStep<'_> = RolloutStep::ActivationDeferred {
    component: "kernel",
};
const FAILURE: RolloutStep<'_> = RolloutStep::ActivationFailed {
    code: SOAK_FAILED,
    detail: "soak failed: web",
};
const SOAKED: RolloutStep<'_> = RolloutStep::SoakCompleted;
const ROLLBACK: RolloutStep<'_> = RolloutStep::RollbackStarted;
const ROLLED_BACK: RolloutStep<'_> = RolloutStep::RollbackCompleted {
    reverted_to: Some(HERE),
};
const CANCELLED: RolloutStep<'_> = RolloutStep::Cancelled;

const STEPS: [RolloutStep<'_>; 8] = [
    STARTED,
    COMPLETED,
    DEFERRAL,
    FAILURE,
    SOAKED,
    ROLLBACK,
    ROLLED_BACK,
    CANCELLED,
];

/// The transitions of the design, and no others.
const LEGAL: [(RolloutState, RolloutStep<'_>, RolloutState); 13] = [
    (PENDING, STARTED, ACTIVATING),
    (PENDING, CANCELLED, REVERTED),
    (ACTIVATING, DEFERRAL, DEFERRED),
    (ACTIVATING, COMPLETED, SOAKING),
    (ACTIVATING, FAILURE, FAILED),
    (DEFERRED, COMPLETED, SOAKING),
    (DEFERRED, FAILURE, FAILED),
    (SOAKING, SOAKED, CONVERGED),
    (SOAKING, FAILURE, FAILED),
    (FAILED, ROLLBACK, ROLLING_BACK),
    (FAILED, ROLLED_BACK, REVERTED),
    (ROLLING_BACK, ROLLED_BACK, REVERTED),
    (ROLLING_BACK, FAILURE, ROLLING_BACK),
];

/// The transitions that are refused, each by itself.
const ILLEGAL: [(RolloutState, RolloutStep<'_>); 51] = [
    (PENDING, COMPLETED),
    (PENDING, DEFERRAL),
    (PENDING, FAILURE),
    (PENDING, SOAKED),
    (PENDING, ROLLBACK),
    (PENDING, ROLLED_BACK),
    (ACTIVATING, STARTED),
    (ACTIVATING, SOAKED),
    (ACTIVATING, ROLLBACK),
    (ACTIVATING, ROLLED_BACK),
    (ACTIVATING, CANCELLED),
    (DEFERRED, STARTED),
    (DEFERRED, DEFERRAL),
    (DEFERRED, SOAKED),
    (DEFERRED, ROLLBACK),
    (DEFERRED, ROLLED_BACK),
    (DEFERRED, CANCELLED),
    (SOAKING, STARTED),
    (SOAKING, COMPLETED),
    (SOAKING, DEFERRAL),
    (SOAKING, ROLLBACK),
    (SOAKING, ROLLED_BACK),
    (SOAKING, CANCELLED),
    (CONVERGED, STARTED),
    (CONVERGED, COMPLETED),
    (CONVERGED, DEFERRAL),
    (CONVERGED, FAILURE),
    (CONVERGED, SOAKED),
    (CONVERGED, ROLLBACK),
    (CONVERGED, ROLLED_BACK),
    (CONVERGED, CANCELLED),
    (FAILED, STARTED),
    (FAILED, COMPLETED),
    (FAILED, DEFERRAL),
    (FAILED, FAILURE),
    (FAILED, SOAKED),
    (FAILED, CANCELLED),
    (ROLLING_BACK, STARTED),
    (ROLLING_BACK, COMPLETED),
    (ROLLING_BACK, DEFERRAL),
    (ROLLING_BACK, SOAKED),
    (ROLLING_BACK, ROLLBACK),
    (ROLLING_BACK, CANCELLED),
    (REVERTED, STARTED),
    (REVERTED, COMPLETED),
    (REVERTED, DEFERRAL),
    (REVERTED, FAILURE),
    (REVERTED, SOAKED),
    (REVERTED, ROLLBACK),
    (REVERTED, ROLLED_BACK),
    (REVERTED, CANCELLED),
];

/// The transition as a failure names it.
fn transition(from: RolloutState, step: &RolloutStep<'_>) -> String {
    format!("{} -> {}", from.word(), step.word())
}

/// Returns the place of a state in [`STATES`]. A new state does not compile before it has one.
const fn place_of_state(state: RolloutState) -> usize {
    match state {
        PENDING => 0,
        ACTIVATING => 1,
        DEFERRED => 2,
        SOAKING => 3,
        CONVERGED => 4,
        FAILED => 5,
        ROLLING_BACK => 6,
        REVERTED => 7,
    }
}

/// Returns the place of a step in [`STEPS`]. A new step does not compile before it has one.
const fn place_of_step(step: &RolloutStep<'_>) -> usize {
    match step {
        RolloutStep::ActivationStarted { .. } => 0,
        RolloutStep::ActivationCompleted { .. } => 1,
        RolloutStep::ActivationDeferred { .. } => 2,
        RolloutStep::ActivationFailed { .. } => 3,
        RolloutStep::SoakCompleted => 4,
        RolloutStep::RollbackStarted => 5,
        RolloutStep::RollbackCompleted { .. } => 6,
        RolloutStep::Cancelled => 7,
    }
}

#[test]
fn each_transition_is_legal_or_illegal_and_none_is_both() {
    let mut count = [[0; STEPS.len()]; STATES.len()];
    let legal = LEGAL.map(|(from, step, _)| (from, step));
    for (from, step) in legal.iter().chain(&ILLEGAL) {
        count[place_of_state(*from)][place_of_step(step)] += 1;
    }
    for from in STATES {
        for step in STEPS {
            let listed = count[place_of_state(from)][place_of_step(&step)];
            assert_eq!(listed, 1, "{} is listed so often", transition(from, &step));
        }
    }
    assert_eq!(LEGAL.len() + ILLEGAL.len(), STATES.len() * STEPS.len());
}

#[test]
fn each_legal_transition_is_taken() {
    for (from, step, to) in LEGAL {
        assert_eq!(from.after(&step), Ok(to), "{}", transition(from, &step));
    }
    assert_eq!(RolloutState::ROLLBACK_ORDERED, ROLLING_BACK);
}

#[test]
fn each_illegal_transition_is_refused_and_reported() {
    for (from, step) in ILLEGAL {
        let told = transition(from, &step);
        let refused = IllegalRolloutStep {
            from: from.word(),
            step: step.word(),
        };
        assert_eq!(from.after(&step), Err(refused), "{told}");
        let expected = format!(
            "a rollout that is {} has no step {}",
            from.word(),
            step.word()
        );
        assert_eq!(refused.to_string(), expected, "{told}");
    }
}

#[test]
fn reverted_is_reached_by_a_completed_rollback_or_before_anything_happened() {
    let to_reverted = LEGAL.iter().filter(|(_, _, to)| *to == REVERTED);
    for (from, step, _) in to_reverted {
        let is_early = (*from, *step) == (PENDING, CANCELLED);
        assert!(
            is_early || *step == ROLLED_BACK,
            "{}",
            transition(*from, step)
        );
    }
}

#[test]
fn nothing_leaves_the_last_states_but_the_start_of_a_rollback() {
    for from in STATES.into_iter().filter(|state| state.is_terminal()) {
        for step in STEPS {
            let left = from.after(&step);
            let is_rollback = from == FAILED && matches!(step, ROLLBACK | ROLLED_BACK);
            assert_eq!(left.is_ok(), is_rollback, "{}", transition(from, &step));
        }
    }
}

#[test]
fn words_are_the_states_own() {
    for state in STATES {
        assert_eq!(RolloutState::from_word(state.word()), Some(state));
    }
    assert_eq!(RolloutState::from_word("wondering"), None);
    let words: std::collections::BTreeSet<_> = STATES.map(RolloutState::word).into();
    assert_eq!(words.len(), STATES.len());
    let words: std::collections::BTreeSet<_> = STEPS.iter().map(RolloutStep::word).collect();
    assert_eq!(words.len(), STEPS.len());
}

/// The numbers of `WIRE.md`: boards in the field speak these bytes.
#[test]
fn states_and_steps_keep_their_numbers() {
    const STATE_BYTES: [&[u8]; 8] = [
        b"\0",
        b"\x01\0",
        b"\x01\x01",
        b"\x02",
        b"\x03",
        b"\x04\0",
        b"\x04\x01",
        b"\x05",
    ];
    let mut room = [0; 64];
    for (state, expected) in STATES.into_iter().zip(STATE_BYTES) {
        let written = postcard::to_slice(&state, &mut room).expect("room");
        assert_eq!(written, expected, "{}", state.word());
        assert_eq!(postcard::from_bytes(expected), Ok(state));
    }
    for (number, step) in STEPS.iter().enumerate() {
        let written = postcard::to_slice(step, &mut room).expect("room");
        assert_eq!(usize::from(written[0]), number, "{}", step.word());
        assert_eq!(postcard::from_bytes(written), Ok(*step));
    }
    for beyond in [b"\x06\0", b"\x01\x02", b"\x04\x02"] {
        assert!(postcard::from_bytes::<RolloutState>(beyond).is_err());
    }
    assert!(postcard::from_bytes::<RolloutStep<'_>>(b"\x08").is_err());
}
