//! Every cut and every failure of one subject's life, and what its next lives make of it.

use super::disk::{CallSite, DiskFault, OperationKind, SimulatedDisk};
use super::medium::DiskMedium;
use super::subject::{ProcessIncarnation, RuleViolation, StateLedger, StorageSubject};
use crate::dice::Dice;
use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

/// The ground that a run covered, and the first rule that was broken.
#[derive(Clone, Debug, Default)]
pub struct StorageTally {
    /// The operations of a disk in a life that nothing happened to.
    pub operations: usize,
    /// The ends of a process, by a kill or a cut of the power, in the middle of its life or at its end.
    pub cuts: u64,
    /// The lives in which an operation failed.
    pub failures: u64,
    /// The states of a disk, different from each other or in what may be found there, that were recovered from; or, of a real
    /// directory, those that were judged by everything that a power cut could leave.
    pub states: u64,
    /// The calls that make something durable or visible.
    pub sites: BTreeSet<CallSite>,
    /// The first rule that was broken, with all that led to it.
    pub violation: Option<String>,
}

impl fmt::Display for StorageTally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            operations,
            cuts,
            failures,
            states,
            ..
        } = self;
        write!(
            f,
            "{operations} operations, {cuts} cuts, {failures} failures, {states} states recovered"
        )
    }
}

/// The share of random choices that is tried.
#[derive(Clone, Copy, Debug)]
pub struct StorageEffort {
    /// The mixtures of what is lost, torn and kept at each cut, beside those that are always tried.
    pub mixtures: u32,
    /// The cuts of the life after a cut or a failure, beside its recovery, every cut of which is tried.
    pub later_cuts: u32,
}

/// A life, as it ended.
struct LifeEnd<State> {
    disk: SimulatedDisk,
    ledger: StateLedger<State>,
    outcome: Result<(), RuleViolation>,
    /// The number of operations of its recovery.
    recovery: usize,
}

/// A disk as a process finds it.
struct ExploredSituation<State> {
    medium: Rc<DiskMedium>,
    ledger: StateLedger<State>,
    incarnation: ProcessIncarnation,
    /// Everything that has happened so far; `None`: nothing.
    story: Option<Rc<StoryStep>>,
}

/// The end of a life.
struct StoryStep {
    before: Option<Rc<StoryStep>>,
    faults: Vec<DiskFault>,
    end: &'static str,
    left: Rc<DiskMedium>,
}

/// The words for a kill, and for a cut of the power.
const KILLED: &str = "killed";
const POWER_FAILED: &str = "the power failed";

/// Tries every fault of a subject's first life.
struct CutExplorer<'s, Subject: StorageSubject> {
    subject: &'s Subject,
    effort: StorageEffort,
    skipped: Option<CallSite>,
    /// Nothing comes after the first life: its calls are all that is wanted.
    only_traces: bool,
    dice: Dice,
    tally: StorageTally,
    /// The situations, by their hash, that a life was begun in.
    seen: HashSet<u64>,
}

/// Runs everything; a mutant leaves one call out. Ends with the first violation.
pub(super) fn explore<Subject: StorageSubject>(
    subject: &Subject,
    seed: u64,
    effort: StorageEffort,
    skipped: Option<CallSite>,
) -> StorageTally {
    let mut explorer = CutExplorer {
        subject,
        effort,
        skipped,
        only_traces: false,
        dice: Dice::new(seed),
        tally: StorageTally::default(),
        seen: HashSet::new(),
    };
    if let Err(violation) = explorer.explore_first_life() {
        explorer.tally.violation = Some(violation);
    }
    explorer.tally
}

/// Returns the calls of a first life, whatever fails in it.
pub(super) fn trace<Subject: StorageSubject>(subject: &Subject) -> BTreeSet<CallSite> {
    let mut explorer = CutExplorer {
        subject,
        effort: StorageEffort {
            mixtures: 0,
            later_cuts: 0,
        },
        skipped: None,
        only_traces: true,
        dice: Dice::new(0),
        tally: StorageTally::default(),
        seen: HashSet::new(),
    };
    // A rule that is broken is for the run itself to find.
    let _ = explorer.explore_first_life();
    explorer.tally.sites
}

