//! What the trials came to, as Markdown: the few rows that the README shows, and all of them.

use super::{
    BAUDS, LONGEST_CAP, Line, Outcome, POLICIES, Policy, QUEUES, SHIPPED_CAP, STALLS, Trial,
};
use lastword_protocol::Millis;
use std::time::Duration;

/// The line in front of what the README shows.
pub const BEGIN: &str = "<!-- begin: cargo xtask policies --write -->";
/// The line behind it.
pub const END: &str = "<!-- end -->";

/// `document` with `section` between its two marks; `None` if it has no such marks.
#[must_use]
pub fn put(document: &str, section: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{section}{END}{after}"))
}

/// What the README shows: one row for each speed, and a second one where the agent as shipped
/// stands down before an unhindered line can empty its queue.
#[must_use]
pub fn readme(trials: &[Trial]) -> String {
    let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
    for baud in BAUDS {
        rows.push(row(trials, baud, SHIPPED_CAP));
        if is_too_slow(trials, baud) {
            rows.push(row(trials, baud, LONGEST_CAP));
        }
    }
    format!("{}\n{}\n", markdown(&rows), totals(trials))
}

/// Every trial: a row for each line, a column for each policy.
#[must_use]
pub fn grid(trials: &[Trial]) -> String {
    let head = ["Baud", "queued", "stall"].map(str::to_owned);
    let mut rows = vec![head.into_iter().chain(POLICIES.map(named)).collect()];
    for tried in trials.chunks(POLICIES.len()) {
        let Line {
            baud,
            queued_bytes,
            stall,
        } = tried[0].line;
        let line = [
            baud.to_string(),
            queued_bytes.to_string(),
            format!("{} ms", stall.as_millis()),
        ];
        let came_of = tried.iter().map(|trial| told(&trial.outcome));
        rows.push(line.into_iter().chain(came_of).collect());
    }
    markdown(&rows)
}

const HEAD: [&str; 10] = [
    "Baud",
    "`drain-cap`",
    "lastword: lost",
    "stood down",
    "after ACK",
    "after request",
    "at once: lost",
    "after request",
    "250 ms: lost",
    "after request",
];

fn row(trials: &[Trial], baud: u32, cap: Millis) -> Vec<String> {
    let at_speed = |policy| Tally::of(trials, |it| it.policy == policy && it.line.baud == baud);
    let ours = at_speed(Policy::Lastword(cap));
    let mut row = vec![
        baud.to_string(),
        cap.to_string(),
        ours.lost(),
        ours.stood_down.to_string(),
        spread(&ours.behind_ack),
        spread(&ours.delays),
    ];
    for policy in [Policy::WriteThenReset, Policy::FixedDelay] {
        let control = at_speed(policy);
        row.extend([control.lost(), spread(&control.delays)]);
    }
    row
}

/// Whether the agent as shipped stands down on a line that nobody stalls.
fn is_too_slow(trials: &[Trial], baud: u32) -> bool {
    let unhindered = Tally::of(trials, |trial| {
        let Line {
            baud: speed, stall, ..
        } = trial.line;
        trial.policy == Policy::Lastword(SHIPPED_CAP) && speed == baud && stall.is_zero()
    });
    unhindered.stood_down > 0
}

/// What the numbers mean, and their sums.
fn totals(trials: &[Trial]) -> String {
    let is_ours = |trial: &Trial| matches!(trial.policy, Policy::Lastword(_));
    let sum = |policy| Tally::of(trials, |it| it.policy == policy).lost();
    format!(
        "Milliseconds to the reset, where there was one: median / longest. {} requests at each speed: {} bytes in the\n\
         transmit queue, by {} ms for which the peer holds the line. Acknowledgements lost in all:\n\
         lastword {}, at once {}, 250 ms {}.",
        QUEUES.len() * STALLS.len(),
        listed(QUEUES),
        listed(STALLS.map(|stall| stall.as_millis())),
        Tally::of(trials, is_ours).lost(),
        sum(Policy::WriteThenReset),
        sum(Policy::FixedDelay),
    )
}

fn listed<T: ToString>(numbers: impl IntoIterator<Item = T>) -> String {
    let numbers = numbers.into_iter().map(|number| number.to_string());
    numbers.collect::<Vec<_>>().join(", ")
}

/// Some trials, counted.
#[derive(Default)]
struct Tally {
    tried: usize,
    lost: usize,
    stood_down: usize,
    /// From the request to the reset.
    delays: Vec<Duration>,
    /// From the acknowledgement, where it arrived, to the reset.
    behind_ack: Vec<Duration>,
}

impl Tally {
    fn of(trials: &[Trial], which: impl Fn(&Trial) -> bool) -> Self {
        let mut tally = Self::default();
        for trial in trials.iter().filter(|trial| which(trial)) {
            tally.count(&trial.outcome);
        }
        tally.delays.sort_unstable();
        tally.behind_ack.sort_unstable();
        tally
    }

    fn count(&mut self, outcome: &Outcome) {
        self.tried += 1;
        self.lost += usize::from(outcome.is_lost());
        match outcome {
            Outcome::StoodDown { .. } => self.stood_down += 1,
            Outcome::Reset { delay, behind_ack } => {
                self.delays.push(*delay);
                self.behind_ack.extend(behind_ack);
            }
        }
    }

    fn lost(&self) -> String {
        format!("{} of {}", self.lost, self.tried)
    }
}

/// Median and maximum of what is sorted; of an even number, the lower median.
fn spread(sorted: &[Duration]) -> String {
    let Some(longest) = sorted.last() else {
        return "none".to_owned();
    };
    let median = sorted[(sorted.len() - 1) / 2];
    format!("{} / {}", millis(median), millis(*longest))
}

/// In milliseconds, with a tenth where that is of interest.
fn millis(span: Duration) -> String {
    let digits = usize::from(span < Duration::from_millis(10));
    format!("{:.digits$}", span.as_secs_f64() * 1_000.0)
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::StoodDown { why, .. } => format!("stood down: {why}"),
        Outcome::Reset {
            delay,
            behind_ack: None,
        } => format!("LOST, reset at {} ms", millis(*delay)),
        Outcome::Reset {
            delay,
            behind_ack: Some(behind_ack),
        } => format!(
            "{} ms, {} after the ACK",
            millis(*delay),
            millis(*behind_ack)
        ),
    }
}

fn named(policy: Policy) -> String {
    match policy {
        Policy::Lastword(cap) => format!("lastword, `drain-cap` {cap}"),
        Policy::WriteThenReset => "at once".to_owned(),
        Policy::FixedDelay => "250 ms".to_owned(),
    }
}

/// A table whose first row is its head, every column as wide as it needs to be.
fn markdown(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<_> = (0..rows[0].len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let cells = cells.map(|(cell, &width)| format!(" {cell:>width$} |"));
        format!("|{}\n", cells.collect::<String>())
    };
    let rule = widths
        .iter()
        .map(|width| "-".repeat(width - 1) + ":")
        .collect();
    let mut lines = rows.iter().map(line);
    let head = lines.next().unwrap_or_default();
    head + &line(&rule) + &lines.collect::<String>()
}
