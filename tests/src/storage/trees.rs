//! Trees and the link to the current one: the real code in a real directory, whose syncs and renames are watched, ended at
//! and left out. Whenever the power fails, a name of a tree leads to all of it, and the link to a tree that is there.

use super::disk::CallSite;
use super::durable_view::{CertainEntry, CertainTree, DurableView, InodeNumber};
use super::explore::StorageTally;
use super::report::MutantFate;
use super::subject::RuleViolation;
use lastword_agent::edge::durable_calls::{
    CallFate, DurableCall, DurableOperation, DurableWatcher, watch,
};
use lastword_agent::edge::generation_link::CurrentLink;
use lastword_agent::edge::generations::trees::{
    ContentSource, GenerationTrees, KnownTree, RealiseError,
};
use lastword_generation::manifest::{FileMode, SoakEnd, TreeFile, TreeLink, generation_of};
use lastword_generation::{Manifest, ManifestFields, TreePath};
use lastword_protocol::{Generation, ObjectHash};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use tempfile::TempDir;

/// The name of the subject in reports.
pub(super) const NAME: &str = "trees";

/// A file of a tree: its path, its content and its mode.
type FileEntry = (&'static str, &'static str, u32);

const FIRST: [FileEntry; 4] = [
    ("bin/gateway", "program 1", 0o755),
    ("bin/helper", "helper", 0o4755),
    ("etc/deep/text", "text", 0o644),
    ("own", "of the first", 0o640),
];
const SECOND: [FileEntry; 3] = [
    ("bin/gateway", "program 2", 0o755),
    ("bin/helper", "helper", 0o4755),
    ("etc/deep/text", "text", 0o644),
];
/// A file of the first tree that no other has.
const OWN_FILE: &str = "own";
const LINK_TARGET: &str = "bin/gateway";

/// The operations of a life, each of which may be done again by the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TreeAction {
    Open,
    Realise(usize),
    /// Somebody changes a file of the first tree.
    Damage,
    Switch(Option<usize>),
    Remove(usize),
}

use TreeAction::{Damage, Open, Realise, Remove, Switch};

const ACTIONS: [TreeAction; 10] = [
    Open,
    Realise(0),
    Switch(Some(0)),
    Realise(1),
    Switch(Some(1)),
    Damage,
    Realise(0),
    Switch(Some(0)),
    Remove(1),
    Switch(None),
];

impl TreeAction {
    const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Realise(_) => "realise",
            Self::Damage => "damage",
            Self::Switch(_) => "switch",
            Self::Remove(_) => "remove",
        }
    }
}

/// The end of a life at one of its calls.
struct KilledHere;

/// A call in a life, which a mutant leaves out in every life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NumberedCall {
    site: CallSite,
    /// The number of the action that makes it.
    action: usize,
    /// The number of calls at the same place before it.
    before: usize,
}

/// A fault, at a call of the first life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CallFault {
    /// The process is killed.
    Kill(usize),
    /// The call fails, and the action is done again.
    Failure(usize),
}

/// A board's directory, from life to life.
struct WatchedBench {
    root: TempDir,
    contents: TempDir,
    generations: [(Generation, Manifest); 2],
    watched: Rc<RefCell<WatchedTrees>>,
}

/// Everything that is known of the directory, and planned for it.
struct WatchedTrees {
    directory: PathBuf,
    view: DurableView,
    /// The trees as their manifests describe them.
    expected: BTreeMap<String, CertainTree>,
    /// The trees to which the link may lead behind a power cut; `None`: there may be none.
    links: BTreeSet<Option<Generation>>,
    /// The tree that somebody has damaged.
    damaged: Option<InodeNumber>,
    /// The number of the action under way.
    action: usize,
    /// The places of the calls of this action, in their order.
    sites: Vec<CallSite>,
    /// The calls of this life.
    calls: Vec<NumberedCall>,
    fault: Option<CallFault>,
    skipped: Option<NumberedCall>,
    /// The number of times that somebody has looked.
    looks: u64,
    violation: Option<RuleViolation>,
}

/// The contents of all files, by their hashes.
struct ContentFiles(PathBuf);

impl ContentSource for ContentFiles {
    fn open_content(&self, hash: ObjectHash) -> io::Result<Option<File>> {
        File::open(self.0.join(hash.to_string())).map(Some)
    }
}

/// The watcher of one life.
struct LifeWatcher(Rc<RefCell<WatchedTrees>>);

