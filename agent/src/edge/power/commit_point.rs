//! The commit point that a graceful operation waits for.

use tokio::sync::watch;

/// True while something is under way that a graceful reset should not interrupt. Clones are the same.
#[derive(Clone, Debug)]
pub struct CommitPoint(watch::Receiver<bool>);

impl CommitPoint {
    /// A board on which nothing is ever waited for.
    #[must_use]
    pub fn none() -> Self {
        Self(watch::channel(false).1)
    }

    /// Waits for what `is_committing` tells.
    #[must_use]
    pub const fn new(is_committing: watch::Receiver<bool>) -> Self {
        Self(is_committing)
    }

    /// Waits until nothing is under way. Cancel-safe.
    pub async fn reached(&mut self) {
        // Whoever has ended commits nothing.
        let _ = self.0.wait_for(|is_committing| !is_committing).await;
    }
}
