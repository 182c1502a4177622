//! Each outcome once, and a power cut in each phase.

use super::CYCLES;
use super::desk::{BuiltVersion, SLOW_FILE};
use super::rollout_board::RolloutBoard;
use anyhow::{Result, ensure};
use lastword_protocol::rollout::{RolloutState, SOAK_FAILED};

/// The bytes of a version that no board of this campaign has room for.
const TOO_LARGE_BYTES: usize = 160 << 20;
/// A soak that three boots do not use up, even beside a compiler.
const LONG_SOAK: &str = "soak \"20s\"";
/// A component that takes effect at a reboot only.
const KERNEL: &str = "reboot-component \"kernel\" \"boot\"";

/// Shows them.
pub(super) async fn show(board: &mut RolloutBoard) -> Result<()> {
    board.type_readme()?;
    let kept = show_soaks(board).await?;
    show_refusals(board)?;
    ensure!(
        board.current().await? == Some(kept),
        "something was switched"
    );
    show_deferrals(board).await?;
    show_power_cycles(board).await?;
    show_cut_phases(board).await
}

/// Activates a good version, then a bad one; returns the generation that is kept.
async fn show_soaks(board: &mut RolloutBoard) -> Result<String> {
    let first = board.desk.build("1.0", "exit 0", "")?;
    board.push(&first)?;
    board.order_and_watch(&first).await?;
    expect(board, "activated", RolloutState::Converged, 0).await?;
    board.check_service(Some(&first.generation)).await?;

    let bad = board.desk.build("1.1", "exit 1", "")?;
    board.push(&bad)?;
    board.order_and_watch(&bad).await?;
    expect(
        board,
        "failed its soak",
        RolloutState::Reverted,
        SOAK_FAILED,
    )
    .await?;
    ensure!(
        board.current().await? == Some(first.generation.clone()),
        "not put back"
    );
    Ok(first.generation)
}

fn show_refusals(board: &RolloutBoard) -> Result<()> {
    let stranger = board
        .desk
        .build_signed("1.2", "exit 0", "", "stranger.key")?;
    refused(board, &stranger, "signature mismatch")?;
    let other = board
        .desk
        .build("1.3", "exit 0", "compatible \"acme,gw-9\"")?;
    refused(board, &other, "generation is for acme,gw-9")?;
    board.desk.add("large", &vec![0; TOO_LARGE_BYTES])?;
    let large = board.desk.build("1.4", "exit 0", "")?;
    board.desk.remove("large")?;
    refused(board, &large, "are free")?;
    Ok(())
}

async fn show_deferrals(board: &mut RolloutBoard) -> Result<()> {
    let deferred = board.desk.build("2.0", "exit 0", KERNEL)?;
    board.push(&deferred)?;
    let boot = board.boot().await?;
    board.order(&deferred, false).await?;
    let is_deferred = |state| state == Some(RolloutState::Activating { is_deferred: true });
    let status = board.wait_for(|status| is_deferred(status.state)).await?;
    println!("outcomes: deferred: {}", status.detail);
    // The power fails, and that is a reboot, too.
    board.cut().await?;
    board.wait_until_over().await?;
    expect(
        board,
        "completed by the next boot",
        RolloutState::Converged,
        0,
    )
    .await?;
    ensure!(board.boot().await? != boot, "the same boot");

    let again = board.desk.build("3.0", "exit 0", KERNEL)?;
    board.push(&again)?;
    let boot = board.boot().await?;
    board.order(&again, true).await?;
    // It reboots by itself.
    board.wait_for_another_boot(boot).await?;
    board.wait_until_over().await?;
    expect(
        board,
        "rebooted by the agent, and completed",
        RolloutState::Converged,
        0,
    )
    .await?;
    board.check_service(Some(&again.generation)).await?;

    let bad = board.desk.build("4.0", "sleep 2; exit 1", KERNEL)?;
    board.push(&bad)?;
    let boot = board.boot().await?;
    board.order(&bad, true).await?;
    let boot = board.wait_for_another_boot(boot).await?;
    // It fails there, slowly enough to be seen, is put back, and the kernel goes with another reboot.
    board.wait_for_another_boot(boot).await?;
    expect(
        board,
        "failed behind its reboot, and rebooted back",
        RolloutState::Reverted,
        SOAK_FAILED,
    )
    .await?;
    board.check_service(Some(&again.generation)).await
}

