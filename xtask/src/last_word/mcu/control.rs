//! The control on the same harness: firmware that does not look has to be seen losing.

use super::naive::{Naive, Policy};
use anyhow::{Result, ensure};
use std::time::Duration;

/// For how long nobody reads, in turn.
const STALLS: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_millis(1_500),
];

/// The naive firmware loses, or the harness could not tell; returns what it lost.
pub(super) async fn loses(trials: u32) -> Result<String> {
    let mut naive = Naive::start().await?;
    let mut summary = Vec::new();
    for policy in Policy::ALL {
        let mut lost = 0;
        for stall in STALLS {
            lost += lost_behind(&mut naive, policy, stall, trials).await?;
        }
        ensure!(
            lost > 0,
            "firmware that resets {policy} lost nothing: this harness cannot tell"
        );
        let asked = STALLS.map(|_| trials).iter().sum::<u32>();
        summary.push(format!("naive {policy} {lost} of {asked} lost"));
    }
    naive.stop().await?;
    Ok(summary.join(", "))
}

/// How many of so many acknowledgements are lost while nobody reads for so long.
async fn lost_behind(
    naive: &mut Naive,
    policy: Policy,
    stall: Duration,
    trials: u32,
) -> Result<u32> {
    let (mut lost, mut latest) = (0, Duration::ZERO);
    for _ in 0..trials {
        let trial = naive.trial(policy, stall).await?;
        lost += u32::from(trial.lost);
        latest = latest.max(trial.reset);
    }
    println!(
        "naive, {policy}, nobody reads for {} ms: {lost} of {trials} lost, reset at {:.1} ms at the latest",
        stall.as_millis(),
        latest.as_secs_f64() * 1_000.0
    );
    ensure!(
        lost == 0 || !stall.is_zero(),
        "lost with a reader that reads on: the harness loses, not the firmware"
    );
    Ok(lost)
}
