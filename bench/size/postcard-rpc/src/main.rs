//! A postcard-rpc server with one endpoint, its own transport over `embedded-io-async` and no
//! executor but a loop: the least that answers.
//!
//! Frames without a checksum: a flipped bit is a request or a reply with another value. A request
//! sent twice runs twice. No text and no shell; no power operation. Its two standard endpoints,
//! ping and the schemas of all others, come with it and cannot be left out.

#![no_std]
#![no_main]

mod uptime;

use core::pin::pin;
use core::task::{Context, Waker};
use cortex_m_rt::entry;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use postcard_rpc::server::impls::embedded_io_async_v0_6::WireStorage;
use postcard_rpc::server::{Dispatch, Server};
use size_board::{Uart, reset};
use static_cell::ConstStaticCell;
use uptime::{Board, Nobody, Nothing};

/// The longest frame; one of ours is shorter.
const FRAME_BYTES: usize = 128;

static STORAGE: WireStorage<Uart, Uart, NoopRawMutex, FRAME_BYTES, FRAME_BYTES> =
    WireStorage::new();
static RECEIVED: ConstStaticCell<[u8; FRAME_BYTES]> = ConstStaticCell::new([0; FRAME_BYTES]);

#[entry]
fn main() -> ! {
    let uart = Uart::new();
    let Some((receiver, sender)) = STORAGE.init(uart, uart) else {
        reset()
    };
    let board = Board::new(Nothing, Nobody);
    let key = board.min_key_len();
    let mut server = Server::new(sender, receiver, RECEIVED.take().as_mut_slice(), board, key);
    let mut run = pin!(server.run());
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if run.as_mut().poll(&mut context).is_ready() {
            reset();
        }
    }
}
