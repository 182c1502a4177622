//! The files of generations on the desk that hold contents: what is in them need not be moved.

use lastword_generation::TreePath;
use lastword_generation::archive::GenerationArchive;
use lastword_generation::delta::ExpectedFile;
use lastword_protocol::{Generation, ObjectHash};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The ending of the files that are looked at.
const GENERATION_SUFFIX: &str = "gen";

/// The files of generations that hold contents.
#[derive(Default)]
pub(super) struct BaseArchives(Vec<BaseArchive>);

struct BaseArchive {
    archive: GenerationArchive,
    contents: HashMap<ObjectHash, (TreePath, u64)>,
}

impl BaseArchives {
    /// Opens the generations that are named, and those beside a file; but not `left_out`.
    pub(super) fn find(named: &[PathBuf], file: &Path, left_out: Option<Generation>) -> Self {
        let directory = file.parent().filter(|it| *it != Path::new(""));
        let directory = directory.unwrap_or(Path::new("."));
        let beside = fs::read_dir(directory).into_iter().flatten().flatten();
        let beside = beside
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|it| it == GENERATION_SUFFIX));
        let paths = named.iter().cloned().chain(beside);
        Self(
            paths
                .filter_map(|path| BaseArchive::open(&path, left_out))
                .collect(),
        )
    }

    /// Reads a content, if one of them has it and it is not too long.
    pub(super) fn read(&mut self, content: ObjectHash, size_max: u64) -> Option<Vec<u8>> {
        self.0.iter_mut().find_map(|base| {
            let (path, size) = base.contents.get(&content)?;
            if size_max < *size {
                return None;
            }
            let expected = ExpectedFile {
                hash: content,
                size: *size,
            };
            let mut bytes = Vec::new();
            let extracted = base.archive.extract(path.as_str(), expected, &mut bytes);
            extracted.is_ok().then_some(bytes)
        })
    }
}

impl BaseArchive {
    /// Opens a generation. Whatever cannot be used is of no use here.
    fn open(path: &Path, left_out: Option<Generation>) -> Option<Self> {
        let archive = GenerationArchive::open(path).ok()?;
        if Some(archive.generation()) == left_out {
            return None;
        }
        let manifest = archive.manifest().ok()?;
        let files = manifest.files.iter();
        let contents = files.map(|file| (file.sha256, (file.path.clone(), file.size)));
        Some(Self {
            archive,
            contents: contents.collect(),
        })
    }
}
