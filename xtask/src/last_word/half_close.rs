//! A client that half-closes behind its request, as `printf 'reboot\n' | nc -N …` does, is a
//! normal client. Here it is that very command.

use super::boot;
use crate::board::linux::{Way, wait_until_up};
use crate::cargo::has_program;
use anyhow::{Context, Result, ensure};
use lastword_virtual::{BoardEventKind, LinuxBoard, prerequisites};
use std::process::Command;
use std::time::Duration;
use tokio::time::timeout;

/// How long the board may take for going down.
const LIMIT: Duration = Duration::from_secs(10);
/// How long nc waits behind the answer: the board that reboots closes nothing.
const NC_IDLE_SECONDS: u32 = 3;

/// Makes sure that there is an nc that knows `-N`.
pub(super) fn prepare() -> Result<()> {
    if has_program("nc.openbsd") {
        return Ok(());
    }
    prerequisites::install(&["netcat-openbsd"]).context("half-closing needs nc -N")
}

/// Reboots the board so.
pub(super) async fn reboots(board: &LinuxBoard) -> Result<()> {
    let before = boot(board).await?;
    let mut events = board.subscribe();
    let output = board
        .in_network(|agent| {
            let (host, port) = (agent.ip(), agent.port());
            let line =
                format!("printf 'reboot\\n' | nc.openbsd -N -w {NC_IDLE_SECONDS} {host} {port}");
            Command::new("sh").args(["-c", &line]).output()
        })
        .await?;
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        answer.starts_with("ok initiated "),
        "answered {answer:?}: {output:?}"
    );
    timeout(LIMIT, async {
        while events.next().await?.kind != BoardEventKind::Reset {}
        Ok::<_, anyhow::Error>(())
    })
    .await
    .context("no reset followed")??;

    wait_until_up(board, Way::Tcp).await?;
    let after = boot(board).await?;
    ensure!(before != after, "still in boot {before}");
    println!(
        "half-closed by nc -N: {:?}, RESET, boot {before} -> {after}",
        answer.trim_end()
    );
    Ok(())
}
