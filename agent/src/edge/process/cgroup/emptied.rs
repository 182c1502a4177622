//! The end of all that runs in a group, waited for.

use super::Cgroup;
use crate::edge::explained::is_exhausted;
use crate::edge::file_limit;
use crate::edge::kernel;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::time;

/// The descriptors that it takes to be told that a group is empty.
const EMPTIED_DESCRIPTORS: u64 = 1;
/// The time between two looks at a group where no descriptor is left for that.
const UNWATCHED_PERIOD: Duration = Duration::from_millis(100);

impl Cgroup {
    /// Waits until nothing runs in it or below. Cancel-safe.
    ///
    /// # Errors
    ///
    /// If it cannot be read or watched.
    pub async fn emptied(&self) -> io::Result<()> {
        // All services may stop at once, and are not to take what sessions and files need.
        let mut claim = file_limit::claim(EMPTIED_DESCRIPTORS);
        while claim.is_err() {
            match self.is_empty() {
                Ok(true) => return Ok(()),
                Err(error) if !is_exhausted(&error) => return Err(error),
                Ok(false) | Err(_) => time::sleep(UNWATCHED_PERIOD).await,
            }
            claim = file_limit::claim(EMPTIED_DESCRIPTORS);
        }
        let events = match self.events() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            events => events.map_err(|error| self.failed("read", &error))?,
        };
        drop(claim);
        let watch = kernel::watch_shared(Arc::new(events.into()), Interest::PRIORITY);
        let watch = watch.map_err(|error| self.failed("watch", &error))?;
        // The kernel tells of changes since the file was last read.
        while !self.says_empty(watch.get_ref())? {
            let changed = watch.ready(Interest::PRIORITY).await;
            let mut changed = changed.map_err(|error| self.failed("watch", &error))?;
            changed.clear_ready();
        }
        Ok(())
    }
}
