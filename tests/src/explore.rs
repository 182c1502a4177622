//! Every order, not a sample: a run is repeated for every sequence of choices that it can make.
//!
//! Depth first: a run makes the same choices as the run before it up to some point, and there
//! another one. For that a run must depend on nothing but its choices, and that is checked. Orders
//! that lead to the same state go on from there only once: most orders differ in nothing that
//! anybody could notice.

mod actor;
mod edge;
pub mod scenarios;

pub use edge::{Ends, Peer, Scenario, Turns};

use std::collections::HashSet;

/// The choices of one run.
#[derive(Debug, Default)]
pub struct Choices {
    made: Vec<Choice>,
    next: usize,
    /// The states that were seen; none, if every order is to be seen to its end.
    seen: Option<HashSet<u64>>,
}

#[derive(Clone, Copy, Debug)]
struct Choice {
    taken: usize,
    of: usize,
}

impl Choices {
    /// Chooses among `of` possibilities, which are not none.
    ///
    /// # Panics
    ///
    /// If the run before had another number of possibilities here: then more than the choices
    /// decides about a run.
    pub fn among(&mut self, of: usize) -> usize {
        if self.next == self.made.len() {
            self.made.push(Choice { taken: 0, of });
        }
        let choice = self.made[self.next];
        assert_eq!(
            choice.of, of,
            "something else than choices decides: {self:?}"
        );
        self.next += 1;
        choice.taken
    }

    /// Whether a run has never been in this state, and so has to go on from it. A state is known
    /// by a digest of all that can make a difference from here on.
    pub fn is_new(&mut self, state: impl FnOnce() -> u64) -> bool {
        let is_old_way = self.next < self.made.len();
        is_old_way || self.seen.as_mut().is_none_or(|seen| seen.insert(state()))
    }

    /// Turns to the next run; whether there is one.
    fn turn(&mut self) -> bool {
        self.made.truncate(self.next);
        self.next = 0;
        while let Some(last) = self.made.pop() {
            if last.taken + 1 < last.of {
                let taken = last.taken + 1;
                self.made.push(Choice { taken, ..last });
                return true;
            }
        }
        false
    }
}

/// Calls `run` once for every sequence of choices, and returns how many there are.
pub fn explore(run: impl FnMut(&mut Choices)) -> usize {
    repeat(Choices::default(), run)
}

/// As [`explore`], but goes on from each state only once; the run asks [`Choices::is_new`].
pub fn explore_states(run: impl FnMut(&mut Choices)) -> usize {
    let seen = Some(HashSet::new());
    repeat(
        Choices {
            seen,
            ..Choices::default()
        },
        run,
    )
}

fn repeat(mut choices: Choices, mut run: impl FnMut(&mut Choices)) -> usize {
    for runs in 1.. {
        run(&mut choices);
        if !choices.turn() {
            return runs;
        }
    }
    unreachable!("a run ends, and so do its choices")
}
