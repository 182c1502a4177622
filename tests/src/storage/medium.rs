//! The content of a disk: as its readers see it, and as it is after a power cut.
//!
//! Names and contents become durable apart from each other, in any order: whoever syncs a file has not made its
//! name durable, and a name that is durable may lead to a file that has lost its content.

use crate::dice::Dice;
use std::collections::BTreeMap;

/// The files of a disk after a cut, all of them durable.
pub(super) type DiskImage = BTreeMap<String, Vec<u8>>;

/// The files and names of a disk, with what is pending.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct DiskMedium {
    files: Vec<FileState>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    pending_names: Vec<NameChange>,
}

/// A file, whatever its name.
#[derive(Clone, Debug, Default, Hash)]
struct FileState {
    /// The content that readers see.
    cached: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<PendingWrite>,
}

#[derive(Clone, Debug, Hash)]
struct PendingWrite {
    offset: usize,
    bytes: Vec<u8>,
}

#[derive(Clone, Debug, Hash)]
enum NameChange {
    Unlink(String),
    Link(String, usize),
    Rename {
        from: String,
        to: String,
        file: usize,
    },
}

/// The fate of a write that was pending when the power failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriteFate {
    Lost,
    Kept,
    FirstByte,
    Half,
    AllButLast,
    /// The file has its length, and zeros for content.
    Zeros,
    /// The later half is there, the earlier is zeros.
    LaterHalf,
}

const FATES: [WriteFate; 7] = [
    WriteFate::Lost,
    WriteFate::Kept,
    WriteFate::FirstByte,
    WriteFate::Half,
    WriteFate::AllButLast,
    WriteFate::Zeros,
    WriteFate::LaterHalf,
];

/// The most changes of names of which every subset is tried.
const SUBSET_NAMES: usize = 4;

impl DiskMedium {
    /// Returns a disk on which these files are durable.
    pub(super) fn from_image(image: &DiskImage) -> Self {
        let mut medium = Self::default();
        for (name, content) in image {
            let number = medium.files.len();
            medium.files.push(FileState {
                cached: content.clone(),
                durable: content.clone(),
                pending: Vec::new(),
            });
            medium.names.insert(name.clone(), number);
        }
        medium.durable_names = medium.names.clone();
        medium
    }

    pub(super) fn read(&self, name: &str) -> Option<&[u8]> {
        let number = *self.names.get(name)?;
        Some(&self.files[number].cached)
    }

    /// Returns every file that readers see.
    pub(super) fn image(&self) -> DiskImage {
        let content = |number: &usize| self.files[*number].cached.clone();
        let files = self.names.iter();
        files
            .map(|(name, number)| (name.clone(), content(number)))
            .collect()
    }

    /// Returns the length of every file that readers see.
    pub(super) fn lengths(&self) -> Vec<(&str, usize)> {
        let files = self.names.iter();
        files
            .map(|(name, number)| (name.as_str(), self.files[*number].cached.len()))
            .collect()
    }

    pub(super) fn unlink(&mut self, name: &str) {
        if self.names.remove(name).is_some() {
            self.pending_names.push(NameChange::Unlink(name.to_owned()));
        }
    }

    pub(super) fn create(&mut self, name: &str) {
        let number = self.files.len();
        self.files.push(FileState::default());
        self.names.insert(name.to_owned(), number);
        self.pending_names
            .push(NameChange::Link(name.to_owned(), number));
    }

    pub(super) fn append(&mut self, name: &str, bytes: &[u8]) {
        let Some(file) = self.file(name) else {
            return;
        };
        if bytes.is_empty() {
            return;
        }
        file.pending.push(PendingWrite {
            offset: file.cached.len(),
            bytes: bytes.to_vec(),
        });
        file.cached.extend(bytes);
    }

