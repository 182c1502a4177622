//! Paths of modules, and the module that a path in the source leads to.

use std::collections::{BTreeMap, BTreeSet};

/// A module's path within its crate; empty for the root.
pub(super) type ModulePath = Vec<String>;

/// A crate's modules, and the names that they import.
#[derive(Default)]
pub(super) struct PathResolver {
    pub(super) modules: BTreeSet<ModulePath>,
    /// By module and name: the path that the name stands for there.
    pub(super) aliases: BTreeMap<(ModulePath, String), Vec<String>>,
}

impl PathResolver {
    /// Returns the module that defines what the path leads to, through imports that are exported
    /// again; nothing if it leads out of the crate.
    pub(super) fn resolve(&self, from: &ModulePath, path: &[String]) -> Option<ModulePath> {
        self.follow(from, path, ALIASES_MOST)
    }

    fn follow(&self, from: &ModulePath, path: &[String], aliases: usize) -> Option<ModulePath> {
        let (mut module, mut rest) = self.start(from, path)?;
        while let [name, after @ ..] = rest {
            let inner = child(&module, name);
            if !self.modules.contains(&inner) {
                break;
            }
            (module, rest) = (inner, after);
        }
        let [name, after @ ..] = rest else {
            return Some(module);
        };
        let alias = self.aliases.get(&(module.clone(), name.clone()));
        let Some(alias) = alias.filter(|_| aliases > 0) else {
            return Some(module);
        };
        let path = [alias.as_slice(), after].concat();
        // What the module has from another crate is its own to give.
        self.follow(&module, &path, aliases - 1).or(Some(module))
    }

    /// Returns the module where the path starts, and what is left of the path.
    fn start<'a>(
        &self,
        from: &ModulePath,
        path: &'a [String],
    ) -> Option<(ModulePath, &'a [String])> {
        let [first, after @ ..] = path else {
            return None;
        };
        match first.as_str() {
            "crate" => Some((ModulePath::new(), after)),
            "self" => Some((from.clone(), after)),
            "super" => {
                let (mut module, mut rest) = (from.clone(), path);
                while let ["super", after @ ..] = rest
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .as_slice()
                {
                    module.pop()?;
                    rest = &rest[rest.len() - after.len()..];
                }
                Some((module, rest))
            }
            name => self
                .modules
                .contains(&child(from, name))
                .then(|| (from.clone(), path)),
        }
    }
}

fn child(module: &ModulePath, name: &str) -> ModulePath {
    let mut inner = module.clone();
    inner.push(name.to_owned());
    inner
}

/// The most imports that are followed from one to the next.
const ALIASES_MOST: usize = 8;
