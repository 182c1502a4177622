//! What is to be started, and what a new process is told: its environment, its arguments, and where its program may be.

use super::user::User;
use super::{Cgroup, NONCE_VARIABLE, Nonce64, SERVICE_VARIABLE, STATE_VARIABLE};
use crate::core::service::service_file::InheritedEnv;
use crate::edge::kernel::Program;
use std::collections::BTreeMap;
use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What to start, and as whom.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The service's name.
    pub name: String,
    /// The program. Without a slash it is looked up in the `PATH` of the service's environment; a
    /// relative path begins at `directory`.
    pub program: PathBuf,
    /// Its arguments, without its own name.
    pub args: Vec<OsString>,
    /// What it has of the agent's environment.
    pub inherited: InheritedEnv,
    /// What is added to that, or replaces parts of it.
    pub env: Vec<(String, String)>,
    /// The working directory; without one `/`.
    pub directory: Option<PathBuf>,
    /// Whom it runs as; without one as the agent does.
    pub user: Option<User>,
    /// Which start this is.
    pub nonce: Nonce64,
    /// The agent's state directory.
    pub state: PathBuf,
    /// The cgroup it starts in, so that nothing it does can happen outside.
    pub cgroup: Option<Cgroup>,
    /// Where it may tell that it is ready (`sd_notify(3)`).
    pub notify: Option<PathBuf>,
}

/// Everything that a new process is told.
#[derive(Debug)]
pub(super) struct Command {
    /// Where its program may be; the first that there is counts.
    candidates: Vec<CString>,
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Command {
    /// # Errors
    ///
    /// If any of it has a zero byte, which no process can be told.
    pub(super) fn new(launch: &Launch) -> io::Result<Self> {
        let environment = environment(launch);
        let path = environment.get(OsStr::new("PATH"));
        Ok(Self {
            candidates: strings(candidates(&launch.program, path))?,
            arguments: strings(arguments(launch))?,
            environment: strings(assignments(environment))?,
        })
    }

    pub(super) fn program(&self) -> Program<'_> {
        Program {
            candidates: &self.candidates,
            arguments: &self.arguments,
            environment: &self.environment,
        }
    }
}

/// What the service has of the agent's environment, and the service's own.
fn environment(launch: &Launch) -> BTreeMap<OsString, OsString> {
    let inherited = &launch.inherited;
    let mut environment: BTreeMap<_, _> = env::vars_os()
        .filter(|(name, _)| inherited.has(name.as_bytes()))
        .collect();
    if *inherited != InheritedEnv::All {
        // As under systemd: few programs do without.
        let path = environment.entry("PATH".into());
        path.or_insert_with(|| CLEARED_PATH.into());
    }
    let mut set = |name: &str, value: &OsStr| environment.insert(name.into(), value.into());
    if let Some(user) = &launch.user {
        set("HOME", user.home.as_os_str());
        set("LOGNAME", user.name.as_ref());
        set("SHELL", user.shell.as_os_str());
        set("USER", user.name.as_ref());
    }
    for (name, value) in &launch.env {
        set(name, value.as_ref());
    }
    if let Some(notify) = &launch.notify {
        set("NOTIFY_SOCKET", notify.as_os_str());
    }
    set(SERVICE_VARIABLE, launch.name.as_ref());
    set(NONCE_VARIABLE, launch.nonce.to_string().as_ref());
    set(STATE_VARIABLE, launch.state.as_os_str());
    environment
}

fn assignments(environment: BTreeMap<OsString, OsString>) -> impl Iterator<Item = OsString> {
    environment.into_iter().map(|(mut name, value)| {
        name.push("=");
        name.push(value);
        name
    })
}

fn arguments(launch: &Launch) -> impl Iterator<Item = OsString> {
    let program = launch.program.clone().into_os_string();
    [program].into_iter().chain(launch.args.iter().cloned())
}

/// The `PATH` of a service that has none of the agent's.
pub const CLEARED_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where the program may be, as execvp(3) looks; without `PATH` where the system's programs are.
#[must_use]
pub fn candidates(program: &Path, path: Option<&OsString>) -> Vec<OsString> {
    if program.as_os_str().as_bytes().contains(&b'/') {
        return vec![program.into()];
    }
    if program.as_os_str().is_empty() {
        return Vec::new();
    }
    let path = path.map_or(
        OsStr::new("/usr/local/bin:/usr/bin:/bin"),
        OsString::as_os_str,
    );
    env::split_paths(path)
        .map(|directory| directory.join(program).into())
        .collect()
}

fn strings(strings: impl IntoIterator<Item = OsString>) -> io::Result<Vec<CString>> {
    let strings = strings.into_iter();
    Ok(strings
        .map(|string| CString::new(string.into_vec()))
        .collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::super::testing::shell;
    use super::*;

    /// The variables of a process.
    fn names(inherited: InheritedEnv) -> Vec<String> {
        let mut launch = shell("");
        launch.inherited = inherited;
        launch.env = vec![("OWN".into(), "1".into())];
        let names = environment(&launch).into_keys();
        names
            .map(|name| name.into_string().expect("text"))
            .collect()
    }

    #[test]
    fn a_cleared_environment_has_a_path_and_what_the_service_is_told() {
        let told = [
            "LASTWORD_NONCE",
            "LASTWORD_SERVICE",
            "LASTWORD_STATE",
            "OWN",
            "PATH",
        ];
        assert_eq!(names(InheritedEnv::Only(vec![])), told);
        assert!(names(InheritedEnv::All).len() > told.len());
    }
}
