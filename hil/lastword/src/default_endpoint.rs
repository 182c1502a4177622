//! Where an agent on this very machine listens.

use etcetera::BaseStrategy;
use lastword_client::endpoint::Endpoint;
use std::path::PathBuf;

/// The Unix socket of this machine's agent: the system's for root, else the user's own.
///
/// `None` for a user without a home.
pub(crate) fn default_endpoint() -> Option<Endpoint> {
    let user = etcetera::choose_base_strategy().ok();
    let directories = Directories {
        root: nix::unistd::geteuid().is_root(),
        runtime: user.as_ref().and_then(BaseStrategy::runtime_dir),
        state: user.as_ref().and_then(BaseStrategy::state_dir),
    };
    directories.socket().map(Endpoint::Unix)
}

struct Directories {
    root: bool,
    runtime: Option<PathBuf>,
    state: Option<PathBuf>,
}

impl Directories {
    fn socket(self) -> Option<PathBuf> {
        if self.root {
            return Some(PathBuf::from("/run/lastword/agent.sock"));
        }
        let directory = self.runtime.or(self.state)?;
        Some(directory.join("lastword/agent.sock"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(root: bool, runtime: Option<&str>, state: Option<&str>, expected: Option<&str>) {
        let directories = Directories {
            root,
            runtime: runtime.map(PathBuf::from),
            state: state.map(PathBuf::from),
        };
        assert_eq!(directories.socket(), expected.map(PathBuf::from));
    }

    #[test]
    fn the_socket_is_the_systems_the_sessions_or_the_users() {
        let (runtime, state) = (Some("/run/user/7"), Some("/home/a/.local/state"));
        check(true, runtime, state, Some("/run/lastword/agent.sock"));
        check(
            false,
            runtime,
            state,
            Some("/run/user/7/lastword/agent.sock"),
        );
        let own = "/home/a/.local/state/lastword/agent.sock";
        check(false, None, state, Some(own));
        check(false, None, None, None);
    }
}