/// Cuts the power three times in a row within the soak of a good version, each time as soon as the board is up, and as
/// often when it is kept: it stays.
async fn show_power_cycles(board: &mut RolloutBoard) -> Result<()> {
    let good = board.desk.build("5.0", "exit 0", LONG_SOAK)?;
    board.push(&good)?;
    board.order(&good, false).await?;
    board
        .wait_for(|status| status.state == Some(RolloutState::Soaking))
        .await?;
    cycle(board, RolloutState::Soaking, &good.generation).await?;
    board.wait_until_over().await?;
    expect(
        board,
        "kept behind three power cycles within its soak",
        RolloutState::Converged,
        0,
    )
    .await?;
    cycle(board, RolloutState::Converged, &good.generation).await?;
    expect(board, "kept behind three more", RolloutState::Converged, 0).await?;
    board.check_service(Some(&good.generation)).await
}

/// Cuts the power in each phase of a rollout, as the board tells it: before the link is moved, behind that, in the soak, and on
/// the way back.
async fn show_cut_phases(board: &mut RolloutBoard) -> Result<()> {
    board.desk.add(SLOW_FILE, b"")?;
    let before = board.desk.build("6.0", "exit 0", "")?;
    let behind = board.desk.build("6.1", "exit 0", "")?;
    let soaking = board.desk.build("6.2", "exit 0", "")?;
    board.desk.remove(SLOW_FILE)?;
    let bad = board.desk.build("6.3", "exit 1", "")?;
    let activating = RolloutState::Activating { is_deferred: false };
    for (version, state, is_current) in [
        (&before, activating, false),
        (&behind, activating, true),
        (&soaking, RolloutState::Soaking, true),
    ] {
        cut_in(board, version, state, is_current).await?;
        expect(board, "converged", RolloutState::Converged, 0).await?;
        board.check_service(Some(&version.generation)).await?;
    }
    let rolling_back = RolloutState::Failed {
        is_rolling_back: true,
    };
    cut_in(board, &bad, rolling_back, false).await?;
    expect(board, "put back", RolloutState::Reverted, SOAK_FAILED).await?;
    board.check_service(Some(&soaking.generation)).await
}

/// Orders a version and cuts the power once its rollout is in a state, and it is current or not; waits for its end.
async fn cut_in(
    board: &mut RolloutBoard,
    version: &BuiltVersion,
    state: RolloutState,
    is_current: bool,
) -> Result<()> {
    board.push(version)?;
    board.order(version, false).await?;
    let found = loop {
        let status = board.wait_for(|status| status.state == Some(state)).await?;
        let current = board.current().await?;
        if (current.as_ref() == Some(&version.generation)) == is_current {
            break status;
        }
    };
    board.cut().await?;
    let ended = board.wait_until_over().await?;
    println!(
        "outcomes: cut while {}, {}: {} after {} attempts",
        state.word(),
        if is_current {
            "switched"
        } else {
            "not switched"
        },
        ended.state.map_or("nothing", RolloutState::word),
        ended.attempts
    );
    let is_retried = state.word() == "activating" && !is_current;
    ensure!(
        ended.attempts == found.attempts + u8::from(is_retried),
        "{found:?}, then {ended:?}"
    );
    Ok(())
}

/// Cuts the power so often, and checks each time that the generation is current, in a state, and was switched to once.
async fn cycle(board: &mut RolloutBoard, state: RolloutState, generation: &str) -> Result<()> {
    for number in 1..=CYCLES {
        let boot = board.boot().await?;
        board.cut().await?;
        let status = board.status().await?;
        let current = board.current().await?;
        ensure!(
            (status.state, status.attempts) == (Some(state), 1),
            "power cycle {number}: {status:?}"
        );
        ensure!(
            current.as_deref() == Some(generation),
            "power cycle {number}: {current:?} runs"
        );
        ensure!(board.boot().await? != boot, "the same boot");
        println!("outcomes: power cycle {number}: {}", state.word());
    }
    Ok(())
}

async fn expect(
    board: &mut RolloutBoard,
    what: &str,
    state: RolloutState,
    code: i32,
) -> Result<()> {
    let status = board.status().await?;
    println!("outcomes: {what}: {}, code {}", state.word(), status.code);
    ensure!(
        (status.state, status.code) == (Some(state), code),
        "{what}: {status:?}"
    );
    Ok(())
}

fn refused(board: &RolloutBoard, version: &BuiltVersion, expected: &str) -> Result<()> {
    let output = board.try_push(version)?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    ensure!(!output.status.success(), "{} was taken", version.file);
    ensure!(said.contains(expected), "{}: {said}", version.file);
    println!(
        "outcomes: refused: {}",
        said.lines().next().unwrap_or_default()
    );
    Ok(())
}
