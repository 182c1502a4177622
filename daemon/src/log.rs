//! The log of the process: tracing's events, a line each, on standard error.

use crate::sink::LogSink;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use tracing_subscriber::EnvFilter;

/// Logs to standard error, `info` unless `RUST_LOG` says otherwise, through the sink that this returns:
/// flush it before the process ends.
///
/// # Errors
///
/// If there is no descriptor or no thread for it.
pub fn start() -> io::Result<LogSink> {
    // A descriptor of its own: the standard library's has a lock, which a blocked writer would keep.
    let file = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let sink = LogSink::start(file, |lines| {
        tracing::warn!(target: "log", lines,
            "lines of this log were lost: standard error did not take them");
    })?;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(sink.clone())
        .with_ansi(io::stderr().is_terminal())
        // It would go to standard error by a way that panics.
        .log_internal_errors(false)
        .init();
    Ok(sink)
}
