//! `cargo xtask rollout-cuts`: generations on a virtual board whose power fails at any moment of an activation, a soak or
//! a rollback. The board always runs one of them whole, and every rollout that was begun comes to its end.

mod desk;
mod outcomes;
mod rollout_board;

use crate::board::linux::{Way, image, options, wait_until_up};
use anyhow::{Context, Result, bail, ensure};
use desk::{BuiltVersion, ReleaseDesk};
use lastword_protocol::rollout::RolloutState;
use lastword_tests::dice::Dice;
use lastword_virtual::{GuestFile, LinuxBoard, Network, Options};
use rollout_board::{RolloutBoard, RolloutStatus};
use std::time::Duration;

/// The longest time from an order to the cut: somewhat more than a soak of two seconds.
const CUT_MS: u64 = 3_000;
/// Half of the cuts come within this time: while the pointer is moved.
const SWITCH_MS: u64 = 250;
/// The cuts in a row that come before a good version's soak can be over: three of them are no reason to go back.
const CYCLES: u32 = 3;
/// The disk of the board, in MiB: small, so that a version can be too large for it.
const DISK_MIB: u32 = 128;

/// The outcome of all cuts.
#[derive(Debug, Default)]
struct RolloutTally {
    converged: u32,
    reverted: u32,
    /// The orders that the board had not recorded when the power failed: nothing was done, and nobody was told so.
    unrecorded: u32,
    /// The states that were told last before the cuts, by their words; none yet: the order was on its way.
    ordered: u32,
    activating: u32,
    soaking: u32,
    rolling_back: u32,
    over: u32,
    /// The most attempts that one activation took.
    attempts: u8,
}

/// Shows each outcome, then cuts the power so often.
pub(crate) fn run(count: u32, seed: Option<u64>) -> Result<()> {
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("rollout-cuts: seed {seed}");
    let desk = ReleaseDesk::open()?;
    let config = GuestFile::text("/etc/lastword/agent.kdl", desk.configuration()?);
    let image = image(Network::User, vec![config])?;
    let options = Options {
        disk_mib: DISK_MIB,
        ..options("rollout-cuts", Network::User)?
    };
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build()?;
    let tally = runtime.block_on(async {
        let board = LinuxBoard::start(&image, options).await?;
        wait_until_up(&board, Way::Tcp).await?;
        let mut board = RolloutBoard::new(board, desk);
        outcomes::show(&mut board).await?;
        let tally = campaign(&mut board, count, &mut Dice::new(seed)).await?;
        board.stop().await?;
        anyhow::Ok(tally)
    })?;
    println!(
        "rollout-cuts: {count} cuts: {} converged, {} reverted, {} never recorded; cut when ordered {}, activating {}, \
         soaking {}, rolling back {}, over {}; attempts {} at most; 0 half active, 0 activated twice",
        tally.converged,
        tally.reverted,
        tally.unrecorded,
        tally.ordered,
        tally.activating,
        tally.soaking,
        tally.rolling_back,
        tally.over,
        tally.attempts
    );
    Ok(())
}

async fn campaign(board: &mut RolloutBoard, count: u32, dice: &mut Dice) -> Result<RolloutTally> {
    let good = [
        board.desk.build("a", "exit 0", "")?,
        board.desk.build("b", "exit 0", "")?,
    ];
    let bad = board.desk.build("c", "exit 1", "")?;
    for version in good.iter().chain([&bad]) {
        board.push(version)?;
    }
    let mut tally = RolloutTally::default();
    for number in 1..=count {
        let current = board.current().await?;
        let is_good = dice.below(3) > 0;
        let target = match &good {
            [a, b] if is_good && current.as_deref() == Some(&a.generation) => b,
            [a, _] if is_good => a,
            _ => &bad,
        };
        let longest = if dice.below(2) == 0 {
            SWITCH_MS
        } else {
            CUT_MS
        };
        let at = Duration::from_millis(dice.below(longest));
        let cycles = if is_good && number % 5 == 0 {
            CYCLES
        } else {
            1
        };
        let cut = cut_one(board, target, at, cycles).await;
        let (found, ended) =
            cut.with_context(|| format!("cut {number}, {at:?} behind the order"))?;
        judge(
            board,
            &mut tally,
            (target, is_good),
            current.as_deref(),
            (&found, &ended),
        )
        .await
        .with_context(|| {
            format!("cut {number}, {at:?} behind the order; found {found:?}, ended {ended:?}")
        })?;
        if number % 10 == 0 {
            println!("{number}/{count}: {tally:?}");
        }
    }
    Ok(tally)
}

/// Orders a version and cuts the power; returns the rollout as it was told last before the cut, and at its end.
async fn cut_one(
    board: &mut RolloutBoard,
    target: &BuiltVersion,
    at: Duration,
    cycles: u32,
) -> Result<(RolloutStatus, RolloutStatus)> {
    board.let_in(target).await?;
    board.seen = RolloutStatus::default();
    tokio::select! {
        ordered = board.order_and_watch(target) => { ordered?; }
        () = tokio::time::sleep(at) => {}
    }
    let found = board.seen.clone();
    for _ in 0..cycles {
        board.cut().await?;
    }
    let ended = board.wait_until_over().await?;
    Ok((found, ended))
}

async fn judge(
    board: &mut RolloutBoard,
    tally: &mut RolloutTally,
    (target, is_good): (&BuiltVersion, bool),
    before: Option<&str>,
    (found, ended): (&RolloutStatus, &RolloutStatus),
) -> Result<()> {
    let current = board.current().await?;
    if ended.target.as_deref() != Some(&target.generation) {
        tally.unrecorded += 1;
        ensure!(
            current.as_deref() == before,
            "nothing was recorded, and {current:?} runs"
        );
        return Ok(());
    }
    match found.state {
        None | Some(RolloutState::Pending) => tally.ordered += 1,
        Some(RolloutState::Activating { .. }) => tally.activating += 1,
        Some(RolloutState::Soaking) => tally.soaking += 1,
        Some(RolloutState::Failed {
            is_rolling_back: true,
        }) => tally.rolling_back += 1,
        _ => tally.over += 1,
    }
    tally.attempts = tally.attempts.max(ended.attempts);
    match (ended.state, is_good) {
        (Some(RolloutState::Converged), true) => {
            tally.converged += 1;
            ensure!(
                current.as_deref() == Some(&target.generation),
                "{current:?} runs"
            );
        }
        (Some(RolloutState::Reverted), false) => {
            tally.reverted += 1;
            ensure!(
                current.as_deref() == before,
                "{current:?} runs, not {before:?}"
            );
        }
        (state, _) => bail!("the rollout has ended {state:?}"),
    }
    board.check_service(current.as_deref()).await
}
