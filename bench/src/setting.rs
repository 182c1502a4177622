//! What a run is given.

use std::path::PathBuf;

/// What is measured, and how thoroughly.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The agent, built for release.
    pub agent: PathBuf,
    /// The agent as a board gets it: static and stripped.
    pub board_agent: PathBuf,
    /// A service to be supervised, linked statically.
    pub service: PathBuf,
    /// The host's command, built for release.
    pub lastword: PathBuf,
    /// The agent as a board gets it, built from the commit before; without it no rebuild is moved.
    pub older_agent: Option<PathBuf>,
    /// Where other supervisors are kept.
    pub peers: PathBuf,
    /// Shorter rounds.
    pub quick: bool,
}
