//! What must not reboot a board: an acknowledgement that cannot be written, or that never leaves.
//! Needs a tap: QEMU's user network acknowledges for its peer.

use super::power_status;
use crate::board::linux::{Way, wait_until_up};
use crate::line::readable;
use anyhow::{Context, Result, ensure};
use lastword_protocol::message::PowerStatus;
use lastword_protocol::power::{LastOperation, Outcome, Standdown};
use lastword_protocol::{BootId, OperationId};
use lastword_virtual::LinuxBoard;
use socket2::{Domain, SockRef, Socket, Type};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};

/// How long an operation may take to stand down: the agent's bound is 2 s for each of its phases.
const STAND_DOWN_LIMIT: Duration = Duration::from_secs(8);
/// How often the board is asked meanwhile.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// The receive buffer of a peer with a small window, in bytes; the kernel doubles it, and keeps a
/// minimum.
const SMALL_WINDOW_BYTES: usize = 2_048;
/// How many replies of some 2.6 KB close that window and still fit the board's send buffer, 16 KiB
/// to begin with.
const CLOSING_REPLIES: usize = 3;
/// How many fill the send buffer too, so that nothing more can be written, and leave a session room for one more
/// line: it takes none while 16 KiB of its answers wait.
const FILLING_REPLIES: usize = 11;

/// Every case, one after the other; after each the board is still in the same boot.
pub(super) async fn all(board: &LinuxBoard) -> Result<()> {
    let boot = power_status(board).await?.boot;
    closed_window(board, boot).await?;
    full_send_buffer(board, boot).await?;
    reset_by_peer(board, boot).await?;
    reset_at_once(board, boot).await?;
    unwritable(board, boot).await
}

/// A peer that takes nothing: the acknowledgement is written and never acknowledged.
async fn closed_window(board: &LinuxBoard, boot: BootId) -> Result<()> {
    let id = OperationId(9001);
    let stalled = ask_unread(board, CLOSING_REPLIES, id).await?;
    let status = stood_down(board, boot, id, Standdown::NotDrained).await?;
    drop(stalled);
    report("closed window", &status);
    Ok(())
}

/// The same peer, with more in front: the acknowledgement cannot be written.
async fn full_send_buffer(board: &LinuxBoard, boot: BootId) -> Result<()> {
    let id = OperationId(9005);
    let stalled = ask_unread(board, FILLING_REPLIES, id).await?;
    let status = stood_down(board, boot, id, Standdown::AckFailed).await?;
    drop(stalled);
    report("full send buffer", &status);
    Ok(())
}

/// A peer that resets while the acknowledgement waits in front of its closed window.
async fn reset_by_peer(board: &LinuxBoard, boot: BootId) -> Result<()> {
    let id = OperationId(9002);
    let stalled = ask_unread(board, CLOSING_REPLIES, id).await?;
    wait_for(board, |status| status.pending.is_some())
        .await
        .context("never staged")?;
    stalled.set_linger(Some(Duration::ZERO))?;
    drop(stalled);
    let status = stood_down(board, boot, id, Standdown::LinkLost).await?;
    report("reset by the peer", &status);
    Ok(())
}

/// A peer that resets in the instant behind its request. The request may not even be read; where
/// it is, it stands down.
async fn reset_at_once(board: &LinuxBoard, boot: BootId) -> Result<()> {
    let before = power_status(board).await?;
    board
        .in_network(|agent| {
            let mut stream = std::net::TcpStream::connect(agent)?;
            SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
            stream.write_all(b"power reboot --op 9003\n")
        })
        .await?;
    sleep(STAND_DOWN_LIMIT / 4).await;
    let status = wait_for(board, |status| status.pending.is_none()).await?;
    ensure!(status.boot == boot, "the board rebooted");
    let ours = status.last.filter(|last| last.id == OperationId(9003));
    match ours.map(|last| last.outcome) {
        None => ensure!(
            status.last == before.last,
            "another operation ran: {status:?}"
        ),
        Some(Outcome::StoodDown(_)) => {}
        Some(other) => anyhow::bail!("it did not stand down: {other:?}"),
    }
    report("reset at once", &status);
    Ok(())
}