impl<Subject: StorageSubject> CutExplorer<'_, Subject> {
    fn explore_first_life(&mut self) -> Result<(), RuleViolation> {
        let first = ExploredSituation {
            medium: Rc::new(DiskMedium::from_image(&self.subject.image())),
            ledger: StateLedger::new(self.subject.state(), self.subject.evidence()),
            incarnation: ProcessIncarnation {
                process: 1,
                boot: 1,
            },
            story: None,
        };
        let quiet = self.live(&first, Vec::new())?;
        self.tally.operations = quiet.disk.operations.len();
        self.cut_everywhere(&first, &quiet.disk.operations)?;
        for (at, kind) in quiet.disk.operations.iter().enumerate() {
            for way in 0..kind.failures() {
                self.fail(&first, DiskFault::Failure { at, way })?;
            }
            let way = at.to_le_bytes()[0] % kind.failures();
            for operations in [2, 5, usize::MAX / 2] {
                self.fail(
                    &first,
                    DiskFault::Full {
                        at,
                        way,
                        operations,
                    },
                )?;
            }
        }
        Ok(())
    }

    /// Cuts a life at each of its operations, and behind the last.
    fn cut_everywhere(
        &mut self,
        situation: &ExploredSituation<Subject::State>,
        operations: &[OperationKind],
    ) -> Result<(), RuleViolation> {
        for (at, kind) in operations.iter().enumerate() {
            for place in 0..kind.cut_places() {
                let fault = DiskFault::Cut { at, place };
                let end = self.live(situation, vec![fault])?;
                self.go_on(situation, &end, true)?;
            }
        }
        let end = self.live(situation, Vec::new())?;
        self.go_on(situation, &end, true)
    }

    /// Lets an operation fail, and cuts the life by chance behind that, and at its end.
    fn fail(
        &mut self,
        situation: &ExploredSituation<Subject::State>,
        fault: DiskFault,
    ) -> Result<(), RuleViolation> {
        let end = self.live(situation, vec![fault])?;
        self.go_on(situation, &end, true)?;
        let failed_at = fault.at();
        let operations = end.disk.operations;
        for _ in 0..self.effort.later_cuts {
            let later = operations.len().saturating_sub(failed_at + 1);
            let Some(cut) = self.draw_cut(&operations, failed_at + 1, later) else {
                return Ok(());
            };
            let end = self.live(situation, vec![fault, cut])?;
            self.go_on(situation, &end, true)?;
        }
        Ok(())
    }

    /// Draws a cut among `count` operations from `start` on.
    fn draw_cut(
        &mut self,
        operations: &[OperationKind],
        start: usize,
        count: usize,
    ) -> Option<DiskFault> {
        let drawn = self.dice.below(u64::try_from(count).ok()?.max(1));
        let at = start + usize::try_from(drawn).ok()?;
        let kind = operations.get(at)?;
        let place = self.dice.byte() % kind.cut_places();
        Some(DiskFault::Cut { at, place })
    }

    /// Lets the next process find what an end of a life has left: after a kill, or whatever the power has left.
    fn go_on(
        &mut self,
        before: &ExploredSituation<Subject::State>,
        end: &LifeEnd<Subject::State>,
        is_first: bool,
    ) -> Result<(), RuleViolation> {
        if self.only_traces {
            return Ok(());
        }
        self.tally.cuts += 1;
        let ProcessIncarnation { process, boot } = before.incarnation;
        let next = |left: DiskMedium, boot, end_of_life| {
            let left = Rc::new(left);
            ExploredSituation {
                medium: Rc::clone(&left),
                ledger: end.ledger.clone(),
                incarnation: ProcessIncarnation {
                    process: process + 1,
                    boot,
                },
                story: Some(Rc::new(StoryStep {
                    before: before.story.clone(),
                    faults: end.disk.faults.clone(),
                    end: end_of_life,
                    left,
                })),
            }
        };
        let medium = &end.disk.medium;
        self.recover(&next(medium.clone(), boot, KILLED), is_first)?;
        let mixtures = self.effort.mixtures;
        let remains = if is_first {
            medium.all_remains(&mut self.dice, mixtures)
        } else {
            medium.some_remains(&mut self.dice, mixtures)
        };
        for image in remains {
            let mut hasher = DefaultHasher::new();
            (&image, &end.ledger, process, is_first).hash(&mut hasher);
            if self.seen.insert(hasher.finish()) {
                let medium = DiskMedium::from_image(&image);
                self.recover(&next(medium, boot + 1, POWER_FAILED), is_first)?;
            }
        }
        Ok(())
    }

    /// Lives on; if this is behind the first life, that is cut, too.
    fn recover(
        &mut self,
        situation: &ExploredSituation<Subject::State>,
        is_second: bool,
    ) -> Result<(), RuleViolation> {
        self.tally.states += 1;
        let evidence = situation.ledger.check_evidence(&situation.medium.image());
        evidence.map_err(|it| situation.tell(&it))?;
        let quiet = self.live(situation, Vec::new())?;
        if !is_second {
            return Ok(());
        }
        let operations = &quiet.disk.operations;
        self.go_on(situation, &quiet, false)?;
        let (recovery, actions) = operations.split_at(quiet.recovery);
        for (at, kind) in recovery.iter().enumerate() {
            let place = self.dice.byte() % kind.cut_places();
            let end = self.live(situation, vec![DiskFault::Cut { at, place }])?;
            self.go_on(situation, &end, false)?;
        }
        for _ in 0..self.effort.later_cuts {
            let Some(cut) = self.draw_cut(operations, recovery.len(), actions.len()) else {
                break;
            };
            let end = self.live(situation, vec![cut])?;
            self.go_on(situation, &end, false)?;
        }
        Ok(())
    }

    /// Runs a process until it has done everything, or is cut.
    fn live(
        &mut self,
        situation: &ExploredSituation<Subject::State>,
        faults: Vec<DiskFault>,
    ) -> Result<LifeEnd<Subject::State>, RuleViolation> {
        let mut disk = SimulatedDisk {
            medium: DiskMedium::clone(&situation.medium),
            faults,
            skipped: self.skipped,
            // What later processes call beside that is called by the first of another subject of the family.
            sites: (situation.incarnation.process == 1).then(BTreeSet::new),
            ..SimulatedDisk::default()
        };
        self.tally.failures += u64::from(disk.faults.iter().any(|it| it.is_failure()));
        let mut end = LifeEnd {
            outcome: Ok(()),
            ledger: situation.ledger.clone(),
            recovery: 0,
            disk: SimulatedDisk::default(),
        };
        end.outcome = run(
            self.subject,
            situation.incarnation,
            &mut disk,
            &mut end.ledger,
            &mut end.recovery,
        );
        self.tally
            .sites
            .extend(disk.sites.take().unwrap_or_default());
        end.disk = disk;
        if let Err(violation) = &end.outcome {
            let faults = &end.disk.faults;
            return Err(situation.tell(&format!("{faults:?}: {violation}")));
        }
        Ok(end)
    }
}

