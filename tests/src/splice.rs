//! Lines by the thousand, faster than a board takes them: what runs of them was sent, whole.

mod account;
mod fake;
mod lines;

pub use account::LineAccount;
pub use fake::run_on_fake_port;
pub use lines::LineSpelling;

use crate::dice::Dice;
use lines::LineSource;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::sleep;

/// Lines to one board, and the account of them. The board is in plain.
#[derive(Debug)]
pub struct SpliceCampaign {
    dice: Dice,
    lines: LineSource,
    /// A board that has said nothing for so long has taken what it takes.
    quiet: Duration,
    account: LineAccount,
}

impl SpliceCampaign {
    /// A campaign whose dice fall by `seed`. A board that has said nothing for `quiet` has taken what it
    /// takes.
    #[must_use]
    pub fn new(spelling: LineSpelling, seed: u64, quiet: Duration) -> Self {
        Self {
            dice: Dice::new(seed),
            lines: LineSource::new(spelling, seed),
            quiet,
            account: LineAccount::default(),
        }
    }

    /// From now on a board that has said nothing for `quiet` has taken what it takes.
    pub const fn set_quiet(&mut self, quiet: Duration) {
        self.quiet = quiet;
    }

    /// What has come of it so far.
    #[must_use]
    pub const fn account(&self) -> &LineAccount {
        &self.account
    }

    /// Sends so many lines, in bursts of `most` at most.
    ///
    /// # Errors
    ///
    /// If the line fails.
    pub async fn send<S>(&mut self, stream: &mut S, mut lines: u32, most: u32) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        while lines > 0 {
            let count = 1 + self.dice.below(most.min(lines).into());
            let count = u32::try_from(count).unwrap_or(lines);
            lines -= count;
            self.burst(stream, count).await?;
        }
        Ok(())
    }

    /// Sends so many lines at once, and hears the board out.
    ///
    /// # Errors
    ///
    /// If the line fails.
    pub async fn burst<S>(&mut self, stream: &mut S, lines: u32) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut bytes = Vec::new();
        for _ in 0..lines {
            let line = self.lines.next();
            bytes.extend_from_slice(line.text.as_bytes());
            self.account.sent(line);
        }
        exchange(stream, &bytes, self.quiet, &mut self.account).await
    }
}

/// Sends all of this and hears the board out.
async fn exchange<S>(
    stream: &mut S,
    mut bytes: &[u8],
    quiet: Duration,
    account: &mut LineAccount,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut heard = [0; 4_096];
    loop {
        // Each arm may be dropped: it has moved bytes or nothing.
        tokio::select! {
            biased;
            read = reader.read(&mut heard) => match read? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => account.heard(&heard[..count]),
            },
            wrote = writer.write(bytes), if !bytes.is_empty() => bytes = &bytes[wrote?..],
            () = sleep(quiet), if bytes.is_empty() => return Ok(()),
        }
    }
}
