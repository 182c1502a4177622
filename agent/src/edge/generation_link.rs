//! Links to trees of generations: `current`, to the one that the board runs, and `services`, to the one whose service files
//! are read. They differ while a reboot has to come between.

use super::durable_calls;
use crate::core::generation::recovery::WorldView;
use lastword_protocol::Generation;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The link's name in the directory of generations.
pub const CURRENT: &str = "current";
/// The name of the link to the tree whose service files are read.
pub const SERVICES: &str = "services";
/// The directory of the trees, in the directory of generations.
pub(super) const TREES: &str = "trees";
/// The end of the name of a link that is to take another one's place.
const NEXT: &str = ".new";

/// The link in a directory of generations.
#[derive(Clone, Debug)]
pub struct CurrentLink {
    directory: PathBuf,
    name: &'static str,
}

impl CurrentLink {
    /// The link in `directory`.
    #[must_use]
    pub const fn new(directory: PathBuf) -> Self {
        let name = CURRENT;
        Self { directory, name }
    }

    /// The link to the tree whose service files are read.
    #[must_use]
    pub const fn of_services(directory: PathBuf) -> Self {
        let name = SERVICES;
        Self { directory, name }
    }

    /// The path of the link, which services may have in theirs.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.directory.join(self.name)
    }

    /// The path of a generation's tree, to which the link leads if that is the current one.
    #[must_use]
    pub fn tree(&self, generation: Generation) -> PathBuf {
        self.directory.join(TREES).join(tree_name(generation))
    }

    /// Moves the link to the tree of a generation, atomically; `None` removes it. On return that is durable.
    ///
    /// # Errors
    ///
    /// Whatever the disk says. The link may have been moved nevertheless: read it back.
    pub fn switch(&self, to: Option<Generation>) -> io::Result<()> {
        match to {
            Some(generation) => {
                let next = self.directory.join(format!("{}{NEXT}", self.name));
                remove_if_there(&next)?;
                symlink(Path::new(TREES).join(tree_name(generation)), &next)?;
                durable_calls::rename(&next, &self.path())?;
            }
            None => remove_if_there(&self.path())?,
        }
        durable_calls::sync_directory(&self.directory)
    }

    /// Reads the link. What is no link, leads nowhere, or leads to what is no tree of a generation, dangles.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    pub fn read(&self) -> io::Result<WorldView> {
        let target = match fs::read_link(self.path()) {
            Ok(target) => target,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(WorldView::Absent),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                return Ok(WorldView::Dangling);
            }
            Err(error) => return Err(error),
        };
        let name = target.strip_prefix(TREES).ok().and_then(Path::to_str);
        let generation = name.and_then(|name| name.parse().ok());
        let is_there = fs::symlink_metadata(self.directory.join(&target));
        Ok(match (generation, is_there) {
            (Some(generation), Ok(tree)) if tree.is_dir() => WorldView::Current(generation),
            _ => WorldView::Dangling,
        })
    }
}

/// Returns the name of a generation's tree.
pub(super) fn tree_name(generation: Generation) -> String {
    generation.to_string()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Generation = Generation([1; 32]);

    fn link() -> (tempfile::TempDir, CurrentLink) {
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path().join(TREES).join(tree_name(ONE));
        fs::create_dir_all(tree).unwrap();
        let link = CurrentLink::new(directory.path().to_owned());
        (directory, link)
    }

    #[test]
    fn a_link_reads_back_as_it_was_switched() {
        let (_directory, link) = link();
        assert_eq!(link.read().unwrap(), WorldView::Absent);
        for _ in 0..2 {
            link.switch(Some(ONE)).unwrap();
            assert_eq!(link.read().unwrap(), WorldView::Current(ONE));
        }
        for _ in 0..2 {
            link.switch(None).unwrap();
            assert_eq!(link.read().unwrap(), WorldView::Absent);
        }
    }

    #[test]
    fn what_is_no_tree_dangles() {
        let (directory, link) = link();
        link.switch(Some(Generation([2; 32]))).unwrap();
        assert_eq!(link.read().unwrap(), WorldView::Dangling, "no tree");
        let elsewhere = directory.path().join("elsewhere");
        fs::create_dir_all(&elsewhere).unwrap();
        for target in [
            &*elsewhere,
            Path::new("trees"),
            Path::new("trees/x"),
            Path::new(".."),
        ] {
            fs::remove_file(link.path()).unwrap();
            symlink(target, link.path()).unwrap();
            assert_eq!(
                link.read().unwrap(),
                WorldView::Dangling,
                "{}",
                target.display()
            );
        }
        fs::remove_file(link.path()).unwrap();
        fs::write(link.path(), "a file").unwrap();
        assert_eq!(link.read().unwrap(), WorldView::Dangling, "a file");
        // And is put right by the next switch.
        link.switch(Some(ONE)).unwrap();
        assert_eq!(link.read().unwrap(), WorldView::Current(ONE));
    }

    #[test]
    fn a_link_that_was_left_half_made_is_in_nobodys_way() {
        let (directory, link) = link();
        symlink("trees/x", directory.path().join("current.new")).unwrap();
        link.switch(Some(ONE)).unwrap();
        assert_eq!(link.read().unwrap(), WorldView::Current(ONE));
    }
}
