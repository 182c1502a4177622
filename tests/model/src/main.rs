//! `lastword-model`: explores the exchange of an agent and its controller in every order that its effects can have, and looks
//! whether planted defects are found.

mod fleet_model;

use clap::Parser;
use fleet_model::{AGREES, ENDS, EndingStates, FaultBudget, FleetModel, PlantedDefect, SAFE};
use stateright::{Checker, Model};
use std::process::ExitCode;
use std::time::Duration;

/// Explore the exchange of an agent and its controller
#[derive(Parser)]
struct ModelArguments {
    /// Only the explorations with the fewest faults at once.
    #[arg(long)]
    quick: bool,
}

/// The threads that explore.
const THREADS: usize = 2;
/// The longest time of one exploration. One that takes longer is not whole.
const EXPLORATION_LIMIT: Duration = Duration::from_mins(15);

/// An exploration: its name, the number of orders, and the faults.
type ExplorationScope = (&'static str, u8, FaultBudget);

const QUICK: [ExplorationScope; 3] = [
    (
        "one death of either, one loss",
        1,
        FaultBudget {
            agent_crashes: 1,
            controller_crashes: 1,
            losses: 1,
            failed_soaks: 1,
            ..FaultBudget::NONE
        },
    ),
    (
        "a memory that is lost",
        1,
        FaultBudget {
            agent_crashes: 1,
            erasures: 1,
            failed_soaks: 1,
            ..FaultBudget::NONE
        },
    ),
    (
        "an order that is called off",
        1,
        FaultBudget {
            controller_crashes: 1,
            losses: 1,
            cancellations: 1,
            ..FaultBudget::NONE
        },
    ),
];

const LONG: [ExplorationScope; 3] = [
    (
        "two deaths of the agent, a loss and a message that comes twice",
        1,
        FaultBudget {
            agent_crashes: 2,
            losses: 1,
            duplicates: 1,
            ..FaultBudget::NONE
        },
    ),
    (
        "all at once",
        1,
        FaultBudget {
            agent_crashes: 2,
            controller_crashes: 1,
            erasures: 1,
            losses: 1,
            duplicates: 1,
            failed_soaks: 1,
            cancellations: 1,
        },
    ),
    (
        "two orders, a death of either",
        2,
        FaultBudget {
            agent_crashes: 1,
            controller_crashes: 1,
            failed_soaks: 1,
            ..FaultBudget::NONE
        },
    ),
];

const DEFECTS: [(PlantedDefect, FaultBudget); 4] = [
    (
        PlantedDefect::AckBeforeCommit,
        FaultBudget {
            controller_crashes: 1,
            ..FaultBudget::NONE
        },
    ),
    (
        PlantedDefect::OrderWithoutDeduplication,
        FaultBudget {
            losses: 1,
            ..FaultBudget::NONE
        },
    ),
    (
        PlantedDefect::DispatchOutsideTransaction,
        FaultBudget {
            cancellations: 1,
            ..FaultBudget::NONE
        },
    ),
    (
        PlantedDefect::ReportWithoutDeduplication,
        FaultBudget {
            duplicates: 1,
            ..FaultBudget::NONE
        },
    ),
];

fn main() -> ExitCode {
    let arguments = ModelArguments::parse();
    let long = if arguments.quick { &[][..] } else { &LONG[..] };
    let mut failures = 0;
    for exploration in QUICK.iter().chain(long) {
        failures += u32::from(!explore(exploration));
    }
    for (planted, faults) in DEFECTS {
        failures += u32::from(!finds(planted, faults));
    }
    println!("model: {failures} failures");
    ExitCode::from(u8::from(failures > 0))
}

/// Explores to the end; returns whether nothing was found.
fn explore((name, orders, faults): &ExplorationScope) -> bool {
    let checker = model(*orders, *faults, None)
        .checker()
        .threads(THREADS)
        .timeout(EXPLORATION_LIMIT)
        .spawn_bfs()
        .join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    println!("model: {name}: {states} states, depth {depth}");
    let mut is_good = true;
    for property in [SAFE, ENDS] {
        if let Some(path) = checker.discovery(property) {
            let violation = path.last_state().violation();
            println!(
                "model: {name}: not {property}: {violation:?} behind {:?}",
                path.into_actions()
            );
            is_good = false;
        }
    }
    if checker.discovery(AGREES).is_none() || !checker.is_done() {
        println!("model: {name}: it was not explored to its end");
        is_good = false;
    }
    is_good
}

/// Returns whether a planted defect is found.
fn finds(planted: PlantedDefect, faults: FaultBudget) -> bool {
    let checker = model(1, faults, Some(planted))
        .checker()
        .threads(THREADS)
        .timeout(EXPLORATION_LIMIT)
        .spawn_bfs()
        .join();
    let discoveries = checker.discoveries();
    let is_found = [SAFE, ENDS]
        .iter()
        .any(|property| discoveries.contains_key(property));
    let word = if is_found { "found" } else { "NOT found" };
    println!(
        "model: planted {planted:?}: {word} in {} states",
        checker.unique_state_count()
    );
    is_found
}

fn model(orders: u8, faults: FaultBudget, planted: Option<PlantedDefect>) -> FleetModel {
    FleetModel {
        orders,
        faults,
        planted,
        ending: EndingStates::default(),
    }
}
