//! The signals that end the command.

use crate::Exit;
use tokio::signal::unix::{SignalKind, signal};

/// Waits for the first of them. Where none can be waited for, each ends the process by itself.
pub(crate) async fn end() -> Exit {
    tokio::select! {
        exit = caught(SignalKind::interrupt(), Exit::Interrupted) => exit,
        exit = caught(SignalKind::terminate(), Exit::Terminated) => exit,
        exit = caught(SignalKind::hangup(), Exit::HungUp) => exit,
    }
}

async fn caught(kind: SignalKind, exit: Exit) -> Exit {
    let Ok(mut signal) = signal(kind) else {
        return std::future::pending().await;
    };
    signal.recv().await;
    exit
}
