//! A board with an executor, which has one task.

use super::Exchange;
use crate::bench::{self, Hardware, ReadError, Side, Uart, tick};
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use embedded_hal_async::delay::DelayNs;
use embedded_io::ErrorType;
use embedded_io::Write as _;
use embedded_io_async::{Read, Write};
use lastword_protocol::power::{Evidence, Operation};
use lastword_responder::io::run;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// One half of the line.
struct Half(Rc<RefCell<Uart>>);

impl ErrorType for Half {
    type Error = ReadError;
}

impl Read for Half {
    async fn read(&mut self, room: &mut [u8]) -> Result<usize, ReadError> {
        poll_fn(|_| {
            let mut uart = self.0.borrow_mut();
            if !uart.can_be_read() {
                return Poll::Pending;
            }
            Poll::Ready(embedded_io::Read::read(&mut *uart, room))
        })
        .await
    }
}

impl Write for Half {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ReadError> {
        poll_fn(|_| {
            let mut uart = self.0.borrow_mut();
            if uart.queue.len() == uart.queue_bytes {
                return Poll::Pending;
            }
            Poll::Ready(uart.write(bytes))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), ReadError> {
        poll_fn(|_| {
            let drained = self.0.borrow().queue.is_empty();
            if drained {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            }
        })
        .await
    }
}

/// Waits for the board's clock.
struct Delay(Rc<Cell<u64>>);

impl DelayNs for Delay {
    async fn delay_ns(&mut self, ns: u32) {
        let until = self.0.get() + u64::from(ns.div_ceil(1_000_000));
        poll_fn(|_| {
            if until <= self.0.get() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

/// A board that has just started.
pub(super) struct Bench {
    hardware: Hardware,
    pub(super) uart: Rc<RefCell<Uart>>,
    responder: Side,
}

impl Bench {
    pub(super) fn new() -> Self {
        let bench::Bench {
            hardware,
            uart,
            responder,
        } = bench::Bench::new();
        Self {
            hardware,
            uart: Rc::new(RefCell::new(uart)),
            responder,
        }
    }

    /// Says one thing after the other, has each answer looked at, and returns what was fired. Each
    /// millisecond the task is polled once; whoever waits is always polled again.
    pub(super) fn hold(
        &mut self,
        conversation: &[Exchange],
        patience_ms: usize,
        mut check: impl FnMut(&Exchange, &[u8]),
    ) -> Vec<(Operation, Evidence)> {
        let now = Rc::clone(&self.hardware.now);
        let uart = Rc::clone(&self.uart);
        {
            let [mut reader, mut writer] = [(); 2].map(|()| Half(Rc::clone(&uart)));
            let mut delay = Delay(Rc::clone(&now));
            let mut task = pin!(run(
                &mut self.responder,
                &mut reader,
                &mut writer,
                &mut self.hardware,
                &mut delay,
            ));
            let mut context = Context::from_waker(Waker::noop());
            for exchange in conversation {
                uart.borrow_mut().arrived.extend(exchange.0.as_bytes());
                for _ in 0..patience_ms {
                    assert!(task.as_mut().poll(&mut context).is_pending());
                    uart.borrow_mut().move_on();
                    tick(&now);
                }
                let heard = std::mem::take(&mut uart.borrow_mut().heard);
                check(exchange, &heard);
            }
        }
        std::mem::take(&mut self.hardware.fired)
    }
}
