//! The agent on a real kernel: it is stopped while more arrives than the kernel's buffers hold.

use super::{QUIET, SplicePlan, wait_for};
use crate::board::linux::{Way, image, options, wait_until_up};
use anyhow::{Result, bail, ensure};
use lastword_tests::splice::{LineSpelling, SpliceCampaign};
use lastword_virtual::{GuestFile, LinuxBoard, Network};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

pub(super) fn run(plan: SplicePlan) -> Result<SpliceCampaign> {
    let image = image(Network::User, vec![stopper()])?;
    wait_for(async {
        let board = LinuxBoard::start(&image, options("splice-linux", Network::User)?).await?;
        wait_until_up(&board, Way::Serial).await?;
        let campaign = campaign(&board, plan).await?;
        board.stop().await?;
        Ok(campaign)
    })
}

/// A service that stops the agent until nothing has arrived on any serial line for two seconds. The
/// agent's services live on while it does not.
fn stopper() -> GuestFile {
    let script = "kill -STOP $PPID; /bin/busybox sleep 3; old=; \
        while new=$(/bin/busybox cat /proc/tty/driver/serial); [ \\\"$new\\\" != \\\"$old\\\" ]; \
        do old=$new; /bin/busybox sleep 2; done; kill -CONT $PPID";
    let text = format!(
        "command \"/bin/sh\"\nargs \"-c\" \"{script}\"\nrestart {{ policy \"never\" }}\n\
         autostart #false\n"
    );
    GuestFile::text("/etc/lastword/services/stopper.kdl", text)
}

async fn campaign(board: &LinuxBoard, plan: SplicePlan) -> Result<SpliceCampaign> {
    let mut line = board.connect_serial().await?;
    // Frames were spoken before: text counts again behind a second of silence.
    sleep(Duration::from_secs(2)).await;
    line.write_all(b"\n").await?;
    let mut campaign = SpliceCampaign::new(LineSpelling::Help, plan.seed, FLOOD_QUIET);
    let mut left = plan.lines;
    while left > 0 {
        let flood = left.min(FLOOD_LINES);
        left -= flood;
        stop_agent(board).await?;
        campaign.set_quiet(FLOOD_QUIET);
        campaign.burst(&mut line, flood).await?;
        println!("{}", campaign.account());
        campaign.set_quiet(QUIET);
        let calm = left.min(CALM_LINES);
        left -= calm;
        campaign.send(&mut line, calm, CALM_BURST_LINES).await?;
        println!("{}", campaign.account());
    }
    Ok(campaign)
}

/// Starts the service, and waits until the agent answers no more.
async fn stop_agent(board: &LinuxBoard) -> Result<()> {
    let mut tcp = board.connect_tcp().await?;
    tcp.write_all(b"svc start stopper\n").await?;
    let mut heard = [0; 256];
    for _ in 0..QUESTIONS {
        match timeout(STOPPED, tcp.read(&mut heard)).await {
            Err(_) => return Ok(()),
            Ok(read) => {
                let heard = String::from_utf8_lossy(&heard[..read?]).into_owned();
                ensure!(!heard.starts_with("err"), "{heard}");
                tcp.write_all(b"uptime\n").await?;
            }
        }
    }
    bail!("the agent is not stopped")
}

/// Two megabytes: kernels keep up to 640 KiB for a reader that is late, of older ones 64.
const FLOOD_LINES: u32 = 76_000;
const CALM_LINES: u32 = 1_000;
/// One flood, and what comes behind it.
pub(super) const SHORT_LINES: u32 = FLOOD_LINES + CALM_LINES;
/// A burst that the kernel's buffers hold.
const CALM_BURST_LINES: u32 = 100;
/// An agent that says nothing for so long is stopped.
const STOPPED: Duration = Duration::from_secs(2);
const QUESTIONS: u32 = 100_000;
/// Longer than the agent stays stopped once nothing arrives.
const FLOOD_QUIET: Duration = Duration::from_secs(25);
