//! The campaign on a microcontroller: real firmware on an emulated board, reset over its UART.

mod control;
mod naive;
mod patience;
mod resets;
mod spoken;
mod stalled;

use crate::board::mcu;
use anyhow::Result;
use lastword_virtual::{BoardEventKind, Events};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Runs the campaign with so many reboots.
pub(crate) fn run(count: u32) -> Result<()> {
    mcu::build()?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(campaign(count))
}

async fn campaign(count: u32) -> Result<()> {
    let board = mcu::start_held("last-word", &mcu::image("responder")?).await?;
    let rebooted = resets::count(&board, count).await?;
    let patient = patience::show(&board, trials(count)).await?;
    board.stop().await?;
    let naive = control::loses(trials(count)).await?;
    println!("last-word: {rebooted}, {patient}, {naive}");
    Ok(())
}

/// How often each length of a stall is tried.
fn trials(count: u32) -> u32 {
    (count / 20).clamp(2, 10)
}

/// Waits so long for a reset, and says when it was.
async fn reset_within(events: &mut Events, limit: Duration) -> Result<Option<Instant>> {
    let reset = timeout(limit, async {
        loop {
            let event = events.next().await?;
            if event.kind == BoardEventKind::Reset {
                return Ok::<_, anyhow::Error>(event.at);
            }
        }
    });
    reset.await.ok().transpose()
}
