//! The signal mask: whoever starts the process may have blocked what it listens to.

use nix::sys::signal::{SigSet, SigmaskHow};
use std::io;

/// Unblocks every signal. To be called first, before there are threads.
///
/// # Errors
///
/// None are known.
pub fn unblock_all() -> io::Result<()> {
    Ok(SigSet::empty().thread_set_mask()?)
}

/// A mask that comes back when this is dropped.
#[derive(Debug)]
pub struct MaskGuard(SigSet);

impl Drop for MaskGuard {
    fn drop(&mut self) {
        // It was this thread's own mask before.
        let _ = self.0.thread_set_mask();
    }
}

/// Blocks every signal on this thread and on those that it starts, until the guard is dropped.
///
/// # Errors
///
/// None are known.
pub fn block_all() -> io::Result<MaskGuard> {
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    Ok(MaskGuard(before))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::Signal;
    use std::thread;

    fn is_blocked(signal: Signal) -> bool {
        SigSet::thread_get_mask().expect("a mask").contains(signal)
    }

    #[test]
    fn a_mask_comes_back_and_is_handed_on() {
        unblock_all().expect("a mask");
        let guard = block_all().expect("a mask");
        let started = thread::spawn(|| is_blocked(Signal::SIGTERM));
        assert!(started.join().expect("no panic"));
        drop(guard);
        assert!(!is_blocked(Signal::SIGTERM));
    }
}
