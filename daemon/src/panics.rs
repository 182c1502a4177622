//! Panics: a process that has lost one of its tasks is of no use, and does not look like it.

use crate::sink::LogSink;
use lastword_shell::escape::Shown;
use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::Cell;
use std::fmt::Write;
use std::panic::{self, UnwindSafe, catch_unwind};
use std::process;
use std::thread;

/// The exit code of a process that has panicked, as the standard library has it.
pub const EXIT_CODE: i32 = 101;

thread_local! {
    /// Whether a panic on this thread is the affair of [`contained`].
    static IS_CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, of which a panic is no more than an error: it leaves nothing behind that anybody uses.
/// It ends no process, and nothing is logged.
///
/// # Errors
///
/// The reason of the panic.
pub fn contained<T>(work: impl FnOnce() -> T + UnwindSafe) -> Result<T, String> {
    // Within another it stays as it is.
    let before = IS_CONTAINED.replace(true);
    let done = catch_unwind(work);
    IS_CONTAINED.set(before);
    done.map_err(|payload| reason(&*payload).to_owned())
}

/// From now on a panic anywhere but in [`contained`] ends the process at once, with its reason in the log,
/// as if it was killed: nothing is cleaned up. `task` names the task that runs on the current thread, if any does.
///
/// For programs only: a test that runs the same code in its own process wants its panics for itself.
pub fn end_the_process(program: &'static str, sink: LogSink, task: fn() -> Option<&'static str>) {
    panic::set_hook(Box::new(move |panic| {
        if IS_CONTAINED.get() {
            return;
        }
        let thread = thread::current();
        let who = match task() {
            Some(task) => format!("task {task}"),
            None => format!("thread {}", thread.name().unwrap_or("without a name")),
        };
        let place = panic
            .location()
            .map_or_else(String::new, |at| format!(" at {at}"));
        let mut line = format!(
            "{program}: {who} panicked{place}: {}\n",
            reason(panic.payload())
        );
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            // A String takes everything.
            let _ = writeln!(line, "{backtrace}");
        }
        // Past the log's own machinery, which may be what has panicked.
        for line in line.lines() {
            sink.push(format!("{}\n", Shown(line)).as_bytes());
        }
        sink.flush();
        process::exit(EXIT_CODE);
    }));
}

/// The reason that a panic was given.
#[must_use]
pub fn reason(payload: &dyn Any) -> &str {
    let literal = payload.downcast_ref::<&str>().copied();
    let formatted = || payload.downcast_ref::<String>().map(String::as_str);
    literal.or_else(formatted).unwrap_or("no reason was given")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contained_panic_is_an_error_with_its_reason() {
        assert_eq!(contained(|| 7), Ok(7));
        let said = contained(|| panic!("as {}", "tested"));
        assert_eq!(said, Err::<(), _>("as tested".to_owned()));
        assert!(!IS_CONTAINED.get(), "the next is none");
    }
}
