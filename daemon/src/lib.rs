//! The edges of a long-lived process, whatever it serves: files read within bounds, a log that stops
//! nothing, panics that end it with their reason, and signals as it expects them.

mod event_limit;
mod sink;

pub mod bounded_file;
pub mod log;
pub mod output;
pub mod panics;
pub mod signals;

pub use event_limit::CONNECTION_TARGET;
pub use sink::{FLUSH_LIMIT, LogSink, QUEUE_BYTES};
