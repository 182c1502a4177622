//! A real directory as the power could leave it: for every name that its directory was not synced behind, each file that
//! the name has led to since, and for every file whether its content was synced.

use nix::fcntl::OFlag;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The permissions in a file's mode.
const MODE_BITS: u32 = 0o7777;

/// The number of a file or a directory, whatever its names.
pub(super) type InodeNumber = u64;

/// A tree, by its paths.
pub(super) type CertainTree = BTreeMap<PathBuf, CertainEntry>;

/// Everything below a directory, as far as it was looked at.
#[derive(Default)]
pub(super) struct DurableView {
    inodes: HashMap<InodeNumber, SeenInode>,
}

/// A file, a directory or a link that was seen.
struct SeenInode {
    /// Held, so that its number is nobody else's.
    _held: File,
    durable: DurableContent,
}

/// As much of a file as is there behind a power cut.
enum DurableContent {
    /// The content that was synced last, with its mode; `None`: none was.
    File(Option<(Vec<u8>, u32)>),
    /// For each name, the files that it may lead to; `None`: none.
    Directory(BTreeMap<OsString, BTreeSet<Option<InodeNumber>>>),
    /// The target, which is durable with the name.
    Link(PathBuf),
}

/// A file of a tree as a manifest describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CertainEntry {
    File { content: Vec<u8>, mode: u32 },
    Link { target: PathBuf },
}

impl SeenInode {
    /// Takes note that a file was changed since it was synced.
    fn compare(&mut self, path: &Path, metadata: &fs::Metadata) -> io::Result<()> {
        if let DurableContent::File(synced @ Some(_)) = &mut self.durable {
            let content = (fs::read(path)?, metadata.mode() & MODE_BITS);
            synced.take_if(|synced| *synced != content);
        }
        Ok(())
    }
}

impl DurableView {
    /// Looks at everything below a directory, and at itself.
    pub(super) fn look(&mut self, directory: &Path) -> io::Result<()> {
        let mut present = BTreeSet::new();
        self.look_below(directory, &mut present)?;
        for (number, seen) in &mut self.inodes {
            // Whoever removes a directory has removed everything in it before.
            if let DurableContent::Directory(names) = &mut seen.durable
                && !present.contains(number)
            {
                for may_be in names.values_mut() {
                    may_be.insert(None);
                }
            }
        }
        Ok(())
    }

    fn look_below(
        &mut self,
        directory: &Path,
        directories: &mut BTreeSet<InodeNumber>,
    ) -> io::Result<()> {
        let mut present = BTreeMap::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let (path, metadata) = (entry.path(), entry.metadata()?);
            present.insert(entry.file_name(), metadata.ino());
            if metadata.is_dir() {
                self.look_below(&path, directories)?;
            } else if let Some(seen) = self.inodes.get_mut(&metadata.ino()) {
                seen.compare(&path, &metadata)?;
            } else {
                let durable = if metadata.is_symlink() {
                    DurableContent::Link(fs::read_link(&path)?)
                } else {
                    DurableContent::File(None)
                };
                self.insert(&path, metadata.ino(), durable)?;
            }
        }
        let number = fs::metadata(directory)?.ino();
        directories.insert(number);
        if !self.inodes.contains_key(&number) {
            let names = BTreeMap::new();
            self.insert(directory, number, DurableContent::Directory(names))?;
        }
        for (name, may_be) in self.names_of(number).into_iter().flatten() {
            if !present.contains_key(name) {
                may_be.insert(None);
            }
        }
        for (name, file) in present {
            if let Some(names) = self.names_of(number) {
                // A name that was not there before may be lost again.
                let may_be = names.entry(name).or_insert_with(|| BTreeSet::from([None]));
                may_be.insert(Some(file));
            }
        }
        Ok(())
    }

    fn insert(
        &mut self,
        path: &Path,
        number: InodeNumber,
        durable: DurableContent,
    ) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW;
        let held = options.read(true).custom_flags(flags.bits()).open(path)?;
        let seen = SeenInode {
            _held: held,
            durable,
        };
        self.inodes.insert(number, seen);
        Ok(())
    }

    fn names_of(
        &mut self,
        number: InodeNumber,
    ) -> Option<&mut BTreeMap<OsString, BTreeSet<Option<InodeNumber>>>> {
        match self.inodes.get_mut(&number) {
            Some(SeenInode {
                durable: DurableContent::Directory(names),
                ..
            }) => Some(names),
            _ => None,
        }
    }

    /// Takes note that a file was synced, with its content and mode as they are.
    pub(super) fn sync_file(&mut self, path: &Path) -> io::Result<()> {
        let metadata = fs::metadata(path)?;
        let content = (fs::read(path)?, metadata.mode() & MODE_BITS);
        if let Some(seen) = self.inodes.get_mut(&metadata.ino()) {
            seen.durable = DurableContent::File(Some(content));
        }
        Ok(())
    }

    /// Takes note that a directory was synced, with its names as they are.
    pub(super) fn sync_directory(&mut self, path: &Path) -> io::Result<()> {
        let mut present = BTreeMap::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let number = entry.metadata()?.ino();
            present.insert(entry.file_name(), BTreeSet::from([Some(number)]));
        }
        if let Some(names) = self.names_of(fs::metadata(path)?.ino()) {
            *names = present;
        }
        Ok(())
    }

    /// Returns the names that a directory may have behind a power cut, with the files that each may lead to.
    pub(super) fn names(
        &self,
        directory: &Path,
    ) -> io::Result<Vec<(String, BTreeSet<Option<InodeNumber>>)>> {
        let seen = self.inodes.get(&fs::metadata(directory)?.ino());
        let Some(DurableContent::Directory(names)) = seen.map(|seen| &seen.durable) else {
            return Ok(Vec::new());
        };
        let names = names
            .iter()
            .map(|(name, may_be)| (name.to_string_lossy().into_owned(), may_be.clone()));
        Ok(names.collect())
    }

    /// Returns the target of a link.
    pub(super) fn target(&self, number: InodeNumber) -> Option<&Path> {
        match &self.inodes.get(&number)?.durable {
            DurableContent::Link(target) => Some(target),
            _ => None,
        }
    }

    /// Returns everything in a tree that is there behind every power cut.
    ///
    /// # Errors
    ///
    /// The first path that may be there or not, or whose content may not be.
    pub(super) fn certain_tree(&self, top: InodeNumber) -> Result<CertainTree, String> {
        let mut tree = CertainTree::new();
        self.collect(top, Path::new(""), &mut tree)?;
        Ok(tree)
    }

    fn collect(
        &self,
        number: InodeNumber,
        at: &Path,
        tree: &mut CertainTree,
    ) -> Result<(), String> {
        let seen = self.inodes.get(&number);
        let seen = seen.ok_or_else(|| format!("{} was never seen", at.display()))?;
        match &seen.durable {
            DurableContent::Directory(names) => {
                for (name, may_be) in names {
                    let path = at.join(name);
                    match may_be.iter().collect::<Vec<_>>()[..] {
                        [None] => {}
                        [Some(number)] => self.collect(*number, &path, tree)?,
                        _ => return Err(format!("the name {} is not durable", path.display())),
                    }
                }
            }
            DurableContent::File(synced) => {
                let synced = synced.clone();
                let (content, mode) =
                    synced.ok_or_else(|| format!("{} is not durable", at.display()))?;
                tree.insert(at.to_owned(), CertainEntry::File { content, mode });
            }
            DurableContent::Link(target) => {
                let target = target.clone();
                tree.insert(at.to_owned(), CertainEntry::Link { target });
            }
        }
        Ok(())
    }
}
