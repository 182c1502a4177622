//! The totals of a run.

use super::call_sites::SourceCall;
use super::disk::CallSite;
use super::explore::StorageTally;
use std::fmt;

/// A mutant, and what became of it.
#[derive(Clone, Debug)]
pub struct MutantFate {
    /// The call that it leaves out.
    pub site: CallSite,
    /// The subject that has found out, and by what; `None`: it survived.
    pub found_out: Option<(&'static str, String)>,
}

/// The sum of a run, and everything that is wrong.
#[derive(Clone, Debug, Default)]
pub struct StorageReport {
    sum: StorageTally,
    mutants: Vec<MutantFate>,
    survived: usize,
    /// The rules that were broken, the mutants that survived, the calls without a mutant.
    pub complaints: Vec<String>,
}

impl StorageReport {
    pub(super) fn add(&mut self, tally: &StorageTally) {
        self.sum.operations += tally.operations;
        self.sum.cuts += tally.cuts;
        self.sum.failures += tally.failures;
        self.sum.states += tally.states;
    }

    /// Complains of what is wrong with the real code.
    pub(super) fn check(&mut self, subject: &str, tally: &StorageTally) {
        let violation = tally.violation.iter();
        self.complaints
            .extend(violation.map(|it| format!("{subject}: {it}")));
    }

    pub(super) fn add_mutant(&mut self, family: &str, fate: MutantFate) {
        if fate.found_out.is_none() {
            self.survived += 1;
            let site = fate.site;
            self.complaints
                .push(format!("{family}: nothing is wrong without {site}"));
        }
        self.mutants.push(fate);
    }

    /// Complains of each call of the source that no mutant has left out.
    pub(super) fn check_call_sites(&mut self, calls: &[SourceCall]) {
        for call in calls {
            let is_left_out =
                |it: &MutantFate| (it.site.file, it.site.line) == (&call.file, call.line);
            if !self.mutants.iter().any(is_left_out) {
                self.complaints.push(format!("no mutant of {call}"));
            }
        }
    }

    /// Adds another run.
    pub fn extend(&mut self, other: Self) {
        self.add(&other.sum);
        self.mutants.extend(other.mutants);
        self.survived += other.survived;
        self.complaints.extend(other.complaints);
    }

    /// Returns the number of mutants.
    #[must_use]
    pub fn mutants(&self) -> usize {
        self.mutants.len()
    }

    /// Returns whether nothing is wrong.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.complaints.is_empty()
    }
}

impl fmt::Display for StorageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.sum)?;
        if self.mutants.is_empty() {
            return Ok(());
        }
        let mutants = self.mutants.len();
        write!(f, ", {mutants} mutants, {} survived", self.survived)
    }
}