    /// Renames a file; `false` if there is none.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> bool {
        let Some(file) = self.names.remove(from) else {
            return false;
        };
        self.names.insert(to.to_owned(), file);
        self.pending_names.push(NameChange::Rename {
            from: from.to_owned(),
            to: to.to_owned(),
            file,
        });
        true
    }

    /// Makes a file's content durable; `false` if there is none.
    pub(super) fn sync(&mut self, name: &str) -> bool {
        let Some(file) = self.file(name) else {
            return false;
        };
        for write in std::mem::take(&mut file.pending) {
            write.apply(&mut file.durable, WriteFate::Kept);
        }
        true
    }

    /// Takes a file's pending content for written, as Linux does once it has reported an error.
    pub(super) fn forget_data(&mut self, name: &str) {
        if let Some(file) = self.file(name) {
            file.pending.clear();
        }
    }

    pub(super) fn sync_names(&mut self) {
        for change in std::mem::take(&mut self.pending_names) {
            change.apply(&mut self.durable_names);
        }
    }

    /// Takes pending names for written.
    pub(super) fn forget_names(&mut self) {
        self.pending_names.clear();
    }

    fn file(&mut self, name: &str) -> Option<&mut FileState> {
        let number = *self.names.get(name)?;
        self.files.get_mut(number)
    }

    /// Returns what may be left when the power fails now, some of it twice: nothing of what is pending, all of it, many subsets of
    /// the names, and `mixtures` of all that.
    pub(super) fn some_remains(&self, dice: &mut Dice, mixtures: u32) -> Vec<DiskImage> {
        let names = self.pending_names.len().min(63);
        let mut images = Vec::new();
        if names == 0 && self.files.iter().all(|it| it.pending.is_empty()) {
            images.push(self.image());
            return images;
        }
        let without_one = (0..names).map(|number| !(1 << number));
        for subset in without_one.chain([0, u64::MAX]) {
            images.push(self.remaining(subset, |_| WriteFate::Kept));
        }
        images.push(self.remaining(u64::MAX, |_| WriteFate::Lost));
        for _ in 0..mixtures {
            let subset = dice.roll() | dice.roll();
            let choose = |dice: &mut Dice| FATES[usize::from(dice.byte()) % FATES.len()];
            images.push(self.remaining(subset, |_| choose(dice)));
        }
        images
    }

    /// As [`Self::some_remains`], with every subset of the names, if they are few, and every way to tear writes.
    pub(super) fn all_remains(&self, dice: &mut Dice, mixtures: u32) -> Vec<DiskImage> {
        let mut images = self.some_remains(dice, mixtures);
        let names = self.pending_names.len();
        if names <= SUBSET_NAMES {
            for subset in 1..1 << names {
                for fate in [WriteFate::Lost, WriteFate::Kept] {
                    images.push(self.remaining(subset, |_| fate));
                }
            }
        }
        for fate in FATES {
            images.push(self.remaining(u64::MAX, |_| fate));
        }
        images
    }

    fn remaining(
        &self,
        kept_names: u64,
        mut fate: impl FnMut(&PendingWrite) -> WriteFate,
    ) -> DiskImage {
        let mut names = self.durable_names.clone();
        for (number, change) in self.pending_names.iter().enumerate() {
            if kept_names >> (number % 64) & 1 == 1 {
                change.apply(&mut names);
            }
        }
        let mut content = |number: usize| self.files[number].remaining(&mut fate);
        let names = names.into_iter();
        names
            .map(|(name, number)| (name, content(number)))
            .collect()
    }
}

impl FileState {
    fn remaining(&self, fate: &mut impl FnMut(&PendingWrite) -> WriteFate) -> Vec<u8> {
        let mut content = self.durable.clone();
        for write in &self.pending {
            write.apply(&mut content, fate(write));
        }
        content
    }
}

impl PendingWrite {
    fn apply(&self, content: &mut Vec<u8>, fate: WriteFate) {
        let len = self.bytes.len();
        let (from, to) = match fate {
            WriteFate::Lost => return,
            WriteFate::Kept => (0, len),
            WriteFate::FirstByte => (0, len.min(1)),
            WriteFate::Half => (0, len / 2),
            WriteFate::AllButLast => (0, len.saturating_sub(1)),
            WriteFate::Zeros => (len, len),
            WriteFate::LaterHalf => (len / 2, len),
        };
        let end = self.offset + to;
        if content.len() < end {
            content.resize(end, 0);
        }
        content[self.offset + from..end].copy_from_slice(&self.bytes[from..to]);
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Unlink(name) => {
                names.remove(name);
            }
            Self::Link(name, file) => {
                names.insert(name.clone(), *file);
            }
            Self::Rename { from, to, file } => {
                if names.get(from) == Some(file) {
                    names.remove(from);
                }
                names.insert(to.clone(), *file);
            }
        }
    }
}
