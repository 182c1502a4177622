//! Imports between modules that stand side by side.
//!
//! A module and what is below it are one there: parents are made of their children, and children
//! may know their parent. So an import counts for the two neighbours that it leads from and to.

use super::module_imports::ModuleImports;
use super::module_paths::{ModulePath, PathResolver};
use super::source_tree::SourceFile;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One module that has a file.
pub(super) struct ModuleFile<'a> {
    pub(super) module: &'a ModulePath,
    pub(super) file: &'a SourceFile,
    pub(super) imports: &'a ModuleImports,
}

/// A crate's modules, and the neighbours that each imports.
#[derive(Default)]
pub(super) struct ModuleGraph {
    /// By importing module and imported: the file and line of the first import.
    pub(super) imports: BTreeMap<ModulePath, BTreeMap<ModulePath, (PathBuf, usize)>>,
}

impl ModuleGraph {
    /// Relates the files of one crate.
    pub(super) fn of(files: &[ModuleFile<'_>]) -> Self {
        let tests = files.iter().flat_map(|file| &file.imports.tests);
        let tests: BTreeSet<_> = tests.map(Vec::as_slice).collect();
        let is_test =
            |module: &ModulePath| (0..=module.len()).any(|end| tests.contains(&module[..end]));
        let files = files.iter().filter(|file| !is_test(file.module));
        let mut resolver = PathResolver::default();
        for ModuleFile {
            module, imports, ..
        } in files.clone()
        {
            resolver.modules.insert((*module).clone());
            resolver.modules.extend(imports.inline.iter().cloned());
            resolver.aliases.extend(imports.aliases.clone());
        }
        let mut graph = Self::default();
        for file in files {
            graph.insert(file, &resolver);
        }
        graph
    }

    fn insert(&mut self, file: &ModuleFile<'_>, resolver: &PathResolver) {
        for named in &file.imports.named {
            let imported = resolver.resolve(&named.from, &named.path);
            let Some((from, to)) = imported.and_then(|to| neighbours(&named.from, &to)) else {
                continue;
            };
            let from = self.imports.entry(from).or_default();
            from.entry(to)
                .or_insert_with(|| (file.file.path.clone(), named.line));
        }
    }
}

/// Returns the modules side by side above the two; nothing if one is above the other.
fn neighbours(from: &ModulePath, to: &ModulePath) -> Option<(ModulePath, ModulePath)> {
    let same = from.iter().zip(to).take_while(|(from, to)| from == to);
    let end = same.count() + 1;
    Some((from.get(..end)?.to_vec(), to.get(..end)?.to_vec()))
}

/// Returns the crate's source directory and the module's path in it; nothing for a file of tests,
/// and outside of `src`.
pub(super) fn module_path(file: &SourceFile) -> Option<(PathBuf, ModulePath)> {
    let within = file
        .path_in_package()
        .strip_prefix("src")
        .ok()?
        .with_extension("");
    let mut parts: ModulePath = within
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if parts.iter().any(|part| part == "tests") {
        return None;
    }
    let mut directory = Path::new(&file.package).join("src");
    if parts.first().is_some_and(|part| part == "bin") {
        directory.extend(parts.drain(..parts.len().min(2)));
    }
    if let [root] = parts.as_slice()
        && ["lib", "main"].contains(&root.as_str())
    {
        parts.clear();
    }
    parts.pop_if(|last| last == "mod");
    Some((directory, parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<(&str, &str)>) {
        let file = SourceFile {
            path: path.into(),
            package: "a".to_owned(),
            text: String::new(),
        };
        let expected = expected.map(|(directory, module)| {
            let module = module.split("::").filter(|part| !part.is_empty());
            (directory.into(), module.map(ToOwned::to_owned).collect())
        });
        assert_eq!(module_path(&file), expected, "{path}");
    }

    #[test]
    fn a_file_is_a_module_of_its_crate() {
        check("a/src/lib.rs", Some(("a/src", "")));
        check("a/src/b.rs", Some(("a/src", "b")));
        check("a/src/b/c.rs", Some(("a/src", "b::c")));
        check("a/src/b/mod.rs", Some(("a/src", "b")));
        check("a/src/bin/d.rs", Some(("a/src/bin/d", "")));
        check("a/src/bin/d/main.rs", Some(("a/src/bin/d", "")));
        check("a/src/bin/d/e.rs", Some(("a/src/bin/d", "e")));
    }

    #[test]
    fn a_test_is_none() {
        for path in [
            "a/tests/b.rs",
            "a/src/b/tests.rs",
            "a/src/b/tests/c.rs",
            "a/build.rs",
        ] {
            check(path, None);
        }
    }
}
