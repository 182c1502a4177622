//! Nothing is left of a service: asked to go, killed, waited for, its log written to the end.

use crate::core::service::Name;
use crate::edge::explained::is_exhausted;
use crate::edge::failpoint::pass;
use crate::edge::logs::Logs;
use crate::edge::process::Group;
use nix::sys::signal::Signal;
use std::time::Duration;
use tokio::time::sleep;

/// The time between two looks whether a service is gone where descriptors have run out.
const EXHAUSTED_PERIOD: Duration = Duration::from_millis(100);

/// Sees to it that nothing is left: asks it to go, or kills.
pub(super) async fn clear(name: &Name, group: Option<&Group>, signal: Option<Signal>) {
    let Some(group) = group else {
        return;
    };
    if matches!(group.is_empty(), Ok(true)) {
        return;
    }
    let sent = match signal {
        Some(signal) => group.terminate(signal).await,
        None => group.kill().await,
    };
    pass(if signal.is_some() {
        "stop-signalled"
    } else {
        "stop-killed"
    });
    if let Err(error) = sent {
        tracing::warn!(target: "services", %name, %error, "not everything of it was signalled");
    }
    while let Err(error) = group.emptied().await {
        if is_exhausted(&error) {
            sleep(EXHAUSTED_PERIOD).await;
            continue;
        }
        // It is asked again when the grace is over, or killed again.
        tracing::error!(target: "services", %name, %error, "whether it is gone cannot be told");
        std::future::pending::<()>().await;
    }
}

/// Writes what is left in the FIFOs, the unfinished line too.
pub(super) async fn settle(logs: &Logs, name: &Name) {
    pass("stop-emptied");
    // Descriptors may have been too few for its log ever since it was adopted.
    let is_open = logs.readers().is_open(name.as_str());
    if is_open && let Err(error) = logs.settle(name.as_str()).await {
        tracing::warn!(target: "services", %name, %error, "the end of its log is not written");
    }
    pass("stop-settled");
}
