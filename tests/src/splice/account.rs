//! What was sent, and what came of it.

use super::lines::SentLine;
use std::collections::{HashMap, HashSet};
use std::fmt;

/// The account of a campaign.
#[derive(Debug, Default)]
pub struct LineAccount {
    /// Each line's answer, and the line's number.
    answers: HashMap<String, u64>,
    tags: HashSet<String>,
    sent: u64,
    /// The number of the line that ran last.
    last: u64,
    /// What has come of a line that has not ended.
    heard: Vec<u8>,
    /// How many lines ran.
    pub ran: u64,
    /// How many lines, or pieces of some, were refused because input was lost.
    pub refused: u64,
    /// How many lines ran, or were read, that nobody had sent.
    pub spliced: u64,
    /// What those were: the first few.
    pub complaints: Vec<String>,
}

impl LineAccount {
    pub(super) fn sent(&mut self, line: SentLine) {
        self.sent += 1;
        self.answers.insert(line.answer, self.sent);
        self.tags.extend(line.tag);
    }

    /// Takes what the board says.
    pub(super) fn heard(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte != b'\n' {
                self.heard.push(*byte);
                continue;
            }
            let line = std::mem::take(&mut self.heard);
            let line = String::from_utf8_lossy(&line);
            self.answer(line.trim_end_matches('\r'));
        }
    }

    fn answer(&mut self, answer: &str) {
        let mut words = answer.split(' ');
        let is_final = matches!(words.next(), Some("ok" | "err"));
        if !is_final {
            // An event, or a board that starts.
            return;
        }
        if answer.contains(" 429 slow_down detail=\"input was lost") {
            self.refused += 1;
            let tag = words.next().and_then(|word| word.strip_prefix('@'));
            if tag.is_some_and(|tag| !self.tags.contains(tag)) {
                self.complain(answer);
            }
            return;
        }
        let told = answer.split(" ran=").next().unwrap_or(answer);
        match self.answers.get(told) {
            // In their order, and each once.
            Some(number) if *number > self.last => {
                self.last = *number;
                self.ran += 1;
            }
            _ => self.complain(answer),
        }
    }

    fn complain(&mut self, answer: &str) {
        self.spliced += 1;
        if self.complaints.len() < COMPLAINTS {
            self.complaints.push(answer.to_owned());
        }
    }

    /// Whether all that ran was sent, and whether anything did, and was lost.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.spliced == 0 && self.ran > 0 && self.refused > 0
    }
}

impl fmt::Display for LineAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sent,
            ran,
            refused,
            spliced,
            ..
        } = self;
        write!(
            f,
            "{sent} lines sent, {ran} ran, {refused} refused with a hole, {spliced} that nobody sent"
        )
    }
}

/// So many are kept.
const COMPLAINTS: usize = 5;
