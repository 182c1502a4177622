//! The agent in simulated time, on a port whose hardware marks damage and counts what it loses.

use super::{LineSpelling, SpliceCampaign};
use crate::board::{Board, Options};
use crate::uart::{Rates, Side, Uart};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// Sends so many lines to an agent on a simulated port. `ignores_marks`: nobody is told of losses,
/// which has to be found.
#[must_use]
pub fn run_on_fake_port(lines: u32, seed: u64, ignores_marks: bool) -> SpliceCampaign {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let uart = Uart::new(BAUD);
        let _board = Board::on_uart(
            &uart,
            Options {
                announce: false,
                at_once: true,
                ..Options::default()
            },
        );
        uart.strike(Side::Host, RATES, seed);
        if ignores_marks {
            uart.ignore_marks(Side::Host);
        }
        let mut host = uart.host_end();
        host.write_all(b"\n").await.expect("a line");
        let mut campaign = SpliceCampaign::new(LineSpelling::Help, seed, QUIET);
        let sent = campaign.send(&mut host, lines, BURST_LINES).await;
        sent.expect("a line");
        campaign
    })
}

const QUIET: Duration = Duration::from_secs(5);
const BAUD: u32 = 115_200;
/// In a million bytes: one in some forty lines of a burst.
const RATES: Rates = Rates {
    flip: 0,
    drop: 0,
    duplicate: 0,
    framing: 500,
    garbage: 0,
    overrun: 500,
};
/// Their answers are more than the agent keeps, so that it stops to read and the port runs full.
const BURST_LINES: u32 = 1_500;
