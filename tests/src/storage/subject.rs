//! The subjects of the simulated disk: real code that keeps something durable, and the states that it may be in.

use super::disk::SimulatedDisk;
use super::medium::DiskImage;
use std::fmt::Debug;
use std::hash::Hash;

/// A rule that was broken, in words.
pub(super) type RuleViolation = String;

/// The states that may be found on the disk: the one that was acknowledged, or said, last, and what was attempted
/// since.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct StateLedger<State> {
    possible: Vec<State>,
    /// Content that some file has to hold for ever, under any name.
    evidence: Vec<Vec<u8>>,
    is_waived: bool,
}

impl<State: Clone + Debug + PartialEq> StateLedger<State> {
    pub(super) fn new(state: State, evidence: Vec<Vec<u8>>) -> Self {
        Self {
            possible: vec![state],
            evidence,
            is_waived: false,
        }
    }

    pub(super) fn states(&self) -> Vec<State> {
        self.possible.clone()
    }

    /// From now on evidence may be gone: it was said that it cannot be kept.
    pub(super) fn waive_evidence(&mut self) {
        self.evidence.clear();
        self.is_waived = true;
    }

    /// Returns whether it was said that something cannot be kept.
    pub(super) const fn is_waived(&self) -> bool {
        self.is_waived
    }

    /// Checks that the disk still has what is to be kept.
    pub(super) fn check_evidence(&self, image: &DiskImage) -> Result<(), RuleViolation> {
        let is_there = |kept: &&Vec<u8>| image.values().any(|it| it == *kept);
        if self.evidence.iter().all(|kept| is_there(&kept)) {
            return Ok(());
        }
        let names: Vec<_> = image.keys().collect();
        Err(format!("a damaged file was not kept: {names:?}"))
    }

    /// From now on, this may be found, too.
    pub(super) fn attempt(&mut self, state: State) {
        if !self.possible.contains(&state) {
            self.possible.push(state);
        }
    }

    /// From now on, nothing but this may be found: it was acknowledged.
    pub(super) fn acknowledge(&mut self, state: State) {
        self.possible = vec![state];
    }

    /// Checks a state that was found.
    pub(super) fn check(&self, found: &State) -> Result<(), RuleViolation> {
        self.check_by(found, Clone::clone)
    }

    /// Checks what of a state is to be the same.
    pub(super) fn check_by(
        &self,
        found: &State,
        part: impl Fn(&State) -> State,
    ) -> Result<(), RuleViolation> {
        let wanted = part(found);
        if self.possible.iter().any(|it| part(it) == wanted) {
            return Ok(());
        }
        Err(format!(
            "found {found:?}; possible were {:?}",
            self.possible
        ))
    }

    pub(super) fn may_be(&self, state: &State) -> bool {
        self.possible.contains(state)
    }
}

/// A process that runs the code, in a boot.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProcessIncarnation {
    /// The number of the process, from 1.
    pub(super) process: u8,
    /// The number of the boot, from 1.
    pub(super) boot: u8,
}

/// Real code that keeps something durable.
pub(super) trait StorageSubject {
    /// The state that it keeps.
    type State: Clone + Debug + Eq + Hash;
    /// A process that runs it.
    type Process;

    /// Its name in reports.
    fn name(&self) -> &'static str;

    /// Returns the disk that the first process finds.
    fn image(&self) -> DiskImage {
        DiskImage::new()
    }

    /// Returns the state of that.
    fn state(&self) -> Self::State;

    /// Returns what some file has to hold for ever, under whatever name.
    fn evidence(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// Recovers what is on the disk, as the agent does when it starts. `None`: the disk has refused, and the
    /// process goes on without.
    fn begin(
        &self,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<Self::State>,
        incarnation: ProcessIncarnation,
    ) -> Result<Option<Self::Process>, RuleViolation>;

    /// The number of actions of a process.
    fn actions(&self) -> usize;

    /// Does one action. An error of the disk is none of this: the ledger has what was attempted.
    fn act(
        &self,
        process: &mut Self::Process,
        number: usize,
        disk: &mut SimulatedDisk,
        ledger: &mut StateLedger<Self::State>,
    ) -> Result<(), RuleViolation>;
}
