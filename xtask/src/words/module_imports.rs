//! Paths that a file names, as far as they may lead to modules of its own crate; tests apart.

use super::module_paths::ModulePath;
use std::collections::BTreeMap;
use syn::visit::{self, Visit};

/// A file's names for modules of its crate.
#[derive(Default)]
pub(super) struct ModuleImports {
    pub(super) named: Vec<NamedPath>,
    /// By module and name: the path that an imported name stands for.
    pub(super) aliases: BTreeMap<(ModulePath, String), Vec<String>>,
    /// Modules within the file.
    pub(super) inline: Vec<ModulePath>,
    /// Modules that only tests have.
    pub(super) tests: Vec<ModulePath>,
}

/// A path, and where it is named.
pub(super) struct NamedPath {
    /// The naming module.
    pub(super) from: ModulePath,
    pub(super) path: Vec<String>,
    pub(super) line: usize,
}

impl ModuleImports {
    /// Reads a module's file.
    pub(super) fn read(module: &ModulePath, file: &syn::File) -> Self {
        let mut reader = ImportReader {
            here: module.clone(),
            imports: Self::default(),
        };
        reader.visit_file(file);
        reader.imports
    }
}

/// A walk through one file.
struct ImportReader {
    /// The module that it has come to.
    here: ModulePath,
    imports: ModuleImports,
}

impl ImportReader {
    fn read_use(&mut self, tree: &syn::UseTree, mut path: Vec<String>) {
        let (name, last) = match tree {
            syn::UseTree::Path(inner) => {
                path.push(inner.ident.to_string());
                return self.read_use(&inner.tree, path);
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.read_use(tree, path.clone());
                }
                return;
            }
            syn::UseTree::Glob(star) => return self.push(path, star.star_token.spans[0]),
            syn::UseTree::Name(name) => (&name.ident, &name.ident),
            syn::UseTree::Rename(renamed) => (&renamed.rename, &renamed.ident),
        };
        // `use super::{self, …}` names the module itself.
        if last != "self" {
            path.push(last.to_string());
        }
        let alias = (self.here.clone(), name.to_string());
        self.imports.aliases.insert(alias, path.clone());
        self.push(path, last.span());
    }

    fn push(&mut self, path: Vec<String>, at: proc_macro2::Span) {
        self.imports.named.push(NamedPath {
            from: self.here.clone(),
            path,
            line: at.start().line,
        });
    }
}

impl<'ast> Visit<'ast> for ImportReader {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.here.push(item.ident.to_string());
        if is_for_tests(&item.attrs) {
            self.imports.tests.push(self.here.clone());
        } else if item.content.is_some() {
            self.imports.inline.push(self.here.clone());
            visit::visit_item_mod(self, item);
        }
        self.here.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_for_tests(&item.attrs) {
            self.read_use(&item.tree, Vec::new());
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let names = path.segments.iter().map(|part| part.ident.to_string());
            self.push(names.collect(), path.segments[0].ident.span());
        }
        visit::visit_path(self, path);
    }
}

/// True behind `#[cfg(test)]`, and behind `#[cfg(all(test, …))]`.
fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = attribute.meta.require_list();
        let condition = condition.map(|list| list.tokens.to_string());
        attribute.path().is_ident("cfg")
            && condition.is_ok_and(|text| text == "test" || text.starts_with("all (test"))
    })
}