impl DurableWatcher for LifeWatcher {
    fn decide(&self, call: &DurableCall<'_>) -> CallFate {
        let mut watched = self.0.borrow_mut();
        watched.look();
        let action = watched.action;
        let site = CallSite {
            action: ACTIONS[action].word(),
            operation: call.operation.word(),
            file: call.location.file(),
            line: call.location.line(),
        };
        let number = watched.calls.len();
        if watched.fault == Some(CallFault::Kill(number)) {
            drop(watched);
            resume_unwind(Box::new(KilledHere));
        }
        let before = watched.sites.iter().filter(|it| **it == site).count();
        let numbered = NumberedCall {
            site,
            action,
            before,
        };
        watched.sites.push(site);
        watched.calls.push(numbered);
        if watched.fault == Some(CallFault::Failure(number)) {
            return CallFate::Fails;
        }
        if watched.skipped == Some(numbered) {
            return CallFate::LeftOut;
        }
        watched.take_note(call)
    }
}

impl WatchedTrees {
    /// Looks at the directory, and notes the first rule that a power cut would show to be broken.
    fn look(&mut self) {
        let root = self.directory.parent().expect("a root").to_owned();
        self.view.look(&root).expect("a temporary directory");
        self.looks += 1;
        if self.violation.is_none()
            && let Err(violation) = self.check()
        {
            let after = self.calls.last();
            let after = after.map_or_else(|| "the start".to_owned(), |call| call.site.to_string());
            self.violation = Some(format!("behind {after}: {violation}"));
        }
    }

    /// Takes note of a call. The view knows what was synced: the disk need not.
    fn take_note(&mut self, call: &DurableCall<'_>) -> CallFate {
        let noted = match call.operation {
            DurableOperation::SyncFile => self.view.sync_file(call.path),
            DurableOperation::SyncDirectory => self.view.sync_directory(call.path),
            DurableOperation::Rename | DurableOperation::Exchange => return CallFate::CarriedOut,
        };
        noted.expect("it is there");
        CallFate::LeftOut
    }

    fn check(&self) -> Result<(), RuleViolation> {
        let trees = self.directory.join("trees");
        if !trees.is_dir() {
            return Ok(());
        }
        for (name, may_be) in self.names(&trees) {
            let Some(expected) = self.expected.get(&name) else {
                continue;
            };
            let may_be = may_be.into_iter().flatten();
            for number in may_be.filter(|it| Some(*it) != self.damaged) {
                let tree = self.view.certain_tree(number);
                let tree = tree.map_err(|why| format!("tree {}: {why}", &name[..8]))?;
                if tree != *expected {
                    return Err(format!("tree {} is {tree:?}", &name[..8]));
                }
            }
        }
        for found in self.link() {
            if !self.links.contains(&found) {
                return Err(format!("the link may lead to {found:?}"));
            }
            if let Some(generation) = found {
                self.check_certain(&trees, &generation.to_string())?;
            }
        }
        Ok(())
    }

    /// Checks that a name in a directory leads to one thing behind every power cut.
    fn check_certain(&self, directory: &Path, name: &str) -> Result<(), RuleViolation> {
        let names = self.names(directory);
        let may_be = names.iter().find(|(it, _)| it == name);
        match may_be
            .map(|(_, may_be)| may_be.iter().collect::<Vec<_>>())
            .as_deref()
        {
            Some([Some(_)]) => Ok(()),
            may_be => Err(format!(
                "{} may be {may_be:?}",
                directory.join(name).display()
            )),
        }
    }

    /// Returns the trees to which the link may lead.
    fn link(&self) -> BTreeSet<Option<Generation>> {
        let names = self.names(&self.directory);
        let Some((_, may_be)) = names.into_iter().find(|(name, _)| name == "current") else {
            return BTreeSet::from([None]);
        };
        let target = |number| self.view.target(number).and_then(|it| it.file_name());
        let generation = |number| target(number)?.to_str()?.parse().ok();
        may_be
            .into_iter()
            .map(|it| it.and_then(generation))
            .collect()
    }

    fn names(&self, directory: &Path) -> Vec<(String, BTreeSet<Option<InodeNumber>>)> {
        self.view.names(directory).expect("a temporary directory")
    }

    /// Checks everything that holds when an action is acknowledged.
    fn check_done(&self, action: TreeAction, names: &[String; 2]) -> Result<(), RuleViolation> {
        let trees = self.directory.join("trees");
        match action {
            Open => {
                let root = self.directory.parent().expect("a root");
                self.check_certain(root, "generations")?;
                self.check_certain(&self.directory, "trees")
            }
            Realise(index) => self.check_certain(&trees, &names[index]),
            Switch(_) => {
                let found = self.link();
                if found == self.links {
                    return Ok(());
                }
                Err(format!(
                    "the link may lead to {found:?}, not to {:?}",
                    self.links
                ))
            }
            Remove(index) => {
                let found = self.names(&trees);
                let is_it = |name: &str| name == names[index];
                let mut found = found.iter().filter(|(name, _)| is_it(name));
                let is_there = found.any(|(_, may_be)| may_be.iter().any(Option::is_some));
                if is_there {
                    return Err("a tree that was removed may be there".to_owned());
                }
                Ok(())
            }
            Damage => Ok(()),
        }
    }
}

