//! The difference between two generations.

use crate::manifest::{TreeFile, TreeLink};
use crate::{Manifest, TreePath};
use std::collections::BTreeMap;

/// The fate of a path from one generation to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathChange<'m> {
    /// It is new.
    Added(TreeEntry<'m>),
    /// It is gone.
    Removed(TreeEntry<'m>),
    /// It is another: content, permissions, target or kind.
    Changed(TreeEntry<'m>, TreeEntry<'m>),
}

/// A file or link at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeEntry<'m> {
    /// A regular file.
    File(&'m TreeFile),
    /// A symbolic link.
    Link(&'m TreeLink),
}

impl TreeEntry<'_> {
    /// The length in bytes of a file, 0 of a link.
    #[must_use]
    pub const fn size(self) -> u64 {
        match self {
            Self::File(file) => file.size,
            Self::Link(_) => 0,
        }
    }
}

/// Returns the paths that differ, in order.
#[must_use]
pub fn difference<'m>(old: &'m Manifest, new: &'m Manifest) -> Vec<(&'m TreePath, PathChange<'m>)> {
    let (old, new) = (entries(old), entries(new));
    let mut changes = Vec::new();
    for (path, before) in &old {
        match new.get(path) {
            None => changes.push((*path, PathChange::Removed(*before))),
            Some(after) if after != before => {
                changes.push((*path, PathChange::Changed(*before, *after)));
            }
            Some(_) => {}
        }
    }
    let added = new.iter().filter(|(path, _)| !old.contains_key(*path));
    changes.extend(added.map(|(path, after)| (*path, PathChange::Added(*after))));
    changes.sort_by_key(|(path, _)| *path);
    changes
}

/// Returns the first component, of `new` or of `old`, that takes effect at a reboot only and differs between them.
#[must_use]
pub fn deferred_component<'m>(old: &'m Manifest, new: &'m Manifest) -> Option<&'m str> {
    let changes = difference(old, new);
    // What was one does not take effect at once because the new manifest has forgotten it.
    let components = new.reboot_components.iter();
    let mut components = components.chain(&old.reboot_components);
    let component = components.find(|component| {
        let paths = &component.paths;
        changes
            .iter()
            .any(|(path, _)| paths.iter().any(|directory| path.is_within(directory)))
    });
    component.map(|component| component.name.as_str())
}

fn entries(manifest: &Manifest) -> BTreeMap<&TreePath, TreeEntry<'_>> {
    let files = manifest.files.iter();
    let files = files.map(|file| (&file.path, TreeEntry::File(file)));
    let links = manifest.links.iter();
    let links = links.map(|link| (&link.path, TreeEntry::Link(link)));
    files.chain(links).collect()
}

#[cfg(test)]
mod tests;
