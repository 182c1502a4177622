//! A stalled line delays a reset; what it holds up for too long stands down; `force` is what was
//! asked for.

use super::stalled::{Room, Seen, Stalled, request};
use anyhow::{Result, ensure};
use lastword_protocol::power::{Evidence, Outcome, PowerRequest, Standdown};
use lastword_virtual::McuBoard;
use std::time::Duration;

/// A stall and what has to come of it.
struct Case {
    name: &'static str,
    room: Room,
    stall: Duration,
    force: bool,
    wanted: Outcome,
}

/// The firmware drains for 250 ms, as the protocol has it for a fast line, and writes for 2 s.
const CASES: [Case; 5] = [
    Case {
        name: "in the ring",
        room: Room::InTheRing,
        stall: Duration::from_millis(50),
        force: false,
        wanted: Outcome::Done(Evidence::UartEmpty),
    },
    Case {
        name: "behind a full ring",
        room: Room::Nowhere,
        stall: Duration::from_millis(1_500),
        force: false,
        wanted: Outcome::Done(Evidence::UartEmpty),
    },
    Case {
        name: "in the ring for too long",
        room: Room::InTheRing,
        stall: Duration::from_secs(1),
        force: false,
        wanted: Outcome::StoodDown(Standdown::NotDrained),
    },
    Case {
        name: "behind a full ring for too long",
        room: Room::Nowhere,
        stall: Duration::from_secs(3),
        force: false,
        wanted: Outcome::StoodDown(Standdown::AckFailed),
    },
    Case {
        name: "in the ring, forced",
        room: Room::InTheRing,
        stall: Duration::from_secs(1),
        force: true,
        wanted: Outcome::Done(Evidence::Forced),
    },
];

/// The first operation's id here.
const FIRST_ID: u64 = 0x5000_0000;

/// Each case so often; returns the account of it.
pub(super) async fn show(board: &McuBoard, trials: u32) -> Result<String> {
    let (mut delayed, mut lost, mut stood_down, mut forced) = (0, 0, 0, 0);
    let ids = &mut (FIRST_ID..);
    for case in &CASES {
        for id in ids.take(trials as usize) {
            let seen = case.try_once(board, id).await?;
            println!("stalled, {}: {seen}", case.name);
            case.check(&seen)?;
            lost += u32::from(!case.force && !seen.acknowledged);
        }
        match case.wanted {
            Outcome::StoodDown(_) => stood_down += trials,
            _ if case.force => forced += trials,
            _ => delayed += trials,
        }
    }
    ensure!(lost == 0, "{lost} acknowledgements were lost behind stalls");
    Ok(format!(
        "stalled {delayed} delayed {lost} lost, {stood_down} stood down, {forced} forced"
    ))
}

impl Case {
    async fn try_once(&self, board: &McuBoard, id: u64) -> Result<Seen> {
        let stalled = Stalled::greet(board, id).await?;
        let request = PowerRequest {
            force: self.force,
            ..request(id)
        };
        stalled.reboot(self.room, self.stall, request).await
    }

    /// Whether this came of it, and in this order.
    fn check(&self, seen: &Seen) -> Result<()> {
        let outcome = seen.status.last.map(|last| last.outcome);
        ensure!(outcome == Some(self.wanted), "not {}: {seen}", self.wanted);
        let same_boot = seen.status.boot == seen.before;
        match (self.wanted, seen.reset) {
            (Outcome::StoodDown(_), None) => ensure!(same_boot, "another boot: {seen}"),
            (Outcome::Done(Evidence::Forced), Some(at)) => {
                ensure!(at < self.stall, "not before somebody read: {seen}");
            }
            (Outcome::Done(_), Some(at)) => {
                ensure!(at >= self.stall, "before anybody read: {seen}");
                ensure!(!same_boot, "the same boot: {seen}");
            }
            _ => anyhow::bail!("{}: {seen}", self.wanted),
        }
        Ok(())
    }
}
