//! The two ends of a connection: a link for the agent, a stream for the host.

use super::{Flow, Socket, State};
use lastword_agent::core::session::Traits;
use lastword_agent::edge::link::{Drain, Link, POLL};
use lastword_protocol::Millis;
use lastword_protocol::message::event::LinkKind;
use lastword_protocol::power::Evidence;
use lastword_shell::Medium;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The agent's end: what a TCP connection is to the real agent.
#[derive(Debug)]
pub struct SocketLink {
    socket: Socket,
    acked_before: u64,
    closed_before: bool,
}

/// The host's end.
#[derive(Debug)]
pub struct HostSocket(Socket);

impl SocketLink {
    pub(super) const fn new(socket: Socket) -> Self {
        Self {
            socket,
            acked_before: 0,
            closed_before: false,
        }
    }
}

impl HostSocket {
    pub(super) const fn new(socket: Socket) -> Self {
        Self(socket)
    }
}

impl State {
    fn check(&self) -> io::Result<()> {
        if self.is_reset {
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(())
        }
    }
}

fn read(flow: &mut Flow, context: &Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
    let count = flow.arrived.len().min(buffer.remaining());
    if count == 0 && !flow.is_shut {
        flow.reader = Some(context.waker().clone());
        return Poll::Pending;
    }
    let bytes: Vec<u8> = flow.arrived.drain(..count).collect();
    buffer.put_slice(&bytes);
    Poll::Ready(Ok(()))
}

fn write(flow: &mut Flow, context: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
    match flow.write(bytes) {
        0 => {
            flow.writer = Some(context.waker().clone());
            Poll::Pending
        }
        count => Poll::Ready(Ok(count)),
    }
}

macro_rules! stream {
    ($end:ty, $socket:tt, reads $from:ident, writes $to:ident) => {
        impl AsyncRead for $end {
            fn poll_read(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                let mut state = self.$socket.lock();
                state.check()?;
                read(&mut state.$from, context, buffer)
            }
        }

        impl AsyncWrite for $end {
            fn poll_write(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                let mut state = self.$socket.lock();
                state.check()?;
                write(&mut state.$to, context, bytes)
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                let mut state = self.$socket.lock();
                state.$to.is_shut = true;
                state.$to.wake();
                Poll::Ready(Ok(()))
            }
        }
    };
}

stream!(SocketLink, socket, reads to_agent, writes to_host);
stream!(HostSocket, 0, reads to_host, writes to_agent);

impl Link for SocketLink {
    fn traits(&self) -> Traits {
        Traits {
            medium: Medium::Stream,
            marked: false,
            telnet: true,
        }
    }

    fn kind(&self) -> LinkKind {
        LinkKind::Tcp
    }

    fn peer(&self) -> String {
        String::new()
    }

    fn describe(&self) -> String {
        "simulated connection".to_owned()
    }

    fn wire_time(&self, _bytes: usize) -> Millis {
        Millis(0)
    }

    fn mark(&mut self) -> io::Result<()> {
        let state = self.socket.lock();
        self.acked_before = state.to_host.acknowledged;
        self.closed_before = state.to_agent.is_shut;
        state.check()
    }

    /// Asks as the real TCP link does.
    fn drained(&mut self, await_close: bool) -> io::Result<Drain> {
        let state = self.socket.lock();
        state.check()?;
        let flow = &state.to_host;
        if !flow.queue.is_empty() || flow.acknowledged <= self.acked_before {
            return Ok(Drain::Pending(POLL));
        }
        Ok(if !await_close {
            Drain::Left(Evidence::PeerAcked)
        } else if state.to_agent.is_shut && !self.closed_before {
            Drain::Left(Evidence::PeerClosed)
        } else {
            Drain::Pending(POLL)
        })
    }
}
