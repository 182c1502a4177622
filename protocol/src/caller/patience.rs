//! The bounds of a caller's waiting.

use crate::units::Millis;

/// How long a caller waits, and how often it tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long one attempt waits for its answer.
    pub reply: Millis,
    /// How often a hello or request is sent at most, unless the board says that it still runs:
    /// then as often again.
    pub attempts: u16,
    /// How long a request is waited for at most while the board says that it still runs.
    pub working: Millis,
}

/// As long as any service may take to stop, twice: a restart waits for two of them.
const DEFAULT_WORKING: Millis = Millis(2 * 3_600_000);

impl Default for Patience {
    /// Five attempts of one second, and two hours for what the board says still runs.
    fn default() -> Self {
        Self {
            reply: Millis(1_000),
            attempts: 5,
            working: DEFAULT_WORKING,
        }
    }
}
