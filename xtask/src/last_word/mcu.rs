//! The campaign on a microcontroller: real firmware on an emulated board, reset over its UART.

pub(crate) mod line;
mod naive;

use crate::board::mcu;
use anyhow::{Result, ensure};
use lastword_hil::virtual_board::{BoardEventKind, Events};
use naive::{Naive, Policy};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// For how long nobody reads, in turn.
const STALLS: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_millis(1_500),
];

/// Runs the campaign with so many reboots.
pub(crate) fn run(count: u32) -> Result<()> {
    mcu::build()?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(campaign(count))
}

async fn campaign(count: u32) -> Result<()> {
    let naive = naive_loses(trials(count)).await?;
    println!("last-word: {naive}");
    Ok(())
}

/// How often the firmware is asked at each length of a stall.
fn trials(count: u32) -> u32 {
    (count / 20).clamp(2, 10)
}

/// The control loses, or the harness could not tell: returns what it lost.
async fn naive_loses(trials: u32) -> Result<String> {
    let mut naive = Naive::start().await?;
    let mut summary = Vec::new();
    for policy in Policy::ALL {
        let (mut lost, mut asked) = (0, 0);
        for stall in STALLS {
            let mut lost_here = 0;
            let mut latest = Duration::ZERO;
            for _ in 0..trials {
                let trial = naive.trial(policy, stall).await?;
                lost_here += u32::from(trial.lost);
                latest = latest.max(trial.reset);
            }
            println!(
                "naive, {policy}, nobody reads for {} ms: {lost_here} of {trials} lost, reset at {:.1} ms at the latest",
                stall.as_millis(),
                latest.as_secs_f64() * 1_000.0
            );
            ensure!(
                lost_here == 0 || !stall.is_zero(),
                "lost with a reader that reads on: the harness loses, not the firmware"
            );
            lost += lost_here;
            asked += trials;
        }
        ensure!(
            lost > 0,
            "firmware that resets {policy} lost nothing: this harness cannot tell"
        );
        summary.push(format!("naive {policy} {lost} of {asked} lost"));
    }
    naive.stop().await?;
    Ok(summary.join(", "))
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