/// A UART that nobody reads behind: the reply cannot even be written.
async fn unwritable(board: &LinuxBoard, boot: BootId) -> Result<()> {
    let id = OperationId(9004);
    let mut line = board.connect_serial().await?;
    line.write_all(b"\nmode plain\n").await?;
    fill(&mut line).await?;
    line.write_all(format!("power reboot --op {}\n", id.0).as_bytes())
        .await?;
    let status = stood_down(board, boot, id, Standdown::AckFailed).await?;
    drop(line);
    // Whoever comes next finds the line usable.
    wait_until_up(board, Way::Serial).await?;
    report("unwritable", &status);
    Ok(())
}

/// Asks for output and takes none, until what could be read here grows no more.
async fn fill(line: &mut tokio::net::UnixStream) -> Result<()> {
    const QUIET: Duration = Duration::from_millis(400);
    const FILL_LIMIT: Duration = Duration::from_mins(1);
    let begun = Instant::now();
    let mut waiting = readable(line)?;
    let mut grown = Instant::now();
    while grown.elapsed() < QUIET {
        ensure!(
            begun.elapsed() < FILL_LIMIT,
            "the line takes ever more: {waiting} bytes"
        );
        // Not for long once the line is full: a session with too many answers in hand reads no more.
        if grown.elapsed() < QUIET / 4 {
            line.write_all(b"help\n").await?;
        }
        sleep(QUIET / 20).await;
        let now = readable(line)?;
        if now > waiting {
            (waiting, grown) = (now, Instant::now());
        }
    }
    Ok(())
}

/// Connects with a small window, asks for so many replies that are not read, and for a reboot
/// behind them.
async fn ask_unread(board: &LinuxBoard, replies: usize, id: OperationId) -> io::Result<Socket> {
    let lines = format!("{}power reboot --op {}\n", "help\n".repeat(replies), id.0);
    board
        .in_network(move |agent: SocketAddr| {
            let socket = Socket::new(Domain::for_address(agent), Type::STREAM, None)?;
            socket.set_recv_buffer_size(SMALL_WINDOW_BYTES)?;
            socket.connect(&agent.into())?;
            (&socket).write_all(lines.as_bytes())?;
            Ok(socket)
        })
        .await
}

/// Waits until the operation has stood down for this reason, in this boot.
async fn stood_down(
    board: &LinuxBoard,
    boot: BootId,
    id: OperationId,
    why: Standdown,
) -> Result<PowerStatus> {
    let is_ours = |last: LastOperation| last.id == id && last.outcome != Outcome::Staged;
    let status = wait_for(board, |status| {
        status.pending.is_none() && status.last.is_some_and(is_ours)
    })
    .await
    .with_context(|| format!("operation {} did not end", id.0))?;
    ensure!(status.boot == boot, "the board rebooted");
    let outcome = status.last.map(|last| last.outcome);
    ensure!(
        outcome == Some(Outcome::StoodDown(why)),
        "not {why}: {outcome:?}"
    );
    Ok(status)
}

/// Asks the board until its power status is as wanted.
async fn wait_for(
    board: &LinuxBoard,
    wanted: impl Fn(&PowerStatus) -> bool,
) -> Result<PowerStatus> {
    let begun = Instant::now();
    loop {
        let status = power_status(board).await?;
        if wanted(&status) {
            return Ok(status);
        }
        ensure!(begun.elapsed() < STAND_DOWN_LIMIT, "still {status:?}");
        sleep(ASK_AGAIN).await;
    }
}

fn report(case: &str, status: &PowerStatus) {
    let last = status.last.map(|last| match last.outcome {
        Outcome::StoodDown(why) => format!("op {} stood down: {why}", last.id),
        other => format!("op {}: {other}", last.id),
    });
    let last = last.unwrap_or_else(|| "nothing was staged".to_owned());
    println!("still up ({case}): {last}; boot {}", status.boot);
}
