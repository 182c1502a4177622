//! The bytes of a link: whichever it can do first, write or read.

use crate::core::session::Session;
use crate::edge::link::Link;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::ReadBuf;
use tokio::time::Instant;

/// The time for which a line may still have something to send when the next chunk of a stream is written, so
/// that it is never idle in between.
const CHUNK_AHEAD: Duration = Duration::from_millis(3);

/// A step that the link has made.
#[derive(Clone, Copy)]
pub(super) enum TransferEvent {
    Wrote(usize),
    Read(usize),
    /// The peer will send no more.
    Ended,
}

/// The steps that a link may make next.
#[derive(Clone, Copy)]
pub(super) struct LinkTransfer<'o> {
    pub(super) output: &'o [u8],
    pub(super) wants_input: bool,
    pub(super) reads_first: bool,
}

/// Writes what waits or reads what has come, whichever the link can do first. Cancel-safe.
pub(super) async fn step(
    link: &mut dyn Link,
    transfer: LinkTransfer<'_>,
    buffer: &mut [u8],
) -> io::Result<TransferEvent> {
    poll_fn(|context| {
        if transfer.reads_first
            && let read @ Poll::Ready(_) = poll_read(link, transfer, buffer, context)
        {
            return read;
        }
        if !transfer.output.is_empty()
            && let Poll::Ready(wrote) = Pin::new(&mut *link).poll_write(context, transfer.output)
        {
            return Poll::Ready(match wrote {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                wrote => wrote.map(TransferEvent::Wrote),
            });
        }
        poll_read(link, transfer, buffer, context)
    })
    .await
}

fn poll_read(
    link: &mut dyn Link,
    transfer: LinkTransfer<'_>,
    buffer: &mut [u8],
    context: &mut Context<'_>,
) -> Poll<io::Result<TransferEvent>> {
    if !transfer.wants_input {
        return Poll::Pending;
    }
    let mut free = ReadBuf::new(buffer);
    let read = Pin::new(link).poll_read(context, &mut free);
    read.map_ok(|()| match free.filled().len() {
        0 => TransferEvent::Ended,
        count => TransferEvent::Read(count),
    })
}

/// Returns when the next frame of a stream or transfer may be sent, if there is one: once the line has sent nearly all that
/// was written before, so that what is more urgent waits for one frame at most.
pub(super) fn bulk_turn(link: &dyn Link, session: &Session) -> Option<Instant> {
    if !session.has_bulk_frame() {
        return None;
    }
    let ahead = Duration::from_millis(link.wire_time(0).0);
    Some(Instant::now() + ahead.saturating_sub(CHUNK_AHEAD))
}
