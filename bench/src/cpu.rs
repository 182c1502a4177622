//! Which CPUs a measurement runs on.

use anyhow::{Context, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// While it lives, this thread and every process it starts share one CPU.
///
/// Where two processes take turns, this leaves out the wake-ups between CPUs, which cost more
/// than what is measured and depend on where the scheduler happens to put them.
#[derive(Debug)]
pub struct OneCpu {
    before: CpuSet,
}

impl OneCpu {
    /// Moves this thread to the first CPU that it may use.
    ///
    /// # Errors
    ///
    /// If the kernel refuses.
    pub fn hold() -> Result<Self> {
        let before = sched_getaffinity(THIS_THREAD).context("no CPU affinity")?;
        let allowed = (0..CpuSet::count()).find(|cpu| before.is_set(*cpu) == Ok(true));
        let mut one = CpuSet::new();
        one.set(allowed.context("no CPU is allowed")?)?;
        sched_setaffinity(THIS_THREAD, &one).context("cannot choose a CPU")?;
        Ok(Self { before })
    }
}

impl Drop for OneCpu {
    fn drop(&mut self) {
        // It was allowed before.
        let _ = sched_setaffinity(THIS_THREAD, &self.before);
    }
}

const THIS_THREAD: Pid = Pid::from_raw(0);
