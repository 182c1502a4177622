//! Places where a test can have the agent killed: between any two steps of what it does.
//!
//! `LASTWORD_FAILPOINT=NAME` kills the agent with SIGKILL where it passes the point of that name, and
//! `LASTWORD_FAILPOINT=NAME:3` where it passes it for the third time; `LASTWORD_FAILPOINT=panic@NAME` has
//! it panic there. `LASTWORD_FAILPOINT=plant@NAME` plants the fault of that name, which a test has to find
//! out. Only in builds with debug assertions or the feature `failpoints`: a release has none of it.

/// Every point, in the order of a service's life.
pub const ALL: &[&str] = &[
    "reload-decided",
    "reload-saved",
    "start-ordered",
    "start-launched",
    "start-held",
    "start-told",
    "state-written",
    "state-synced",
    "state-renamed",
    "hook-ended",
    "stop-signalled",
    "stop-killed",
    "stop-emptied",
    "stop-settled",
    "empty-told",
    "forget-closed",
    "adopt-held",
    "adopt-told",
];

/// Every point of a rollout, in its order.
pub const IN_ROLLOUTS: &[&str] = &[
    "rollout-recording",
    "rollout-recorded",
    "rollout-realising",
    "rollout-realised",
    "rollout-switching",
    "rollout-switched",
    "rollout-reloaded",
];

/// A point in each task and thread, to panic at.
pub const IN_TASKS: &[&str] = &[
    "in-supervisor",
    "in-service",
    "in-power",
    "in-power-work",
    "in-listener",
    "in-session",
    "in-reaper",
    "in-logs",
    "in-start",
];

/// Passes a point; kills this process if a test has asked for that.
///
/// # Panics
///
/// If a test has asked for that.
#[cfg(any(debug_assertions, feature = "failpoints"))]
pub fn pass(point: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static PASSED: AtomicU32 = AtomicU32::new(0);

    let lists = [ALL, IN_ROLLOUTS, IN_TASKS];
    let is_listed = lists.iter().any(|list| list.contains(&point));
    debug_assert!(is_listed, "{point} is not listed");
    let Ok(wanted) = std::env::var("LASTWORD_FAILPOINT") else {
        return;
    };
    if let Some(name) = wanted.strip_prefix("panic@") {
        assert!(name != point, "as asked for at {point}");
        return;
    }
    let (name, count) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    if name != point {
        return;
    }
    let passed = PASSED.fetch_add(1, Ordering::Relaxed) + 1;
    if count.parse() == Ok(passed) {
        // Nobody is told, as when the kernel's out-of-memory killer comes.
        let _ = nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::Signal::SIGKILL);
    }
}

/// Passes a point.
#[cfg(not(any(debug_assertions, feature = "failpoints")))]
pub const fn pass(_point: &str) {}

/// A fault that a test can plant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A session works until nothing more arrives: the others wait.
    UnfairSession,
    /// Lines of logs are read whether their reader takes them or not.
    UnboundedAnswer,
    /// Each connection leaves a descriptor behind.
    Leak,
}

/// Returns whether a test has planted this fault.
#[cfg(any(debug_assertions, feature = "failpoints"))]
#[must_use]
pub fn is_planted(fault: Fault) -> bool {
    static PLANTED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();

    let name = match fault {
        Fault::UnfairSession => "plant@unfair-session",
        Fault::UnboundedAnswer => "plant@unbounded-answer",
        Fault::Leak => "plant@leak",
    };
    let planted = PLANTED.get_or_init(|| std::env::var("LASTWORD_FAILPOINT").ok());
    planted.as_deref() == Some(name)
}

/// Returns whether a test has planted this fault: there are no faults to plant.
#[cfg(not(any(debug_assertions, feature = "failpoints")))]
#[must_use]
pub const fn is_planted(_fault: Fault) -> bool {
    false
}
