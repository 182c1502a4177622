//! Processes that no record names, and whose they are: a service's beyond doubt, or in doubt.

use super::files::{STACK_BYTES, ServiceFiles};
use crate::core::service::Name;
use crate::core::service::service_file::ServiceFile;
use crate::edge::explained::is_exhausted;
use crate::edge::process::{AgentMarks, Nonce64, Proof, Survivor, User, strays_of_all, survivors};
use crate::edge::threads::{self, OneEach};
use nix::unistd::{Uid, geteuid};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

/// Processes of services, found without a record.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Those that are a service's beyond doubt, its leaders first.
    pub(super) accepted: BTreeMap<Name, Vec<Survivor>>,
    /// Those that may be: they are not touched, and their service does not start while they run.
    pub(super) doubtful: BTreeMap<Name, Vec<Survivor>>,
}

impl Claims {
    /// Looks for processes whose nonce is not `is_known`. `services` is the directory of the service files.
    ///
    /// # Errors
    ///
    /// If there is no `/proc`.
    pub(super) async fn find(
        marks: &AgentMarks,
        services: &Path,
        is_known: impl Fn(Nonce64) -> bool,
    ) -> io::Result<Self> {
        let found = survivors(marks, is_known)?;
        let own = geteuid();
        let is_another_users =
            |it: &Survivor| matches!(it.proof, Proof::Claimed { uid, .. } if uid != own);
        let users = if found.iter().any(is_another_users) {
            users(services).await?
        } else {
            HashMap::new()
        };
        let mut claims = Self::default();
        for survivor in found {
            claims.sort_in(survivor, own, &users);
        }
        Ok(claims)
    }

    fn sort_in(&mut self, survivor: Survivor, own: Uid, users: &HashMap<Name, Uid>) {
        let Ok(name) = Name::try_from(survivor.service.as_str()) else {
            return;
        };
        let place = match standing(survivor.proof, own, users.get(&name).copied()) {
            Standing::Accepted => &mut self.accepted,
            Standing::Doubtful => &mut self.doubtful,
            Standing::Foreign(why) => {
                tracing::debug!(target: "services", %name, pid = survivor.process.pid, why, "no survivor");
                return;
            }
        };
        place.entry(name).or_default().push(survivor);
    }
}

/// What a process is to this agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Accepted,
    Doubtful,
    Foreign(&'static str),
}

/// Decides by the proof; `own` is this agent's user, `service` the one that the service's file names.
fn standing(proof: Proof, own: Uid, service: Option<Uid>) -> Standing {
    let Proof::Claimed {
        uid,
        same_directory,
    } = proof
    else {
        return Standing::Accepted;
    };
    if uid != own && Some(uid) != service {
        return Standing::Foreign("another user's");
    }
    match same_directory {
        Some(true) => Standing::Accepted,
        Some(false) => Standing::Foreign("of another state directory"),
        None => Standing::Doubtful,
    }
}

/// Whom the services run as, as far as their files say so.
///
/// # Errors
///
/// If descriptors or memory have run out: whose a process is cannot be told then.
async fn users(services: &Path) -> io::Result<HashMap<Name, Uid>> {
    let services = services.to_owned();
    let read = move || {
        let catalog = ServiceFiles::new(services).read().catalog();
        let services = catalog.services.iter();
        let users =
            services.filter_map(|(name, service_file)| user_of(name, service_file).transpose());
        users.collect()
    };
    let read = threads::run(&OneEach::with_stack(STACK_BYTES), read).await;
    read.unwrap_or_else(|panicked| Err(io::Error::other(panicked.to_string())))
}

fn user_of(name: &Name, service_file: &ServiceFile) -> io::Result<Option<(Name, Uid)>> {
    let Some(user) = service_file.program.user.as_ref() else {
        return Ok(None);
    };
    match User::find(user) {
        Ok(user) => Ok(Some((name.clone(), user.uid))),
        Err(error) if is_exhausted(&error) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Returns what still runs of an agent's services, a text each: with these nonces, or by its marks.
///
/// # Errors
///
/// If there is no `/proc`.
pub(super) async fn left_running(
    marks: &AgentMarks,
    services: &Path,
    nonces: &HashMap<Nonce64, Name>,
) -> io::Result<Vec<String>> {
    let told = |name: &Name, pid: i32| format!("{name} (process {pid})");
    let mut left = Vec::new();
    for (nonce, processes) in strays_of_all(|nonce| nonces.contains_key(&nonce))? {
        if let Some(name) = nonces.get(&nonce) {
            left.extend(processes.iter().map(|it| told(name, it.pid)));
        }
    }
    let claims = Claims::find(marks, services, |nonce| nonces.contains_key(&nonce)).await?;
    for (name, survivors) in claims.accepted.iter().chain(&claims.doubtful) {
        left.extend(survivors.iter().map(|it| told(name, it.process.pid)));
    }
    left.sort();
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(proof: Proof, service: Option<u32>, expected: Standing) {
        let decided = standing(proof, Uid::from_raw(500), service.map(Uid::from_raw));
        assert_eq!(decided, expected, "{proof:?}, service's user {service:?}");
    }

    fn claimed(uid: u32, same_directory: Option<bool>) -> Proof {
        Proof::Claimed {
            uid: Uid::from_raw(uid),
            same_directory,
        }
    }

    #[test]
    fn an_environment_is_believed_of_the_agents_and_the_services_user_only() {
        let strangers = Standing::Foreign("another user's");
        check(Proof::Certain, None, Standing::Accepted);
        check(claimed(500, Some(true)), None, Standing::Accepted);
        check(claimed(600, Some(true)), None, strangers);
        check(claimed(600, Some(true)), Some(600), Standing::Accepted);
        check(claimed(600, Some(true)), Some(700), strangers);
        check(claimed(600, None), None, strangers);
    }

    #[test]
    fn a_path_that_leads_elsewhere_is_another_agents_and_one_that_leads_nowhere_leaves_a_doubt() {
        let elsewhere = Standing::Foreign("of another state directory");
        check(claimed(500, Some(false)), None, elsewhere);
        check(claimed(500, None), None, Standing::Doubtful);
        check(claimed(600, None), Some(600), Standing::Doubtful);
    }
}
