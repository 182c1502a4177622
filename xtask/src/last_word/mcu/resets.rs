//! Reset over and over, in every spelling: each acknowledgement is there first, and each boot has an
//! id of its own.

use super::spoken::{self, Dialect};
use crate::cycle::cycle;
use crate::line::Line;
use anyhow::{Result, bail, ensure};
use lastword_protocol::BootId;
use lastword_protocol::announcement::Announcement;
use lastword_protocol::identity::Cause;
use lastword_protocol::power::{Operation, PowerRequest};
use lastword_virtual::{BoardEventKind, McuBoard};
use std::collections::HashSet;
use std::time::Duration;

/// One reset in so many is asked for in each of the dialects for people and scripts.
const SPOKEN_ONE_IN: u32 = 5;

/// What was counted so far.
#[derive(Default)]
struct Count {
    rebooted: u32,
    lost: u32,
    boots: HashSet<BootId>,
}

/// Resets a board that is held so often, and returns the account of it.
pub(super) async fn count(board: &McuBoard, resets: u32) -> Result<String> {
    let mut count = Count::default();
    let mut line = Line::connect(board).await?;
    board.release().await?;
    let first = power_on(&mut line).await?;
    count.boots.insert(first.boot);
    println!(
        "up: {} in boot {}, {}",
        first.name,
        first.boot,
        first.cause.word()
    );

    let spoken = resets / SPOKEN_ONE_IN;
    for dialect in Dialect::ALL {
        for number in 1..=spoken {
            by_line(board, &mut line, dialect, number, &mut count).await?;
        }
    }
    // The socket serves one at a time.
    drop(line);
    for number in 1..=resets - 2 * spoken {
        by_frames(board, number, &mut count).await?;
    }
    let Count {
        rebooted,
        lost,
        boots,
    } = count;
    let fresh = boots.len() - 1;
    ensure!(lost == 0, "{lost} acknowledgements of {rebooted} were lost");
    ensure!(
        u32::try_from(fresh) == Ok(resets) && rebooted == resets,
        "{rebooted} of {resets} rebooted, with {fresh} new boot ids"
    );
    Ok(format!(
        "mcu {rebooted} rebooted {lost} lost {fresh} new boot ids"
    ))
}

/// Who the board says it is when power has come.
async fn power_on(line: &mut Line) -> Result<Announcement> {
    let who = line.announcement().await?;
    ensure!(who.cause == Cause::PowerOn, "power came: {:?}", who.cause);
    Ok(who)
}

async fn by_line(
    board: &McuBoard,
    line: &mut Line,
    dialect: Dialect,
    number: u32,
    count: &mut Count,
) -> Result<()> {
    // Each is another operation.
    let operation = count.rebooted + 1;
    let spoken = spoken::reboot(board, line, dialect, operation).await?;
    let millis = |span: Duration| format!("{:.1} ms", span.as_secs_f64() * 1_000.0);
    let word = dialect.word();
    let acknowledged = spoken.acknowledged.map_or("LOST".to_owned(), millis);
    let (reset, back) = (millis(spoken.reset), millis(spoken.back));
    let boot = spoken.after.boot;
    println!("{word} {number}: ACK {acknowledged}, RESET {reset}, new boot id {back}: {boot}");
    count.enter(spoken.acknowledged.is_none(), boot);
    Ok(())
}

async fn by_frames(board: &McuBoard, number: u32, count: &mut Count) -> Result<()> {
    let request = PowerRequest::plain(Operation::Reboot);
    let cycle = cycle(board.subscribe(), &board.serial_line(), &request).await?;
    println!("frames {number}: {cycle}");
    ensure!(
        cycle.down.kind == BoardEventKind::Reset,
        "no reset: {cycle}"
    );
    ensure!(cycle.proof.holds(), "not proven: {cycle}");
    let Some(after) = &cycle.proof.after else {
        bail!("nobody answers after {cycle}");
    };
    ensure!(
        after.cause == Cause::Requested,
        "it booted for another reason: {:?}",
        after.cause
    );
    count.enter(cycle.is_lost(), after.boot);
    Ok(())
}

impl Count {
    fn enter(&mut self, is_lost: bool, after: BootId) {
        self.rebooted += 1;
        self.lost += u32::from(is_lost);
        self.boots.insert(after);
    }
}
