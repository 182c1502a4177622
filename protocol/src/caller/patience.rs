//! The bounds of a caller's waiting.

use crate::units::Millis;

/// The waits of a caller, and the number of its attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The longest that one attempt waits for its answer.
    pub reply: Millis,
    /// The most times that a hello or request is sent, unless the board says that it still runs:
    /// then as often again.
    pub attempts: u16,
    /// The longest wait for a request while the board says that it still runs.
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
