//! Symbolic links of a tree: none leads out of it, by itself or by way of another.

use super::ManifestFields;
use crate::TreePath;
use std::collections::HashMap;

/// The longest chain of links that is followed: that of Linux (`path_resolution(7)`).
const LINK_CHAIN_MAX: usize = 40;

/// The longest target of a link, in bytes.
const TARGET_BYTES_MAX: usize = 1_024;

/// The links of a tree, by their paths.
pub(super) struct TreeLinks<'m>(HashMap<&'m str, &'m str>);

impl<'m> TreeLinks<'m> {
    pub(super) fn of(fields: &'m ManifestFields) -> Self {
        let links = fields.links.iter();
        let links = links.map(|link| (link.path.as_str(), link.target.as_str()));
        Self(links.collect())
    }

    /// Resolves the target of a link at `at`, name by name as the kernel does. Returns its path in the tree, which may be
    /// another link; or the fault of the target. A target that passes through another link is refused, also where
    /// `..` seems to take that back: the kernel goes up from where the link leads.
    pub(super) fn resolve(&self, at: &TreePath, target: &str) -> Result<TreePath, String> {
        if !(1..=TARGET_BYTES_MAX).contains(&target.len()) {
            return Err(format!("is not from 1 to {TARGET_BYTES_MAX} bytes long"));
        }
        if target.starts_with('/') {
            return Err("is absolute, and leads out of the tree".to_owned());
        }
        let mut names: Vec<&str> = at.as_str().split('/').collect();
        names.pop();
        let mut is_first = true;
        for name in target.split('/') {
            let so_far = names.join("/");
            if !is_first && self.0.contains_key(so_far.as_str()) {
                return Err(format!("passes through the link {so_far}"));
            }
            is_first = false;
            match name {
                "" | "." => {}
                ".." => {
                    names.pop().ok_or("leads out of the tree")?;
                }
                name => names.push(name),
            }
        }
        if names.is_empty() {
            return Err("leads to the top of the tree".to_owned());
        }
        TreePath::new(names.join("/")).map_err(|error| error.to_string())
    }

    /// Follows a path, which may be a link, to what is no link; `None` if links lead in a circle.
    pub(super) fn follow(&self, path: &TreePath) -> Option<TreePath> {
        let mut path = path.clone();
        for _ in 0..LINK_CHAIN_MAX {
            let Some(target) = self.0.get(path.as_str()) else {
                return Some(path);
            };
            path = self.resolve(&path, target).ok()?;
        }
        None
    }
}
