//! A microcontroller's line with a reader that can stop reading.

use crate::last_word::readable;
use anyhow::{Context, Result, bail};
use lastword_hil::virtual_board::McuBoard;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, timeout};

/// How long anything that must come may take.
const LIMIT: Duration = Duration::from_secs(10);
/// A line on which nothing more arrived for so long is full, or its board has nothing to say.
const QUIET: Duration = Duration::from_millis(120);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// The line. Nobody reads unless told to: what the board says waits in the socket, and once that
/// is full, in the board.
pub(crate) struct Line {
    stream: UnixStream,
}

impl Line {
    /// Takes the board's line.
    pub(crate) async fn connect(board: &McuBoard) -> Result<Self> {
        let stream = board.connect_serial().await.context("the board is off")?;
        Ok(Self { stream })
    }

    /// Says something to the board.
    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        let written = timeout(LIMIT, self.stream.write_all(bytes.as_ref())).await;
        Ok(written.context("the board takes no more bytes")??)
    }

    /// Waits until what could be read grows no more, and returns how many bytes that is.
    pub(crate) async fn settled(&self) -> Result<usize> {
        let begun = Instant::now();
        let mut waiting = readable(&self.stream)?;
        let mut grown = Instant::now();
        while grown.elapsed() < QUIET {
            if begun.elapsed() > LIMIT {
                bail!("the board says ever more: {waiting} bytes");
            }
            sleep(LOOK).await;
            let now = readable(&self.stream)?;
            if now > waiting {
                (waiting, grown) = (now, Instant::now());
            }
        }
        Ok(waiting)
    }

    /// Reads up to and including `end`.
    pub(crate) async fn until(&mut self, end: &[u8]) -> Result<Vec<u8>> {
        let mut heard = Vec::new();
        let read = timeout(LIMIT, async {
            while !heard.ends_with(end) {
                heard.push(self.stream.read_u8().await?);
            }
            Ok::<_, std::io::Error>(())
        })
        .await;
        let shown = || {
            let (end, heard) = (end.escape_ascii(), heard.escape_ascii());
            format!("waiting for \"{end}\" behind \"{heard}\"")
        };
        read.with_context(shown)?.with_context(shown)?;
        Ok(heard)
    }
}