impl WatchedBench {
    fn new(skipped: Option<NumberedCall>) -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        let contents = tempfile::tempdir().expect("a temporary directory");
        let generations = [&FIRST[..], &SECOND].map(|files| manifest(files, contents.path()));
        let described = generations.iter().zip([&FIRST[..], &SECOND]);
        let expected = described
            .map(|((generation, _), files)| (generation.to_string(), tree_of(files)))
            .collect();
        let mut view = DurableView::default();
        view.look(root.path()).expect("a temporary directory");
        let watched = WatchedTrees {
            directory: root.path().join("generations"),
            view,
            expected,
            links: BTreeSet::from([None]),
            damaged: None,
            action: 0,
            sites: Vec::new(),
            calls: Vec::new(),
            fault: None,
            skipped,
            looks: 0,
            violation: None,
        };
        Self {
            root,
            contents,
            generations,
            watched: Rc::new(RefCell::new(watched)),
        }
    }

    /// Lives through all actions, or to a kill; returns the calls.
    fn live(&self, fault: Option<CallFault>) -> Result<Vec<NumberedCall>, RuleViolation> {
        {
            let mut watched = self.watched.borrow_mut();
            watched.calls.clear();
            watched.fault = fault;
        }
        let watcher = Rc::new(LifeWatcher(self.watched.clone()));
        let lived = catch_unwind(AssertUnwindSafe(|| watch(watcher, || self.act_all())));
        match lived {
            Ok(lived) => lived?,
            Err(panicked) if panicked.is::<KilledHere>() => {}
            Err(panicked) => resume_unwind(panicked),
        }
        Ok(self.watched.borrow().calls.clone())
    }

    fn act_all(&self) -> Result<(), RuleViolation> {
        let mut trees = None;
        for (number, action) in ACTIONS.into_iter().enumerate() {
            self.begin(number);
            let calls = self.watched.borrow().calls.len();
            let mut done = self.act(action, &mut trees);
            if done.is_err() && self.has_failed_since(calls) {
                self.begin(number);
                done = self.act(action, &mut trees);
            }
            done.map_err(|error| format!("{action:?}: refused for no reason: {error}"))?;
            let mut watched = self.watched.borrow_mut();
            if let Switch(to) = action {
                watched.links = BTreeSet::from([self.generation(to)]);
            }
            watched.look();
            if let Some(violation) = watched.violation.take() {
                return Err(violation);
            }
            let names = [0, 1].map(|index| self.generations[index].0.to_string());
            let held = watched.check_done(action, &names);
            held.map_err(|why| format!("{action:?} was acknowledged: {why}"))?;
        }
        Ok(())
    }

    fn begin(&self, number: usize) {
        let mut watched = self.watched.borrow_mut();
        watched.action = number;
        watched.sites.clear();
        if let Switch(to) = ACTIONS[number] {
            watched.links.insert(self.generation(to));
        }
    }

    fn has_failed_since(&self, first: usize) -> bool {
        let watched = self.watched.borrow();
        let calls = first..watched.calls.len();
        matches!(watched.fault, Some(CallFault::Failure(at)) if calls.contains(&at))
    }

    fn generation(&self, index: Option<usize>) -> Option<Generation> {
        index.map(|index| self.generations[index].0)
    }

    fn act(&self, action: TreeAction, trees: &mut Option<GenerationTrees>) -> io::Result<()> {
        let directory = self.root.path().join("generations");
        match (action, &trees) {
            (Open, _) => {
                *trees = Some(GenerationTrees::open(directory)?);
                Ok(())
            }
            (Realise(index), Some(trees)) => self.realise(trees, index).map_err(io::Error::other),
            (Remove(index), Some(trees)) => trees.remove(self.generations[index].0),
            (Switch(to), _) => CurrentLink::new(directory).switch(self.generation(to)),
            (Damage, _) => self.damage(),
            (_, None) => Err(io::Error::other("there are no trees")),
        }
    }

    /// Builds a tree, from the other one if that is there.
    fn realise(&self, trees: &GenerationTrees, index: usize) -> Result<(), RealiseError> {
        let known = &self.generations[1 - index];
        let (generation, manifest) = &self.generations[index];
        let known = KnownTree {
            generation: known.0,
            manifest: &known.1,
        };
        let contents = ContentFiles(self.contents.path().to_owned());
        trees.realise(*generation, manifest, &[known], &contents)?;
        self.watched.borrow_mut().damaged = None;
        Ok(())
    }

    /// Changes a file of the first tree, if it was not yet.
    fn damage(&self) -> io::Result<()> {
        let top = self.root.path().join("generations/trees");
        let top = top.join(self.generations[0].0.to_string());
        let number = std::os::unix::fs::MetadataExt::ino(&fs::metadata(&top)?);
        self.watched.borrow_mut().damaged = Some(number);
        fs::write(top.join(OWN_FILE), "of somebody")
    }
}

