//! A run without further faults, in which whatever can happen does.

use super::{FleetAction, FleetModel, FleetState};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

/// The most steps of a fair run.
const STEPS_MAX: usize = 400;

/// The states whose fair run is known to come to its end, by their hashes.
#[derive(Clone, Debug, Default)]
pub(crate) struct EndingStates(Arc<Mutex<HashSet<u64>>>);

/// Returns whether the fair run from here comes to its end. The next step of one is the state's alone, so that a run that meets an
/// earlier one ends as that.
pub(super) fn ends(model: &FleetModel, state: &FleetState) -> bool {
    if state.violation.is_some() {
        // That is told by itself.
        return true;
    }
    let (mut state, mut passed) = (state.clone(), Vec::new());
    for _ in 0..STEPS_MAX {
        let hash = hash_of(&state);
        let mut known = (model.ending.0.lock()).unwrap_or_else(PoisonError::into_inner);
        if known.contains(&hash) || state.is_over() {
            known.extend(passed);
            known.insert(hash);
            return true;
        }
        drop(known);
        passed.push(hash);
        let Some(action) = next_of(&state) else {
            return false;
        };
        if state.take(action, model.planted).is_none() || state.violation.is_some() {
            return false;
        }
    }
    false
}

/// Returns the next step: what is on its way arrives before more is said.
fn next_of(state: &FleetState) -> Option<FleetAction> {
    let mut actions = Vec::new();
    state.agent_actions(&mut actions);
    state.controller_actions(&mut actions);
    actions.into_iter().min_by_key(|action| match action {
        FleetAction::StartAgent | FleetAction::StartController => 0,
        FleetAction::Commit => 1,
        FleetAction::DeliverToAgent => 2,
        FleetAction::DeliverToController => 3,
        FleetAction::CarryOut => 4,
        FleetAction::EndSoak(true) => 5,
        FleetAction::Order => 6,
        FleetAction::Dispatch => 7,
        FleetAction::SendReport => 8,
        FleetAction::Connect => 9,
        _ => u8::MAX,
    })
}

fn hash_of(state: &FleetState) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}
