//! Links around links, in tokio's time.

use super::{Mishaps, Path, Struck};
use crate::uart::{Uart, UartLink};
use lastword_agent::core::session::Traits;
use lastword_agent::edge::link::{Drain, Link};
use lastword_client::dial::{Dial, Dialing};
use lastword_client::endpoint::Baud;
use lastword_protocol::message::event::LinkKind;
use lastword_protocol::{Instant, Millis};
use std::collections::VecDeque;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{self, Sleep, sleep_until};

/// What befalls the writes to all links of one direction, one after the other: it has a memory
/// that outlives each of them, as the queues of a network do.
#[derive(Clone, Debug)]
pub struct LossyUart {
    uart: Uart,
    start: time::Instant,
    from_agent: Shared,
    from_host: Shared,
}

/// One direction, shared by the links that follow on each other.
pub(crate) type Shared = Arc<Mutex<Path>>;

/// A direction on which nothing has happened yet.
pub(crate) fn shared(mishaps: Mishaps, seed: u64) -> Shared {
    Arc::new(Mutex::new(Path::new(mishaps, Millis(0), seed)))
}

/// A link around another. What is written to it suffers from mishaps on its way into the other;
/// what is read does not: wrap the far end as well.
///
/// Bytes that are late leave when the link is next polled, as it is by whoever reads.
pub struct Lossy<L> {
    inner: L,
    path: Shared,
    start: time::Instant,
    /// Due, and not yet taken by the inner link.
    owed: VecDeque<u8>,
    timer: Pin<Box<Sleep>>,
}

impl LossyUart {
    /// A line around `uart`. Needs a tokio runtime, whose clock it follows.
    #[must_use]
    pub fn new(uart: Uart, mishaps: Mishaps, seed: u64) -> Self {
        Self {
            uart,
            start: time::Instant::now(),
            from_agent: shared(mishaps, seed),
            from_host: shared(mishaps, !seed),
        }
    }

    /// Wraps the agent's end.
    #[must_use]
    pub fn wrap_agent(&self, link: UartLink) -> Lossy<UartLink> {
        Lossy::new(link, &self.from_agent, self.start)
    }

    /// What it did so far.
    #[must_use]
    pub fn struck(&self) -> Struck {
        let mut struck = lock(&self.from_agent).struck();
        struck.add(lock(&self.from_host).struck());
        struck
    }
}

impl Dial for LossyUart {
    fn dial(&self) -> Dialing<'_> {
        let end = Lossy::new(self.uart.host_end(), &self.from_host, self.start);
        Box::pin(async move { Ok(Box::new(end) as _) })
    }

    fn baud(&self) -> Option<Baud> {
        Dial::baud(&self.uart)
    }
}

impl<L: AsyncWrite + Unpin> Lossy<L> {
    /// A link around `inner` that suffers what is on this path; its clock began at `start`.
    pub(crate) fn new(inner: L, path: &Shared, start: time::Instant) -> Self {
        Self {
            inner,
            path: Arc::clone(path),
            start,
            owed: VecDeque::new(),
            timer: Box::pin(sleep_until(start)),
        }
    }

    /// Hands on what is due, and sees to being polled when more is.
    fn poll_due(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let now = self.now();
            while let Some(arrived) = lock(&self.path).take(now) {
                self.owed
                    .extend(arrived.into_iter().flat_map(|it| it.received(false)));
            }
            while !self.owed.is_empty() {
                let bytes = self.owed.make_contiguous();
                let taken = ready!(pin!(&mut self.inner).poll_write(context, bytes))?;
                self.owed.drain(..taken);
            }
            let Some(next) = lock(&self.path).deadline() else {
                return Poll::Ready(Ok(()));
            };
            self.timer
                .as_mut()
                .reset(self.start + Duration::from_millis(next.0));
            if self.timer.as_mut().poll(context).is_pending() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn now(&self) -> Instant {
        let millis = self.start.elapsed().as_millis();
        Instant(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}

fn lock(path: &Shared) -> MutexGuard<'_, Path> {
    path.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<L: AsyncRead + AsyncWrite + Unpin> AsyncRead for Lossy<L> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // What cannot leave is no reason not to read.
        if let Poll::Ready(Err(error)) = self.poll_due(context) {
            return Poll::Ready(Err(error));
        }
        pin!(&mut self.inner).poll_read(context, buffer)
    }
}

impl<L: AsyncWrite + Unpin> AsyncWrite for Lossy<L> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_due(context))?;
        let now = self.now();
        lock(&self.path).send(now, bytes);
        if let Poll::Ready(Err(error)) = self.poll_due(context) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.inner).poll_shutdown(context)
    }
}

impl<L: Link> Link for Lossy<L> {
    fn traits(&self) -> Traits {
        self.inner.traits()
    }

    fn kind(&self) -> LinkKind {
        self.inner.kind()
    }

    fn peer(&self) -> String {
        self.inner.peer()
    }

    fn describe(&self) -> String {
        format!("lossy {}", self.inner.describe())
    }

    fn wire_time(&self, bytes: usize) -> Millis {
        self.inner.wire_time(bytes + self.owed.len())
    }

    fn is_console(&self) -> bool {
        self.inner.is_console()
    }

    fn mark(&mut self) -> io::Result<()> {
        self.inner.mark()
    }

    /// What is lost or late has left the board.
    fn drained(&mut self, await_close: bool) -> io::Result<Drain> {
        if self.owed.is_empty() {
            self.inner.drained(await_close)
        } else {
            Ok(Drain::Pending(Duration::from_millis(1)))
        }
    }
}
