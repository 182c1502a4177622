//! The two ends of a line: a link for the agent, a stream for the host.

use super::{Side, Uart, Wire};
use lastword_agent::core::session::{LossWatch, Traits};
use lastword_agent::edge::link::{Drain, Link, POLL};
use lastword_client::dial::{Dial, Dialing};
use lastword_client::endpoint::Baud;
use lastword_protocol::Millis;
use lastword_protocol::message::event::LinkKind;
use lastword_protocol::power::Evidence;
use lastword_shell::Medium;
use std::io;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The agent's end: what a serial port is to the real agent.
#[derive(Debug)]
pub struct UartLink(End, LossWatch);

/// The host's end.
#[derive(Debug)]
pub struct HostEnd(End);

#[derive(Debug)]
struct End {
    uart: Uart,
    side: Side,
}

impl UartLink {
    pub(super) fn new(uart: Uart) -> Self {
        let side = Side::Agent;
        let (losses, _) = uart.with(|wire, now| wire.from_host.losses(now));
        Self(End { uart, side }, LossWatch::new(losses, false))
    }
}

impl HostEnd {
    pub(super) const fn new(uart: Uart) -> Self {
        let side = Side::Host;
        Self(End { uart, side })
    }
}

impl End {
    const fn far(&self) -> Side {
        match self.side {
            Side::Agent => Side::Host,
            Side::Host => Side::Agent,
        }
    }

    fn read(&self, context: &Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.uart.with(|wire, now| {
            if self.side == Side::Agent && wire.agent_is_gone {
                return Poll::Ready(Err(gone()));
            }
            let lane = wire.lane(self.far());
            let bytes = lane.read(now, buffer.remaining());
            if bytes.is_empty() {
                lane.reader = Some(context.waker().clone());
                return Poll::Pending;
            }
            buffer.put_slice(&bytes);
            Poll::Ready(Ok(()))
        })
    }

    fn write(&self, context: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.uart.with(|wire, now| {
            if self.side == Side::Agent && wire.agent_is_gone {
                return Poll::Ready(Err(gone()));
            }
            let lane = wire.lane(self.side);
            match lane.write(now, bytes) {
                0 => {
                    lane.writer = Some(context.waker().clone());
                    Poll::Pending
                }
                count => Poll::Ready(Ok(count)),
            }
        })
    }
}

fn gone() -> io::Error {
    io::Error::other("the port is gone")
}

macro_rules! stream {
    ($end:ty) => {
        impl AsyncRead for $end {
            fn poll_read(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                self.0.read(context, buffer)
            }
        }

        impl AsyncWrite for $end {
            fn poll_write(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.0.write(context, bytes)
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }
        }
    };
}

stream!(UartLink);
stream!(HostEnd);

impl Link for UartLink {
    fn traits(&self) -> Traits {
        let baud = self.0.uart.baud;
        Traits {
            medium: Medium::Serial { baud },
            marked: true,
            telnet: false,
        }
    }

    fn kind(&self) -> LinkKind {
        LinkKind::Serial
    }

    fn peer(&self) -> String {
        String::new()
    }

    fn describe(&self) -> String {
        format!("simulated line at {} baud", self.0.uart.baud)
    }

    fn wire_time(&self, bytes: usize) -> Millis {
        self.0.uart.with(|wire, now| {
            wire.from_agent.advance(now);
            let bytes = bytes + wire.from_agent.queued();
            let time = wire.from_agent.byte_time(bytes).as_millis();
            Millis(u64::try_from(time).unwrap_or(u64::MAX))
        })
    }

    /// Counts as the drivers of real UARTs do.
    fn may_have_lost_input(&mut self) -> bool {
        let count = |wire: &mut Wire, now| wire.from_host.losses(now);
        let (losses, is_drained) = self.0.uart.with(count);
        self.1.has_read(losses, is_drained)
    }

    /// Asks as the real serial link does: the queue first, then the shift register.
    fn drained(&mut self, _await_close: bool) -> io::Result<Drain> {
        self.0.uart.with(|wire, now| {
            if wire.agent_is_gone {
                return Err(gone());
            }
            let lane = &mut wire.from_agent;
            lane.advance(now);
            Ok(match lane.queued() {
                0 if lane.is_empty() => Drain::Left(Evidence::UartEmpty),
                0 => Drain::Pending(lane.byte_time(1)),
                queued => Drain::Pending(lane.byte_time(queued).max(POLL)),
            })
        })
    }
}

impl Dial for Uart {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move { Ok(Box::new(self.host_end()) as _) })
    }

    fn baud(&self) -> Option<Baud> {
        NonZeroU32::new(self.baud).map(Baud)
    }
}
