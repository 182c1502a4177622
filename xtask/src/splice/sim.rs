//! The simulated microcontroller, whose receiver holds 64 bytes.

use super::{QUIET, SplicePlan};
use crate::cargo::{cargo, run as run_command, target};
use anyhow::{Context, Result, bail};
use lastword_client::dial::Dial;
use lastword_client::endpoint::Endpoint;
use lastword_tests::splice::{LineSpelling, SpliceCampaign};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::time::sleep;

pub(super) async fn run(plan: SplicePlan) -> Result<SpliceCampaign> {
    run_command(&mut cargo(&["build", "--package", "lastword-sim"]))?;
    let directory = tempfile::tempdir()?;
    let tty = directory.path().join("tty");
    let mut simulator = start(&tty, plan)?;
    wait_until_there(&mut simulator, &tty).await?;
    let endpoint: Endpoint = format!("serial://{}", tty.display()).parse()?;
    let mut line = endpoint.dial().await?;
    // Its announcement is over, and the dialect decided, before the first line that counts.
    sleep(SETTLE).await;
    line.write_all(b"\n").await?;
    sleep(SETTLE).await;
    let mut campaign = SpliceCampaign::new(LineSpelling::Tally, plan.seed, QUIET);
    campaign.send(&mut line, plan.lines, BURST_LINES).await?;
    simulator.kill().await?;
    Ok(campaign)
}

/// Ends with what is returned.
fn start(tty: &Path, plan: SplicePlan) -> Result<Child> {
    let mut command = Command::new(target().join("debug/lastword-sim"));
    command
        .args(["--baud", BAUD, "--pty"])
        .arg(tty)
        .stderr(Stdio::null())
        .kill_on_drop(true);
    if plan.ignore_marks {
        command.arg("--ignore-marks");
    }
    command
        .spawn()
        .context("the simulated board does not start")
}

async fn wait_until_there(simulator: &mut Child, tty: &Path) -> Result<()> {
    for _ in 0..LOOKS {
        if tty.exists() {
            return Ok(());
        }
        if let Some(status) = simulator.try_wait()? {
            bail!("the simulated board has ended: {status}");
        }
        sleep(LOOK_AGAIN).await;
    }
    bail!("the simulated board does not open its line")
}

const BAUD: &str = "921600";
const BURST_LINES: u32 = 400;
const SETTLE: Duration = Duration::from_millis(300);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
const LOOKS: u32 = 1_000;
