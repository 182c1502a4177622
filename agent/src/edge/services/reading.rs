//! Lines of a log in pages, a few at a time: the rest is read once it is asked for.

use crate::core::log::Cursor;
use crate::core::log::range::LogRange;
use crate::core::service::Name;
use crate::core::service::answer::{Pages, push_line, refused};
use crate::core::service::supervisor::Supervisor;
use crate::edge::logs::{Batch, Logs, Readers};
use lastword_protocol::message::Reply;
use lastword_protocol::message::service::Item;
use lastword_protocol::refusal::Code;
use std::io;

/// The most content that is read for one request, in bytes; the first line may be longer.
const READ_BYTES: usize = 8 * 1024;
/// The most lines that are read for one request.
const READ_LINES: usize = 256;

/// Some pages of a log, and what is to be read behind them.
pub(in crate::edge) type LogPages = (Vec<Reply>, Option<LogRange>);

/// Answers where a log ends: its lines are for [`read`].
pub(super) fn end(supervisor: &Supervisor, logs: &Logs, name: &str) -> Vec<Reply> {
    let is_known = Name::try_from(name).is_ok_and(|name| supervisor.unit(&name).is_some());
    if !is_known {
        let detail = format!("no service {name}; `svc list` shows them");
        return refused(Code::Unknown, &detail);
    }
    match logs.end(name) {
        Ok(Cursor(from)) => {
            let mut pages = Pages::default();
            pages.push(&Item::Next { from, missed: 0 });
            pages.done()
        }
        Err(error) => refused(Code::Internal, &error.to_string()),
    }
}

/// Reads the next pages. A log that is gone ends where its reader has come to.
pub(super) async fn read(logs: &Readers, range: LogRange) -> LogPages {
    match read_lines(logs, range).await {
        Ok(pages) => pages,
        Err(error) => (refused(Code::Internal, &error.to_string()), None),
    }
}

async fn read_lines(logs: &Readers, mut range: LogRange) -> io::Result<LogPages> {
    let mut pages = Pages::default();
    if !range.is_over() {
        match next_batch(logs, &range).await? {
            Some(mut batch) => {
                range.take(batch.missed, &mut batch.lines);
                for line in &batch.lines {
                    push_line(&mut pages, line);
                }
            }
            None => range.end_at(range.at),
        }
    }
    let (from, missed) = (range.at.0, range.missed);
    let is_over = range.is_over();
    if is_over || range.is_followed() {
        pages.push(&Item::Next { from, missed });
    }
    if is_over {
        return Ok((pages.done(), None));
    }
    Ok((pages.so_far().collect(), Some(range)))
}

/// Reads lines that were there when the range was made; `None` if the log is gone.
async fn next_batch(logs: &Readers, range: &LogRange) -> io::Result<Option<Batch>> {
    match logs.follow(&range.name, range.at) {
        Ok(follower) => follower.limited(READ_LINES, READ_BYTES).next().await,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
