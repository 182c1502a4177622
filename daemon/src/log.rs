//! The log of the process: tracing's events, a line each, on standard error, and no more of a kind than
//! anybody would read.

use crate::event_limit::EventLimit;
use crate::sink::LogSink;
use lastword_shell::escape::Shown;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::mem;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Logs to standard error, `info` unless `RUST_LOG` says otherwise (`warn,agent_activation=debug`: a level for all targets,
/// and one for each that is named), through the sink that this returns:
/// flush it before the process ends.
///
/// Whatever an event holds, it is one line of characters that no terminal acts on.
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
    let said = std::env::var("RUST_LOG").ok();
    let filter = said.and_then(|said| said.parse().ok());
    let filter: Targets = filter.unwrap_or_else(|| Targets::new().with_default(Level::INFO));
    let writer = LogWriter {
        sink: sink.clone(),
        limit: Arc::new(Mutex::new(EventLimit::new(now()))),
        is_coloured: io::stderr().is_terminal(),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        // Its escapes could not be told from those of an event.
        .with_ansi(false)
        // It would go to standard error by a way that panics.
        .log_internal_errors(false);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .init();
    Ok(sink)
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever logs has no time to hand over"
)]
fn now() -> Instant {
    Instant::now()
}

/// Makes the lines of a log.
#[derive(Debug)]
struct LogWriter {
    sink: LogSink,
    limit: Arc<Mutex<EventLimit>>,
    is_coloured: bool,
}

impl<'s> MakeWriter<'s> for LogWriter {
    type Writer = EventWriter<'s>;

    fn make_writer(&'s self) -> EventWriter<'s> {
        EventWriter {
            sink: Some(&self.sink),
            left_out: 0,
            colour: None,
        }
    }

    fn make_writer_for(&'s self, event: &Metadata<'_>) -> EventWriter<'s> {
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        let left_out = limit.note(now(), event.callsite(), event.target());
        EventWriter {
            sink: left_out.map(|_| &self.sink),
            left_out: left_out.unwrap_or_default(),
            colour: self.is_coloured.then(|| *event.level()),
        }
    }
}

/// Takes one event of the log, whole.
#[derive(Debug)]
struct EventWriter<'s> {
    /// `None`: there have been enough of its kind.
    sink: Option<&'s LogSink>,
    /// How many of its kind were left out before it.
    left_out: u64,
    /// Its level, if that is shown in colour.
    colour: Option<Level>,
}

impl Write for EventWriter<'_> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        if let Some(sink) = self.sink {
            let text = String::from_utf8_lossy(event);
            let left_out = mem::take(&mut self.left_out);
            sink.push(line(text.trim_end_matches('\n'), left_out, self.colour).as_bytes());
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An event as the line that it is in the log.
fn line(event: &str, left_out: u64, colour: Option<Level>) -> String {
    let mut line = Shown(event).to_string();
    if left_out > 0 {
        // A String takes everything.
        let _ = write!(line, " left_out={left_out}");
    }
    if let Some(level) = colour {
        let code = match level {
            Level::ERROR => 31,
            Level::WARN => 33,
            Level::INFO => 32,
            _ => 34,
        };
        // The first word behind the time.
        line = line.replacen(level.as_str(), &format!("\x1b[{code}m{level}\x1b[0m"), 1);
    }
    line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_that_no_terminal_acts_on() {
        let forged = "a\n2026 INFO ready\u{9b}2J\u{202e}\x1b[2J";
        let shown = "a\\n2026 INFO ready\\u{9b}2J\\u{202e}\\x1b[2J";
        assert_eq!(line(forged, 0, None), format!("{shown}\n"));
        assert_eq!(line("a", 544, None), "a left_out=544\n");
        let coloured = line("2026  WARN a: WARN \x1b[0m", 0, Some(Level::WARN));
        assert_eq!(coloured, "2026  \x1b[33mWARN\x1b[0m a: WARN \\x1b[0m\n");
    }
}
