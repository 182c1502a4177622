//! One request to reboot, under one policy on one line.

use super::host::Host;
use super::{Line, Outcome};
use crate::board::{Board, Options};
use crate::reset::ResetLine;
use crate::uart::{Side, Uart};
use lastword_protocol::Millis;
use lastword_protocol::power::{self, Standdown};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// Who is to answer, and to reset.
pub struct Contender {
    pub(super) reset: ResetLine,
    /// The real agent; a control has nothing to ask.
    pub(super) board: Option<Board>,
}

impl From<Board> for Contender {
    fn from(board: Board) -> Self {
        Self {
            reset: board.reset.clone(),
            board: Some(board),
        }
    }
}

/// How a board of a trial is configured.
#[must_use]
pub fn options(drain_cap: Millis) -> Options {
    Options {
        drain_cap,
        announce: false,
        ..Options::default()
    }
}

/// Has the host ask what `start` has put on the line for a reboot, and waits for what comes of it.
#[must_use]
pub fn trial(line: Line, start: impl FnOnce(&Uart) -> Contender) -> Outcome {
    simulate(async move {
        let uart = Uart::new(line.baud);
        let contender = start(&uart);
        let mut host = Host::new(&uart);
        host.greet().await;
        // Held until the request is there, so that all of it is still in the queue then.
        uart.stall(Side::Agent, true);
        uart.inject(Side::Agent, &noise(line.queued_bytes));
        let begun = Instant::now();
        let request = host.ask().await;
        let asked = begun + uart.time_on_wire(request.len());
        sleep_until(asked + line.stall).await;
        uart.stall(Side::Agent, false);
        come_of(contender, host, asked).await
    })
}

async fn come_of(contender: Contender, mut host: Host, asked: Instant) -> Outcome {
    let Ok(fire) = timeout(HORIZON, contender.reset.pulled(1)).await else {
        let why = stood_down(&contender);
        let late_ack = host.acknowledged().is_some();
        return Outcome::StoodDown { why, late_ack };
    };
    Outcome::Reset {
        delay: since(asked, fire.at),
        behind_ack: host.acknowledged().map(|last_bit| since(last_bit, fire.at)),
    }
}

/// Why nothing has reset the board, which is up, and has it on record.
fn stood_down(contender: &Contender) -> Standdown {
    let board = contender.board.as_ref().expect("a control always resets");
    let last = board.last().expect("an agent that is up");
    let power::Outcome::StoodDown(why) = last.outcome else {
        panic!("neither reset nor stood down: {board:?}");
    };
    let record = board.disk.text("power.json").unwrap_or_default();
    assert!(record.contains("StoodDown"), "not on record: {board:?}");
    why
}

fn since(earlier: Instant, later: Instant) -> Duration {
    let since = later.checked_duration_since(earlier);
    since.expect("nothing is asked or said behind a reset")
}

/// What a kernel might have said in front of the acknowledgement.
fn noise(bytes: usize) -> Vec<u8> {
    let line = b"[   17.041977] usb 1-1: new high-speed USB device number 2\r\n";
    line.iter().copied().cycle().take(bytes).collect()
}

/// Runs it in a time and a world of its own.
pub(super) fn simulate<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(work)
}

/// Long enough for everything that is ever going to happen: at 1200 baud a full queue takes 34 s.
const HORIZON: Duration = Duration::from_mins(5);
