//! Requests by the thousand to real firmware, over a line that loses, damages, repeats and stalls,
//! and that a console talks into.

use super::by_chance;
use crate::board::mcu;
use anyhow::{Context, Result, anyhow, ensure};
use lastword_client::dial::LineSocket;
use lastword_client::endpoint::Baud;
use lastword_tests::exam::{self, MISHAPS, Tally};
use lastword_virtual::{BoardEventKind, Events, McuBoard};
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How many requests, if nobody says.
pub(crate) const REQUESTS: u64 = 10_000;

/// QEMU's UART has no speed. A client that gives a line time for its bytes would wait for nothing.
const AS_FAST_AS_QEMU: Baud = Baud(NonZeroU32::new(10_000_000).expect("not zero"));

/// Asks so many requests. `planted`: one reply in so many is that to another request.
pub(crate) fn run(requests: u64, seed: Option<u64>, planted: Option<u64>) -> Result<()> {
    mcu::build()?;
    let seed = seed.unwrap_or_else(by_chance);
    println!("lossy: {requests} requests to firmware, seed {seed}");
    println!("in both directions, {MISHAPS}, and a console that talks into it");
    let (tally, took) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(campaign(requests, seed, planted))?;
    for complaint in &tally.complaints {
        println!("wrong: {complaint}");
    }
    println!("lossy mcu: {tally}, in {:.1} s", took.as_secs_f64());
    ensure!(
        tally.holds(),
        "answers were wrong, or requests ran twice; the line struck by seed {seed}"
    );
    Ok(())
}

async fn campaign(requests: u64, seed: u64, planted: Option<u64>) -> Result<(Tally, Duration)> {
    let board = mcu::start_held("lossy", &mcu::image("responder")?).await?;
    let mut events = board.subscribe();
    board.release().await?;
    let begun = Instant::now();
    let tally = sit(&board, &mut events, planted, requests, seed).await?;
    let took = begun.elapsed();
    board.stop().await?;
    Ok((tally, took))
}

/// The exam; a board that resets meanwhile has failed it, whatever it answered.
async fn sit(
    board: &McuBoard,
    events: &mut Events,
    planted: Option<u64>,
    requests: u64,
    seed: u64,
) -> Result<Tally> {
    let line = LineSocket {
        baud: AS_FAST_AS_QEMU,
        ..board.serial_line()
    };
    let tally = exam::sit(&line, planted, requests, seed).await;
    let tally = tally.map_err(|why| anyhow!("{why}; the line struck by seed {seed}"))?;
    let reset = timeout(Duration::ZERO, async {
        while events.next().await?.kind != BoardEventKind::Reset {}
        Ok::<_, anyhow::Error>(())
    });
    match reset.await {
        Err(_) => Ok(tally),
        Ok(ended) => {
            ended.context("QEMU ended")?;
            Err(anyhow!("nobody asked for a reset, and the board was reset"))
        }
    }
}
