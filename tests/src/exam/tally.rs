//! The account of an exam.

use super::Account;
use super::expected::Verdict;
use lastword_protocol::message::{Reply, Request};
use std::fmt;

/// What came of the requests of an exam.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Requests with an answer.
    pub answered: u64,
    /// Answers that are not the one that this request can have.
    pub wrong: u64,
    /// How often a request ran again, answered or not.
    pub twice: u64,
    /// Requests whose client was told that nobody knows what came of them.
    pub told: u64,
    /// What the line did.
    pub line: Account,
    /// What was wrong, for people: the first few.
    pub complaints: Vec<String>,
}

impl Tally {
    pub(super) fn answered(&mut self, asked: &Request, reply: &Reply, verdict: Verdict) {
        self.answered += 1;
        match verdict {
            Verdict::Right => {}
            Verdict::RanMore(more) => {
                self.twice += u64::from(more);
                self.complain(format!("{asked:?}: {more} more ran, by {reply:?}"));
            }
            Verdict::Wrong(expected) => {
                self.wrong += 1;
                self.complain(format!(
                    "{asked:?} was answered with {reply:?}, not {expected}"
                ));
            }
        }
    }

    /// Whether every answer was the right one, and nothing ran twice.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.wrong == 0 && self.twice == 0
    }

    fn complain(&mut self, what: String) {
        if self.complaints.len() < COMPLAINTS {
            self.complaints.push(what);
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            answered,
            wrong,
            twice,
            told,
            ..
        } = self;
        let Account {
            struck,
            noise: [to_host, to_board],
        } = self.line;
        write!(
            f,
            "{answered} requests answered, {wrong} wrong answers, {twice} ran twice, {told} more \
             unanswered-and-told; {struck}; {to_host} console lines to the host and {to_board} to \
             the board"
        )
    }
}

/// So many are shown.
const COMPLAINTS: usize = 5;
