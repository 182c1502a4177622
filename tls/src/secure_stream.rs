//! A stream that hides its bytes, behind the handshake.

use crate::PeerCertificate;
use crate::failure::describe;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

/// A stream to a peer whose certificate is known. What is written is on its way without a flush, and a failure says what the
/// person who has to mend it must know.
#[derive(Debug)]
pub struct SecureStream<S> {
    stream: TlsStream<S>,
    peer: PeerCertificate,
}

impl<S: AsyncRead + AsyncWrite + Unpin> SecureStream<S> {
    pub(crate) const fn new(stream: TlsStream<S>, peer: PeerCertificate) -> Self {
        Self { stream, peer }
    }

    /// Returns the certificate of the other side.
    #[must_use]
    pub const fn peer(&self) -> &PeerCertificate {
        &self.peer
    }

    /// Returns the stream below.
    #[must_use]
    pub fn socket(&self) -> &S {
        self.stream.get_ref().0
    }

    /// Returns whether bytes that were written are still here, after one more attempt to hand them to the stream below.
    ///
    /// # Errors
    ///
    /// The failure of that stream.
    pub fn has_unsent(&mut self) -> io::Result<bool> {
        let mut context = Context::from_waker(Waker::noop());
        match Pin::new(&mut self.stream).poll_flush(&mut context) {
            Poll::Ready(sent) => sent.map(|()| false).map_err(described),
            Poll::Pending => Ok(true),
        }
    }

    /// Hands on what it can; whatever is left wakes the task when there is room for it.
    fn send(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Ready(sent) => sent,
            Poll::Pending => Ok(()),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for SecureStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // A stream that takes no more may still have something to say, such as the reason for that.
        let sent = self.send(context);
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Pending => sent.map_or_else(
                |error| Poll::Ready(Err(described(error))),
                |()| Poll::Pending,
            ),
            // Many clients close without a word. Nothing is lost by it: lines and frames have ends of their own.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Poll::Ready(Ok(()))
            }
            Poll::Ready(read) => Poll::Ready(read.map_err(described)),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for SecureStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(1..)) = wrote {
            // Its failure is that of the next read or write.
            let _ = self.send(context);
        }
        wrote.map_err(described)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream)
            .poll_flush(context)
            .map_err(described)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream)
            .poll_shutdown(context)
            .map_err(described)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to `map_err`")]
fn described(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), describe(&error))
}
