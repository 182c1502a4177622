//! The generations of an agent, as far as its configuration names any.

use super::{Places, services_directory};
use crate::core::config::Config;
use crate::core::recovery::Recovered;
use crate::edge::events::EventBus;
use crate::edge::generations::rollout_task::{self, GenerationSetup, RolloutTask};
use crate::edge::generations::service::GenerationService;
use crate::edge::objects::ObjectService;
use crate::edge::power::CommitPoint;
use crate::edge::store::StateDirectory;
use lastword_protocol::BootId;
use std::future::pending;
use std::path::PathBuf;

/// Returns the block of the configuration about generations, and its places; `None` if there is none.
pub(super) fn generation_setup(
    config: &Config,
    places: &Places,
    boot: BootId,
) -> Option<GenerationSetup> {
    let generations = config.generations.clone()?;
    Some(GenerationSetup {
        config: generations,
        default_directory: places.generations.clone(),
        services: services_directory(config, places).to_owned(),
        boot,
    })
}

/// Returns the directory of the generations whose services the agent supervises: where programs switch, they do that, too.
pub(super) fn generations_with_services(
    config: &Config,
    places: &Places,
    boot: BootId,
) -> Option<PathBuf> {
    let setup = generation_setup(config, places, boot)?;
    let is_own = setup.config.commands.is_none();
    is_own.then(|| setup.directory().to_owned())
}

/// Opens the generations. An agent that cannot serves all the same: a board with a broken disk has to be reached.
pub(super) fn open_generations(
    recovered: &Recovered,
    state: &StateDirectory,
    setup: Option<GenerationSetup>,
    outside: (EventBus, ObjectService),
) -> (Option<RolloutTask>, GenerationService, CommitPoint) {
    let Some(setup) = setup else {
        return (None, GenerationService::none(), CommitPoint::none());
    };
    match rollout_task::open(recovered, state, setup, outside) {
        Ok(opened) => (Some(opened.task), opened.service, opened.commit_point),
        Err(error) => {
            tracing::error!(target: "agent_activation", "generations cannot be used: {error:#}");
            let service = GenerationService::unusable(format!("{error:#}"));
            (None, service, CommitPoint::none())
        }
    }
}

/// Runs the task of the generations; without any it waits for ever.
pub(super) async fn run_rollouts(task: Option<RolloutTask>) {
    match task {
        Some(task) => task.run().await,
        None => pending().await,
    }
}
