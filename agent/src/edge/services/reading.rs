//! Lines of a service's log, for whoever asks.

use crate::core::log::Cursor;
use crate::core::service::answer::{Pages, push_line, refused};
use crate::edge::logs::Logs;
use crate::edge::tasks;
use lastword_protocol::message::Reply;
use lastword_protocol::message::service::{self, Item};
use lastword_protocol::refusal::Code;
use std::io;
use tokio::sync::oneshot;

/// Answers a request for lines.
pub(super) fn answer(
    logs: Logs,
    asked: service::Logs,
    is_known: bool,
    answer: oneshot::Sender<Vec<Reply>>,
) {
    if !is_known {
        let detail = format!("no service {}; `svc list` shows them", asked.name);
        return drop(answer.send(refused(Code::Unknown, &detail)));
    }
    tasks::spawn("log reader", async move {
        let replies = match read(&logs, &asked).await {
            Ok(replies) => replies,
            Err(error) => refused(Code::Internal, &error.to_string()),
        };
        // Whoever asked may be gone.
        let _ = answer.send(replies);
    });
}

async fn read(logs: &Logs, asked: &service::Logs) -> io::Result<Vec<Reply>> {
    let mut pages = Pages::default();
    let most = usize::from(asked.lines);
    let (next, missed) = match asked.from {
        None => {
            let tail = logs.tail(&asked.name, most).await?;
            tail.lines
                .iter()
                .for_each(|line| push_line(&mut pages, line));
            (tail.next, 0)
        }
        Some(from) => from_on(logs, asked, Cursor(from), &mut pages).await?,
    };
    let from = next.0;
    pages.push(&Item::Next { from, missed });
    Ok(pages.done())
}

/// Reads on from a line; returns where to go on, and how many lines are gone.
async fn from_on(
    logs: &Logs,
    asked: &service::Logs,
    from: Cursor,
    pages: &mut Pages,
) -> io::Result<(Cursor, u64)> {
    // What is there is waited for, however slow the disk; what will be is not.
    let end = logs.tail(&asked.name, 0).await?.next;
    let mut follower = logs.follow(&asked.name, from)?;
    let (mut next, mut left, mut missed) = (follower.cursor(), usize::from(asked.lines), 0);
    while left > 0 && follower.cursor() < end {
        let Some(batch) = follower.next().await? else {
            break;
        };
        missed += batch.missed;
        for line in batch.lines.iter().take(left) {
            push_line(pages, line);
            next = line.cursor.after(1);
        }
        left = left.saturating_sub(batch.lines.len());
    }
    Ok((next, missed))
}
