//! Real firmware. QEMU's UART holds the sender back and so never overruns: the firmware is told to lose
//! input as if it did.

use super::{QUIET, SplicePlan};
use crate::board::mcu;
use crate::line::Line;
use anyhow::{Result, ensure};
use lastword_tests::splice::{LineSpelling, SpliceCampaign};

pub(super) async fn run(plan: SplicePlan) -> Result<SpliceCampaign> {
    let board = mcu::start_held("splice-mcu", &mcu::image("responder")?).await?;
    let mut line = Line::connect(&board).await?;
    board.release().await?;
    // It has said that it is there.
    line.announcement().await?;
    let command = if plan.ignore_marks {
        "overrun-unmarked"
    } else {
        "overrun"
    };
    line.say(format!("\n{command} {ONE_IN}\n")).await?;
    let answer = line.until("ok").await?;
    ensure!(answer.ends_with("ok"), "{answer}");
    drop(line);
    let mut stream = board.connect_serial().await?;
    let mut campaign = SpliceCampaign::new(LineSpelling::Tally, plan.seed, QUIET);
    campaign.send(&mut stream, plan.lines, BURST_LINES).await?;
    board.stop().await?;
    Ok(campaign)
}

/// Input is lost in front of one byte in so many: in one line in some ten.
const ONE_IN: u32 = 200;
const BURST_LINES: u32 = 400;
