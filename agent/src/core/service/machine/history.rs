//! How a service came to what it is.

use super::{Exit, Machine, Shown};
use crate::core::service::service_file::ServiceFile;
use std::collections::VecDeque;

/// How many transitions are remembered.
const TRANSITIONS: usize = 16;

/// One step of a service's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What it did.
    pub from: Shown,
    /// What it does since.
    pub to: Shown,
    /// When, in milliseconds since 1970.
    pub at_unix_ms: u64,
    /// Why.
    pub reason: String,
}

/// How a service's main process ended last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    /// How.
    pub exit: Exit,
    /// When, in milliseconds since 1970.
    pub at_unix_ms: u64,
}

impl Machine {
    /// It ended before this machine began, when nobody saw it. Whether its policy wants it to run again,
    /// which is a restart.
    pub fn ended_unseen(&mut self, at_unix_ms: u64, rules: &ServiceFile) -> bool {
        let exit = Exit::Unknown;
        self.history.last = Some(Last { exit, at_unix_ms });
        let again = rules.restart.policy.wants_more(exit.is_failure());
        self.restarts = self.restarts.saturating_add(u32::from(again));
        again
    }

    /// Adds something to why it is what it is.
    pub fn remark(&mut self, text: &str) {
        if let Some(last) = self.history.transitions.back_mut() {
            last.reason.push_str(text);
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct History {
    transitions: VecDeque<Transition>,
    pub(super) last: Option<Last>,
}

impl History {
    /// Writes down what has changed; nothing if nothing has.
    pub(super) fn note(&mut self, at_unix_ms: u64, from: Shown, to: Shown, reason: String) {
        if from == to {
            return;
        }
        if self.transitions.len() == TRANSITIONS {
            self.transitions.pop_front();
        }
        self.transitions.push_back(Transition {
            from,
            to,
            at_unix_ms,
            reason,
        });
    }

    pub(super) fn transitions(&self) -> impl DoubleEndedIterator<Item = &Transition> {
        self.transitions.iter()
    }
}
