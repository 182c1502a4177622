//! Lines by the thousand, faster than a board takes them: what runs of them was sent, whole.

mod account;
mod fake;
mod lines;

pub use account::Account;
pub use fake::run_on_fake_port;
pub use lines::Spelling;

use crate::dice::Dice;
use lines::Lines;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::sleep;

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many lines.
    pub lines: u32,
    /// What the dice fall by.
    pub seed: u64,
    /// Which command they are.
    pub spelling: Spelling,
    /// How many lines are sent at once, at most.
    pub burst_lines: u32,
    /// A board that has said nothing for so long has taken what it takes.
    pub quiet: Duration,
}

/// Sends lines in bursts, and takes account of the answers. The board is in plain.
///
/// # Errors
///
/// If the line fails.
pub async fn run<S>(stream: &mut S, plan: Plan) -> io::Result<Account>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut dice = Dice::new(plan.seed);
    let mut lines = Lines::new(plan.spelling, plan.seed);
    let mut account = Account::default();
    let mut left = plan.lines;
    while left > 0 {
        let count = 1 + dice.below(plan.burst_lines.min(left).into());
        let count = u32::try_from(count).unwrap_or(left);
        left -= count;
        let mut burst = Vec::new();
        for _ in 0..count {
            let line = lines.next();
            burst.extend_from_slice(line.text.as_bytes());
            account.sent(line);
        }
        exchange(stream, &burst, plan.quiet, &mut account).await?;
    }
    Ok(account)
}

/// Sends all of this and hears the board out.
async fn exchange<S>(
    stream: &mut S,
    mut bytes: &[u8],
    quiet: Duration,
    account: &mut Account,
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
