//! The account of a campaign: what was asked, what ran, what was answered.

use crate::bench::{Ledger, Ran, Run};
use crate::lossy::Struck;
use lastword_agent::core::world::Way;
use lastword_protocol::OperationId;
use lastword_protocol::message::{Reply, Request};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What came of the requests of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Requests with an answer.
    pub answered: u64,
    /// Those of them that ran exactly once.
    pub once: u64,
    /// Requests that ran more than once, answered or not.
    pub twice: u64,
    /// Requests that were answered and never ran.
    pub never: u64,
    /// Answers that are not what this request's run came to.
    pub wrong: u64,
    /// Requests whose client was told that nobody knows what came of them, by reason.
    pub told: BTreeMap<&'static str, u64>,
    /// Requests whose client died and so was told nothing.
    pub abandoned: u64,
    /// Those told or abandoned that are known to have run, once. On a whole board nobody knows that
    /// of a cancel.
    pub ran_untold: u64,
    /// Requests that were sent again.
    pub repeats: u64,
    /// Greetings that were told of another owner.
    pub busy: u64,
    /// How often somebody died, reset, reconnected, or took over.
    pub troubles: u64,
    /// What the line did.
    pub struck: Struck,
    /// What was wrong, for people: the first few.
    pub complaints: Vec<String>,
    asked: Vec<(Asked, Fate)>,
    /// The runs of requests that only look whose answers were given, by place in the ledger.
    seen: BTreeSet<usize>,
}

/// A request under way.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Its number in the scenario, and its operation id.
    pub(super) number: u64,
    pub(super) request: Request,
    /// How much had run before it was sent.
    pub(super) begun: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    Unanswered,
}

impl Tally {
    /// The request has its answer.
    pub(super) fn answered(&mut self, asked: Asked, reply: &Reply, ledger: &Ledger) {
        self.answered += 1;
        let place = ledger
            .runs()
            .iter()
            .skip(asked.begun)
            .position(|run| run.reply == *reply);
        let place = place.map(|place| asked.begun + place);
        let own = place.is_some_and(|place| asked.is_run(&ledger.runs()[place]));
        let fresh = place.is_some_and(|place| self.seen.insert(place));
        if !own || !fresh {
            self.wrong += 1;
            self.complain(format!("{asked:?} was answered with {reply:?}"));
        }
        self.asked.push((asked, Fate::Answered));
    }

    /// The client knows that it does not know what came of the request.
    pub(super) fn told(&mut self, asked: Asked, why: &'static str) {
        *self.told.entry(why).or_default() += 1;
        self.asked.push((asked, Fate::Unanswered));
    }

    /// The client is dead.
    pub(super) fn abandoned(&mut self, asked: Asked) {
        self.abandoned += 1;
        self.asked.push((asked, Fate::Unanswered));
    }

    /// Compares everything that was asked with everything that ran.
    pub(super) fn close(&mut self, ledger: &Ledger) {
        let mut runs: BTreeMap<u64, Vec<&Run>> = BTreeMap::new();
        for run in ledger.runs() {
            if let Ran::Asked(_) = run.what {
                // No request goes without an id, and none has this one.
                let id = run.what.id().unwrap_or(OperationId(0));
                runs.entry(id.0).or_default().push(run);
            }
        }
        let asked = std::mem::take(&mut self.asked);
        let (power, looks): (Vec<_>, Vec<_>) = asked.iter().partition(|it| it.0.is_power());
        for (asked, fate) in power {
            let runs = runs.remove(&asked.number).unwrap_or_default();
            match (fate, runs.len()) {
                (Fate::Answered, 1) => self.once += 1,
                (Fate::Answered, 0) => self.never += 1,
                (Fate::Unanswered, 0) => {}
                (Fate::Unanswered, 1) => self.ran_untold += 1,
                _ => self.twice += 1,
            }
            if runs.len() > 1 {
                self.complain(format!("{asked:?} ran {} times: {runs:?}", runs.len()));
            }
        }
        for (id, runs) in runs {
            self.wrong += 1;
            self.complain(format!("nobody asked for {id}: {runs:?}"));
        }
        self.close_looks(&looks, ledger);
    }

    /// Requests that only look carry no name, so that they are counted: each answer came from a
    /// run of its own, and there were no more runs than requests.
    fn close_looks(&mut self, looks: &[&(Asked, Fate)], ledger: &Ledger) {
        let is_look = |run: &&Run| matches!(run.what, Ran::Looked(_));
        let ran = ledger.runs().iter().filter(is_look).count() as u64;
        let all = looks.len() as u64;
        let answered = looks
            .iter()
            .filter(|(_, fate)| *fate == Fate::Answered)
            .count() as u64;
        self.once += answered.min(ran);
        self.never += answered.saturating_sub(ran);
        self.ran_untold += ran.clamp(answered, all) - answered;
        self.twice += ran.saturating_sub(all);
        if ran > all {
            self.complain(format!("{all} looks were asked for and {ran} ran"));
        }
    }

    /// Adds another scenario's account to this one.
    pub fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.once += other.once;
        self.twice += other.twice;
        self.never += other.never;
        self.wrong += other.wrong;
        for (why, count) in other.told {
            *self.told.entry(why).or_default() += count;
        }
        self.abandoned += other.abandoned;
        self.ran_untold += other.ran_untold;
        self.repeats += other.repeats;
        self.busy += other.busy;
        self.troubles += other.troubles;
        self.struck.add(other.struck);
        self.complaints.extend(other.complaints);
    }

    /// How many requests were told of, or abandoned, instead of answered.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        self.told.values().sum::<u64>() + self.abandoned
    }

    /// Whether each request ran as often as it must, and each answer was right.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.once == self.answered && self.twice + self.never + self.wrong == 0
    }

    pub(super) fn complain(&mut self, complaint: String) {
        if self.complaints.len() < COMPLAINTS {
            self.complaints.push(complaint);
        }
    }
}

impl Asked {
    fn is_power(&self) -> bool {
        matches!(Way::from(self.request.clone()), Way::Ask(_))
    }

    fn is_run(&self, run: &Run) -> bool {
        match (Way::from(self.request.clone()), &run.what) {
            (Way::Look(look), Ran::Looked(ran)) => look == *ran,
            (Way::Ask(ask), Ran::Asked(ran)) => ask == *ran,
            (
                Way::Look(_) | Way::Ask(_) | Way::Transfer(_) | Way::Events(_) | Way::Unknown(_),
                _,
            ) => false,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests answered, {} ran once, {} twice, {} never, {} wrong answers",
            self.answered, self.once, self.twice, self.never, self.wrong
        )?;
        if self.unanswered() > 0 {
            let Self {
                abandoned,
                ran_untold,
                ..
            } = self;
            write!(f, "; {} more unanswered", self.unanswered())?;
            for (why, count) in &self.told {
                write!(f, ", {count} told {why}")?;
            }
            write!(f, ", {abandoned} by a client that died")?;
            write!(f, "; {ran_untold} of these ran, once")?;
        }
        if self.repeats > 0 {
            write!(f, "; {} sent again", self.repeats)?;
        }
        let Self {
            troubles,
            busy,
            struck,
            ..
        } = self;
        write!(f, "; {troubles} troubles, {busy} told busy; {struck}")
    }
}

/// How many complaints are kept.
const COMPLAINTS: usize = 5;
