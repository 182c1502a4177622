//! A serial line in tokio's time, which tests pause: bytes take their time, queues are bounded,
//! and what has not left is lost at a reset.

mod lane;
mod link;

pub use crate::faults::Rates;
pub use lane::TTY_BYTES;
pub use link::{HostEnd, UartLink};

use crate::faults::Symbol;
use lane::{Lane, wake};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// An end of a line, and the direction in which it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The board's.
    Agent,
    /// The desk's.
    Host,
}

/// A line between an agent and a host. Clones are the same line.
#[derive(Clone, Debug)]
pub struct Uart {
    baud: u32,
    wire: Arc<Mutex<Wire>>,
    changed: Arc<Notify>,
}

#[derive(Debug)]
struct Wire {
    from_agent: Lane,
    from_host: Lane,
    agent_is_gone: bool,
}

impl Wire {
    fn lane(&mut self, from: Side) -> &mut Lane {
        match from {
            Side::Agent => &mut self.from_agent,
            Side::Host => &mut self.from_host,
        }
    }
}

impl Uart {
    /// A line at rest. Needs a tokio runtime, whose clock it follows.
    #[must_use]
    pub fn new(baud: u32) -> Self {
        let wire = Wire {
            from_agent: Lane::new(baud, false),
            from_host: Lane::new(baud, true),
            agent_is_gone: false,
        };
        let uart = Self {
            baud,
            wire: Arc::new(Mutex::new(wire)),
            changed: Arc::new(Notify::new()),
        };
        tokio::spawn(uart.clone().run());
        uart
    }

    /// Its speed in bits per second.
    #[must_use]
    pub const fn baud(&self) -> u32 {
        self.baud
    }

    /// How long so many bytes take, one behind the other.
    #[must_use]
    pub fn time_on_wire(&self, bytes: usize) -> Duration {
        self.with(|wire, _| wire.from_host.byte_time(bytes))
    }

    /// The far reader takes no more bytes of this side, or takes them again: flow control. They
    /// stay in its queue.
    pub fn stall(&self, from: Side, stalled: bool) {
        self.with(|wire, now| wire.lane(from).stall(now, stalled));
    }

    /// From now on the bytes of this side are struck so often.
    pub fn strike(&self, from: Side, rates: Rates, seed: u64) {
        self.with(|wire, now| wire.lane(from).set_faults(now, rates, seed));
    }

    /// From now on the side that these bytes go to is told of no loss and no damage: a fault that has
    /// to be found.
    pub fn ignore_marks(&self, from: Side) {
        self.with(|wire, _| wire.lane(from).ignore_marks());
    }

    /// How many bytes of this side were struck since the last [`Uart::strike`].
    #[must_use]
    pub fn struck(&self, from: Side) -> u64 {
        self.with(|wire, _| wire.lane(from).struck())
    }

    /// Puts bytes into a side's queue that its program knows nothing of: printk, a boot loader.
    pub fn inject(&self, from: Side, bytes: &[u8]) {
        let symbols = bytes.iter().copied().map(Symbol::Byte);
        self.with(|wire, now| wire.lane(from).put(now, symbols));
    }

    /// The host holds the line in the spacing state.
    pub fn send_break(&self) {
        self.with(|wire, now| wire.lane(Side::Host).put(now, [Symbol::Break]));
    }

    /// The agent's port is unplugged: reading and writing fail.
    pub fn vanish(&self) {
        self.with(|wire, _| {
            wire.agent_is_gone = true;
            for lane in [&mut wire.from_agent, &mut wire.from_host] {
                wake(&mut lane.reader);
                wake(&mut lane.writer);
            }
        });
    }

    /// The board resets: what it has not sent, and not read, is lost.
    pub fn reset_agent(&self) {
        self.with(|wire, now| {
            wire.from_agent.lose_unsent(now);
            wire.from_host.lose_unread(now);
        });
    }

    /// How many bytes wait in a side's queue.
    #[must_use]
    pub fn queued(&self, from: Side) -> usize {
        self.with(|wire, now| {
            wire.lane(from).advance(now);
            wire.lane(from).queued()
        })
    }

    /// Every byte that has arrived at the other side by now, with the time of its last bit.
    #[must_use]
    pub fn heard(&self, from: Side) -> Vec<(Instant, u8)> {
        self.with(|wire, now| {
            wire.lane(from).advance(now);
            wire.lane(from).history().to_vec()
        })
    }

    /// The agent's end of the line.
    #[must_use]
    pub fn agent_end(&self) -> UartLink {
        self.with(|wire, now| wire.from_host.lose_unread(now));
        UartLink::new(self.clone())
    }

    /// The host's end. As with a real port, whoever reads takes the bytes from all others.
    #[must_use]
    pub fn host_end(&self) -> HostEnd {
        HostEnd::new(self.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Wire, Instant) -> T) -> T {
        let done = act(&mut self.lock(), Instant::now());
        self.changed.notify_one();
        done
    }

    fn lock(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the time pass on the line, for ever.
    async fn run(self) {
        loop {
            let next = self.advance();
            tokio::select! {
                () = self.changed.notified() => {}
                () = until(next) => {}
            }
        }
    }

    fn advance(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut wire = self.lock();
        let lanes = [Side::Agent, Side::Host].map(|from| {
            wire.lane(from).advance(now);
            wire.lane(from).deadline()
        });
        lanes.into_iter().flatten().min()
    }
}

async fn until(next: Option<Instant>) {
    match next {
        Some(next) => sleep_until(next).await,
        None => std::future::pending().await,
    }
}
