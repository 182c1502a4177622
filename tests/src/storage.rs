//! The power fails at every operation of everything that the agent keeps durable, in memory and by the ten
//! thousand: what is found afterwards is what was acknowledged last, or what was being written.
//!
//! A simulated disk runs the real code of power record, registry, journal, objects and rollouts. It loses what was not synced, tears
//! writes and keeps any of the names that were pending; processes are killed, operations fail, recoveries are cut,
//! too. Trees and the link to the current one are in a real directory, whose syncs and renames are watched. A mutant leaves
//! out one call that makes something durable or visible, and has to be found out.

mod call_sites;
mod disk;
mod durable_view;
mod explore;
mod journal;
mod medium;
mod objects;
mod power;
mod registry;
mod report;
mod rollout;
mod subject;
mod trees;

use explore::{explore, trace};
use journal::{JournalDamage, JournalSubject};
use objects::ObjectSubject;
use power::PowerSubject;
use registry::RegistrySubject;
use rollout::RolloutSubject;
use std::collections::BTreeSet;
use std::io;
use subject::StorageSubject;

pub use disk::CallSite;
pub use explore::{StorageEffort, StorageTally};
pub use report::{MutantFate, StorageReport};

/// The effort that takes a test seconds.
pub const SHORT_EFFORT: StorageEffort = StorageEffort {
    mixtures: 2,
    later_cuts: 1,
};

/// The effort that takes a person a minute.
pub const LONG_EFFORT: StorageEffort = StorageEffort {
    mixtures: 24,
    later_cuts: 12,
};

/// A subject, whatever its states are.
trait AnySubject {
    fn name(&self) -> &'static str;

    fn explore(&self, seed: u64, effort: StorageEffort, skipped: Option<CallSite>) -> StorageTally;

    fn call_sites(&self) -> BTreeSet<CallSite>;
}

impl<Subject: StorageSubject> AnySubject for Subject {
    fn name(&self) -> &'static str {
        StorageSubject::name(self)
    }

    fn explore(&self, seed: u64, effort: StorageEffort, skipped: Option<CallSite>) -> StorageTally {
        explore(self, seed, effort, skipped)
    }

    fn call_sites(&self) -> BTreeSet<CallSite> {
        trace(self)
    }
}

/// One kind of file, in each state that it can be found in: these run the same code. The last needs most of the
/// code.
type SubjectFamily = Vec<Box<dyn AnySubject>>;

fn families() -> [SubjectFamily; 5] {
    let power = |is_broken| Box::new(PowerSubject { is_broken }) as Box<dyn AnySubject>;
    let registry = |is_broken| Box::new(RegistrySubject { is_broken }) as Box<dyn AnySubject>;
    let journal = |damage| Box::new(JournalSubject { damage }) as Box<dyn AnySubject>;
    let rollouts = |is_damaged| Box::new(RolloutSubject { is_damaged }) as Box<dyn AnySubject>;
    let objects = |is_damaged| Box::new(ObjectSubject { is_damaged }) as Box<dyn AnySubject>;
    [
        [false, true].map(power).into(),
        [false, true].map(registry).into(),
        JournalDamage::ALL.map(journal).into(),
        [false, true].map(objects).into(),
        // Most of the code needs a journal that is sound.
        [true, false].map(rollouts).into(),
    ]
}

/// Lets everything that can happen happen to all subjects, and tells of each when it is done.
pub fn run(
    seed: u64,
    effort: StorageEffort,
    mut on_tally: impl FnMut(&str, &StorageTally),
) -> StorageReport {
    let mut report = StorageReport::default();
    for subject in families().iter().flatten() {
        let tally = subject.explore(seed, effort, None);
        on_tally(subject.name(), &tally);
        report.add(&tally);
        report.check(subject.name(), &tally);
    }
    report
}

/// True in builds in which the trees can be watched: not in releases.
pub const CAN_WATCH_TREES: bool = lastword_agent::edge::durable_calls::CAN_BE_WATCHED;

/// Ends the life of a process at each sync and rename of a tree or of the link to it, and lets each of them fail. Only in
/// builds that [can watch trees](CAN_WATCH_TREES).
#[must_use]
pub fn run_trees() -> StorageReport {
    let mut report = StorageReport::default();
    let tally = trees::explore(None);
    report.add(&tally);
    report.check(trees::NAME, &tally);
    report
}

/// As [`run`], for the first subject only.
#[must_use]
pub fn run_first(seed: u64, effort: StorageEffort) -> StorageTally {
    PowerSubject { is_broken: false }.explore(seed, effort, None)
}

/// Leaves out each call that a traced run shows, one after the other, until a subject of the family that makes it
/// finds out. The report also says which calls of the source no mutant was made of.
///
/// # Errors
///
/// If the agent's source cannot be read.
pub fn run_mutants(
    seed: u64,
    effort: StorageEffort,
    mut on_mutant: impl FnMut(&str, &MutantFate),
) -> io::Result<StorageReport> {
    let mut report = StorageReport::default();
    for family in families() {
        let sites: BTreeSet<_> = family.iter().flat_map(|it| it.call_sites()).collect();
        for site in sites {
            let found_out = family.iter().rev().find_map(|subject| {
                let tally = subject.explore(seed, effort, Some(site));
                report.add(&tally);
                Some((subject.name(), tally.violation?))
            });
            let fate = MutantFate { site, found_out };
            on_mutant(family[0].name(), &fate);
            report.add_mutant(family[0].name(), fate);
        }
    }
    report.check_call_sites(&call_sites::of_the_core()?);
    Ok(report)
}

/// As [`run_mutants`], for each sync and rename of a tree or of the link to it, in each action that makes it.
///
/// # Errors
///
/// If the agent's source cannot be read.
pub fn run_tree_mutants(mut on_mutant: impl FnMut(&str, &MutantFate)) -> io::Result<StorageReport> {
    let mut report = StorageReport::default();
    for (fate, tally) in trees::mutants() {
        report.add(&tally);
        on_mutant(trees::NAME, &fate);
        report.add_mutant(trees::NAME, fate);
    }
    report.check_call_sites(&call_sites::of_the_trees()?);
    Ok(report)
}
