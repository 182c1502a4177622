//! Every step from every state: those that are listed are legal, and all others are refused.

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
const LEGAL: [(RolloutState, RolloutStep<'_>, RolloutState); 14] = [
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
    // The same as the one above, by its other name.
    (RolloutState::ROLLBACK_ORDERED, ROLLED_BACK, REVERTED),
];

#[test]
fn every_listed_step_is_legal_and_every_other_one_is_refused() {
    for from in STATES {
        for step in STEPS {
            let listed = LEGAL
                .iter()
                .find(|(state, it, _)| (*state, *it) == (from, step));
            let expected = match listed {
                Some((_, _, to)) => Ok(*to),
                None => Err(IllegalRolloutStep {
                    from: from.word(),
                    step: step.word(),
                }),
            };
            assert_eq!(
                from.after(&step),
                expected,
                "{} {}",
                from.word(),
                step.word()
            );
        }
    }
}

#[test]
fn reverted_is_reached_by_a_completed_rollback_or_before_anything_happened() {
    let to_reverted = LEGAL.iter().filter(|(_, _, to)| *to == REVERTED);
    for (from, step, _) in to_reverted {
        let is_early = (*from, *step) == (PENDING, CANCELLED);
        assert!(
            is_early || *step == ROLLED_BACK,
            "{} {}",
            from.word(),
            step.word()
        );
    }
}

#[test]
fn nothing_leaves_the_last_states_but_the_start_of_a_rollback() {
    for from in STATES.into_iter().filter(|state| state.is_terminal()) {
        for step in STEPS {
            let left = from.after(&step);
            let is_rollback = from == FAILED && matches!(step, ROLLBACK | ROLLED_BACK);
            assert_eq!(left.is_ok(), is_rollback, "{} {}", from.word(), step.word());
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