/// Lets a life end at each of its calls, and lets each of them fail; the next life does everything again.
pub(super) fn explore(skipped: Option<NumberedCall>) -> StorageTally {
    let mut tally = StorageTally::default();
    let calls = match live_twice(None, skipped, &mut tally) {
        Ok([first, _]) => first,
        Err(violation) => {
            tally.violation = Some(violation);
            return tally;
        }
    };
    tally.operations = calls.len();
    for fault in faults(calls.len()) {
        if let Err(violation) = live_twice(Some(fault), skipped, &mut tally) {
            tally.violation = Some(format!("{fault:?}: {violation}"));
            return tally;
        }
    }
    tally
}

/// Leaves out each call of a life once, and each that is only made behind a fault.
pub(super) fn mutants() -> Vec<(MutantFate, StorageTally)> {
    let mut tally = StorageTally::default();
    let mut all = BTreeSet::new();
    let mut trace = |fault| {
        // A rule that is broken is for the run itself to find.
        let lives = live_twice(fault, None, &mut tally).unwrap_or_default();
        all.extend(lives.iter().flatten().copied());
        lives[0].len()
    };
    let count = trace(None);
    for fault in faults(count) {
        trace(Some(fault));
    }
    let mutants = all.into_iter().map(|skipped| {
        let tally = explore(Some(skipped));
        let found_out = tally.violation.clone().map(|it| (NAME, it));
        let site = skipped.site;
        (MutantFate { site, found_out }, tally)
    });
    mutants.collect()
}

/// A fault of each kind at each call of a life.
fn faults(calls: usize) -> impl Iterator<Item = CallFault> {
    (0..calls).flat_map(|at| [CallFault::Kill(at), CallFault::Failure(at)])
}

/// Lives, with a fault, and lives once more; returns the calls of both.
fn live_twice(
    fault: Option<CallFault>,
    skipped: Option<NumberedCall>,
    tally: &mut StorageTally,
) -> Result<[Vec<NumberedCall>; 2], RuleViolation> {
    let bench = WatchedBench::new(skipped);
    match fault {
        Some(CallFault::Failure(_)) => tally.failures += 1,
        Some(CallFault::Kill(_)) | None => tally.cuts += 1,
    }
    let first = bench.live(fault);
    let lives = first.and_then(|first| Ok([first, bench.live(None)?]));
    tally.states += bench.watched.borrow().looks;
    lives
}

/// Returns the manifest of these files, whose contents it puts into a directory.
fn manifest(files: &[FileEntry], contents: &Path) -> (Generation, Manifest) {
    let path = |text: &str| TreePath::new(text).expect("a path");
    let files = files.iter().map(|(at, content, mode)| {
        let sha256 = ObjectHash(Sha256::digest(content).into());
        fs::write(contents.join(sha256.to_string()), content).expect("a file");
        TreeFile {
            path: path(at),
            sha256,
            size: content.len() as u64,
            mode: FileMode::from_stat(*mode),
        }
    });
    let manifest = Manifest::new(ManifestFields {
        format: 1,
        name: "gateway".to_owned(),
        version: "1".to_owned(),
        compatible: vec!["acme,gw".to_owned()],
        architecture: "any".to_owned(),
        security_version: 0,
        soak: SoakEnd::Manual,
        checks: Vec::new(),
        reboot_components: Vec::new(),
        files: files.collect(),
        links: vec![TreeLink {
            path: path("link"),
            target: LINK_TARGET.to_owned(),
        }],
    });
    let manifest = manifest.expect("a manifest");
    let generation = generation_of(&manifest.to_bytes().expect("a manifest"));
    (generation, manifest)
}

fn tree_of(files: &[FileEntry]) -> CertainTree {
    let files = files.iter().map(|(at, content, mode)| {
        let (content, mode) = (content.as_bytes().to_vec(), *mode);
        (PathBuf::from(at), CertainEntry::File { content, mode })
    });
    let target = PathBuf::from(LINK_TARGET);
    files
        .chain([(PathBuf::from("link"), CertainEntry::Link { target })])
        .collect()
}
