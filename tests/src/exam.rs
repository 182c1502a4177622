//! The exam: the real client asks a whole board, whatever it is made of, over a line that loses and
//! that a console talks into, and each answer is held against the one that this request can have.
//!
//! What tells a wrong answer from the right one: numbers that the board's application counts (the
//! reply names the number, and how many there were), operations that are staged and called off by
//! ids of their own, what is staged and what was last, and a time that only moves forward. The
//! examiner knows what the board has to say, because nobody else asks it anything.

mod candidate;
mod expected;
mod forger;
mod line;
mod noise;
mod tally;

pub use line::{Account, NoisyLine};
pub use tally::Tally;

use crate::dice::Dice;
use crate::faults::Rates;
use crate::lossy::Mishaps;
use candidate::Candidate;
use expected::{Expected, Verdict};
use lastword_client::dial::Dial;
use lastword_protocol::Millis;
use lastword_protocol::caller::Patience;

/// What the line does to each write, and to each byte, in either direction.
pub const MISHAPS: Mishaps = Mishaps {
    bytes: Rates::one_in(1_000),
    lost: 10_000,
    again: 50_000,
    late: 10_000,
    stalled: 10_000,
};

/// How long the client waits, and how often it tries: it outlasts the line, so that what is not
/// answered has a reason. Not much longer than the silence that ends a candidate: the exam takes
/// the time that answers are waited for.
const PATIENCE: Patience = Patience {
    reply: Millis(80),
    attempts: 200,
    working: Millis(60_000),
};

/// Asks the board at the end of `line` until so many requests were answered. The line strikes as
/// `seed` says, in as far as the clock lets it: a real board answers when it does. `planted`: see
/// [`NoisyLine::new`].
///
/// # Errors
///
/// What went wrong so that no more could be asked, in words: the board is not there, or booted.
pub async fn sit(
    line: &dyn Dial,
    planted: Option<u64>,
    requests: u64,
    seed: u64,
) -> Result<Tally, String> {
    let line = NoisyLine::new(line, MISHAPS, planted, seed);
    let mut candidate = Candidate::greet(&line, PATIENCE).await?;
    let mut expected = Expected::of(&mut candidate).await?;
    let mut tally = Tally::default();
    let mut dice = Dice::new(seed);
    while tally.answered < requests {
        let asked = expected.question(&mut dice);
        if let Some(reply) = candidate.ask(&asked).await? {
            let verdict = expected.answer(&asked, &reply);
            if matches!(verdict, Verdict::Wrong(_)) {
                // One wrong answer is one, and not the start of many.
                expected = expected.recovered(&mut candidate).await?;
            }
            tally.answered(&asked, &reply, verdict);
        } else {
            tally.told += 1;
            expected = expected.recovered(&mut candidate).await?;
        }
    }
    candidate.leave().await;
    tally.line = line.account();
    Ok(tally)
}
