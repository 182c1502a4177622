//! The states of a service, in answers and in events.

use serde::{Deserialize, Serialize};

/// The longest reason for a service's state, in bytes. Longer ones are cut, and end in `…`.
pub const BRIEF_REASON_BYTES: usize = 160;

/// What a service is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceState {
    /// It does not run, and nobody wants it to.
    Stopped,
    /// It is being started, or is not ready yet.
    Starting,
    /// It is ready.
    Running,
    /// It ended unasked, and what is left of it is being cleared away; or it is being stopped in
    /// order to be started.
    Restarting,
    /// It ended unasked; the wait before the next start runs.
    Backoff,
    /// It runs since before the supervisor did.
    Adopted,
    /// It is being stopped.
    Stopping,
    /// It ended unasked too often, or could not be started.
    Failed,
}

impl ServiceState {
    /// The word for it in text dialects.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Backoff => "backoff",
            Self::Adopted => "adopted",
            Self::Stopping => "stopping",
            Self::Failed => "failed",
        }
    }
}
