//! Circles of modules: none of those in one can be understood without the others.

use super::finding::{CountRule, CountedPlace};
use super::module_graph::{ModuleFile, ModuleGraph};
use super::module_paths::ModulePath;
use std::collections::{BTreeSet, VecDeque};

/// Finds the modules of one crate whose imports lead back to them.
pub(super) fn find(files: &[ModuleFile<'_>]) -> Vec<CountedPlace> {
    let Some(first) = files.first() else {
        return Vec::new();
    };
    let package = &first.file.package;
    let graph = ModuleGraph::of(files);
    let circles = graph
        .imports
        .keys()
        .filter_map(|module| circle(&graph, module));
    circles.map(|way| place(&graph, package, &way)).collect()
}

/// Returns a shortest way from the module back to itself.
fn circle(graph: &ModuleGraph, start: &ModulePath) -> Option<Vec<ModulePath>> {
    let mut seen = BTreeSet::new();
    let mut ways = VecDeque::from([vec![start.clone()]]);
    while let Some(way) = ways.pop_front() {
        let imports = way.last().and_then(|last| graph.imports.get(last));
        for next in imports.into_iter().flat_map(|imports| imports.keys()) {
            if next == start {
                return Some(way);
            }
            if seen.insert(next) {
                let mut longer = way.clone();
                longer.push(next.clone());
                ways.push_back(longer);
            }
        }
    }
    None
}

/// `way`: at least two modules, each of which imports the next and the last one the first.
fn place(graph: &ModuleGraph, package: &str, way: &[ModulePath]) -> CountedPlace {
    let names: Vec<_> = way
        .iter()
        .chain(&way[..1])
        .map(|module| module.join("::"))
        .collect();
    let (file, line) = &graph.imports[&way[0]][&way[1]];
    CountedPlace {
        rule: CountRule::ModuleCircle,
        package: package.to_owned(),
        file: file.clone(),
        line: *line,
        subject: names[0].clone(),
        message: format!("circle of modules: {}", names.join(" -> ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::module_graph::module_path;
    use super::super::module_imports::ModuleImports;
    use super::super::source_tree::SourceFile;
    use super::*;

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let files: Vec<_> = files
            .iter()
            .map(|(name, text)| {
                let file = SourceFile {
                    path: format!("a/src/{name}.rs").into(),
                    package: "a".to_owned(),
                    text: String::new(),
                };
                let (_, module) = module_path(&file).unwrap();
                let imports = ModuleImports::read(&module, &syn::parse_file(text).unwrap());
                (module, file, imports)
            })
            .collect();
        let modules: Vec<_> = files
            .iter()
            .map(|(module, file, imports)| ModuleFile {
                module,
                file,
                imports,
            })
            .collect();
        let found = find(&modules);
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn two_modules_that_import_each_other_are_a_circle() {
        let expected = [
            "a/src/b.rs:2: circle of modules: b -> c -> b",
            "a/src/c.rs:1: circle of modules: c -> b -> c",
        ];
        check(
            &[
                ("b", "\nuse crate::c::Thing;"),
                ("c", "use super::{b, std};"),
            ],
            &expected,
        );
        check(
            &[
                ("b", "\nfn f() { crate::c::g() }"),
                ("c", "use crate::b::*;"),
            ],
            &expected,
        );
    }

    #[test]
    fn a_longer_way_back_is_a_circle_too_and_a_row_is_none() {
        let row = [("b", "use crate::c;"), ("c", "use crate::d;"), ("d", "")];
        check(&row, &[]);
        let back = [row[0], row[1], ("d", "use crate::b;")];
        let expected = [
            "a/src/b.rs:1: circle of modules: b -> c -> d -> b",
            "a/src/c.rs:1: circle of modules: c -> d -> b -> c",
            "a/src/d.rs:1: circle of modules: d -> b -> c -> d",
        ];
        check(&back, &expected);
    }

    #[test]
    fn a_parent_and_its_children_may_know_each_other() {
        check(
            &[("b", "mod c;\nuse c::Part;"), ("b/c", "use super::Whole;")],
            &[],
        );
    }

    #[test]
    fn what_children_import_is_imported_by_their_parent() {
        check(
            &[
                ("b", "mod c;"),
                ("b/c", "use crate::d;"),
                ("d", "use crate::b;"),
            ],
            &[
                "a/src/b/c.rs:1: circle of modules: b -> d -> b",
                "a/src/d.rs:1: circle of modules: d -> b -> d",
            ],
        );
    }

    #[test]
    fn what_is_exported_again_belongs_to_the_module_that_defines_it() {
        let front = ("e", "mod b;\nmod c;\npub use b::Thing;");
        let other = ("e/c", "use super::Thing as Other;");
        check(
            &[front, ("e/b", "use super::c::x;"), other],
            &[
                "a/src/e/b.rs:1: circle of modules: e::b -> e::c -> e::b",
                "a/src/e/c.rs:1: circle of modules: e::c -> e::b -> e::c",
            ],
        );
        check(&[front, ("e/b", ""), other], &[]);
    }

    #[test]
    fn tests_stand_apart() {
        check(
            &[
                (
                    "b",
                    "#[cfg(test)]\nmod tests { use crate::c; }\n#[cfg(test)]\nuse crate::c;",
                ),
                ("c", "use crate::b;"),
            ],
            &[],
        );
        check(
            &[
                ("lib", "#[cfg(test)]\nmod fake;\nmod c;"),
                ("fake", "use crate::c;"),
                ("c", "#[cfg(not(test))]\nuse crate::fake;"),
            ],
            &[],
        );
    }
}
