//! How many files may be open: many for the agent, for services as many as the agent was given.

use super::explain;
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use std::io;
use std::sync::OnceLock;

/// The limit on open files (getrlimit(2), `RLIMIT_NOFILE`) that the agent was started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raised {
    /// The limit that held.
    pub soft_before: rlim_t,
    /// How far it could be raised, and is now.
    pub hard: rlim_t,
}

/// Raises the limit as far as it goes; processes started from now on get the earlier one back. Asked
/// again it changes nothing and tells the same.
///
/// # Errors
///
/// If the kernel refuses. Services then keep what the agent has, and few of them fit.
pub fn raise() -> io::Result<Raised> {
    if let Some(&raised) = before() {
        return Ok(raised);
    }
    let failed = |error: nix::Error| explain("cannot raise the limit on open files", &error.into());
    let (soft_before, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(failed)?;
    Ok(*BEFORE.get_or_init(|| Raised { soft_before, hard }))
}

/// What held before, if it was raised.
pub(super) fn before() -> Option<&'static Raised> {
    BEFORE.get()
}

/// A fact of the whole process, like the limit itself.
static BEFORE: OnceLock<Raised> = OnceLock::new();
