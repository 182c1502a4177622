//! The control: firmware that acknowledges and resets without looking whether the acknowledgement
//! has left, behind the same driver and the same stalled reader.

use super::reset_within;
use crate::board::mcu;
use crate::line::{LIMIT, Line};
use anyhow::{Context, Result, ensure};
use lastword_virtual::McuBoard;
use std::fmt;
use std::time::Duration;
use tokio::time::Instant;

/// What the firmware does between its acknowledgement and the reset.
#[derive(Clone, Copy)]
pub(super) enum Policy {
    /// Nothing.
    AtOnce,
    /// It waits for 250 ms.
    Fixed,
}

impl Policy {
    pub(super) const ALL: [Self; 2] = [Self::AtOnce, Self::Fixed];

    const fn request(self) -> &'static str {
        match self {
            Self::AtOnce => "reboot\n",
            Self::Fixed => "reboot 250\n",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtOnce => "at once",
            Self::Fixed => "after 250 ms",
        })
    }
}

/// The naive firmware, and its line.
pub(super) struct Naive {
    board: McuBoard,
    line: Line,
    boots: u32,
}

/// What came of one request.
pub(super) struct Trial {
    /// The acknowledgement was not there before the next boot's first words.
    pub(super) lost: bool,
    /// The reset, since the request.
    pub(super) reset: Duration,
}

impl Naive {
    /// Switches it on.
    pub(super) async fn start() -> Result<Self> {
        let board = mcu::start_held("naive", &mcu::image("naive")?).await?;
        let line = Line::connect(&board).await?;
        board.release().await?;
        let mut naive = Self {
            board,
            line,
            boots: 0,
        };
        naive.booted().await?;
        Ok(naive)
    }

    /// Asks for a reboot while nobody reads for so long.
    pub(super) async fn trial(&mut self, policy: Policy, stall: Duration) -> Result<Trial> {
        let mut events = self.board.subscribe();
        if !stall.is_zero() {
            self.line.say("fill\n").await?;
            self.line.settled(0).await?;
        }
        let asked = Instant::now();
        self.line.say(policy.request()).await?;
        let early = reset_within(&mut events, stall).await?;
        let (heard, late) = tokio::join!(self.booted(), async {
            match early {
                Some(at) => Ok(Some(at)),
                None => reset_within(&mut events, LIMIT).await,
            }
        });
        let reset = late?.context("no reset")?;
        Ok(Trial {
            lost: !heard?.contains("ok initiated operation=reboot "),
            reset: reset.saturating_duration_since(asked),
        })
    }

    /// Reads up to the next boot's first words, and returns what stood in front of them.
    async fn booted(&mut self) -> Result<String> {
        let next = format!("boot {}\n", self.boots + 1);
        let heard = self.line.until(&next).await?;
        self.boots += 1;
        ensure!(
            !heard.contains("overrun"),
            "the firmware lost what it was told: {heard:?}"
        );
        Ok(heard)
    }

    pub(super) async fn stop(self) -> Result<()> {
        Ok(self.board.stop().await?)
    }
}