impl<State> ExploredSituation<State> {
    /// Returns what happened, in order, and what came of it.
    fn tell(&self, outcome: &str) -> RuleViolation {
        let mut told = outcome.to_owned();
        let mut step = self.story.as_ref();
        while let Some(it) = step {
            let StoryStep {
                faults, end, left, ..
            } = &**it;
            let left = left.lengths();
            told = format!("{faults:?}: {end}, leaving {left:?}\n{told}");
            step = it.before.as_ref();
        }
        told
    }
}

fn run<Subject: StorageSubject>(
    subject: &Subject,
    incarnation: ProcessIncarnation,
    disk: &mut SimulatedDisk,
    ledger: &mut StateLedger<Subject::State>,
    recovery: &mut usize,
) -> Result<(), RuleViolation> {
    let process = subject.begin(disk, ledger, incarnation)?;
    *recovery = disk.operations.len();
    let Some(mut process) = process else {
        return Ok(());
    };
    for number in 0..subject.actions() {
        if disk.is_cut {
            return Ok(());
        }
        subject.act(&mut process, number, disk, ledger)?;
    }
    Ok(())
}

impl DiskFault {
    const fn is_failure(self) -> bool {
        matches!(self, Self::Failure { .. } | Self::Full { .. })
    }

    const fn at(self) -> usize {
        match self {
            Self::Cut { at, .. } | Self::Failure { at, .. } | Self::Full { at, .. } => at,
        }
    }
}
