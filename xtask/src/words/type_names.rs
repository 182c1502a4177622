//! Names of types: one word where two would say more, and the same name for several things.
//!
//! Structs, enums, unions, traits and aliases count, tests among them, and what a macro's
//! invocation spells out; types that live within a function do not.

use super::finding::{CountRule, CountedPlace};
use super::source_tree::SourceFile;
use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeMap;
use syn::visit::{self, Visit};

/// Names of one word that stand for exactly one thing in the project; they count all the same
/// when they are defined twice.
const SINGLE_MEANING: [&str; 24] = [
    "Board",
    "Controller",
    "Desk",
    "Dialect",
    "Evidence",
    "Follower",
    "Frame",
    "Generation",
    "Journal",
    "Link",
    "Manifest",
    "Operation",
    "Recovered",
    "Reply",
    "Request",
    "Rig",
    "Ring",
    "Rollout",
    "Scenario",
    "Service",
    "Session",
    "Ticket",
    "Transfer",
    "Witness",
];

/// The package of a name that is defined twice: all of them.
const WORKSPACE: &str = "workspace";

/// A name at the place where it is given to a type.
pub(super) struct TypeName {
    name: String,
    line: usize,
}

/// One definition of a type.
struct TypeDefinition<'a> {
    file: &'a SourceFile,
    name: &'a str,
    line: usize,
}

/// Reads the names of a file's types.
pub(super) fn read(file: &syn::File) -> Vec<TypeName> {
    let mut collector = NameCollector::default();
    collector.visit_file(file);
    let names = collector.names.iter().map(|ident| TypeName {
        name: ident.to_string(),
        line: ident.span().start().line,
    });
    names.collect()
}

/// Finds names of one word, and each definition of a name but the first.
pub(super) fn find<'a>(
    files: impl Iterator<Item = (&'a SourceFile, &'a [TypeName])>,
) -> Vec<CountedPlace> {
    let mut by_name: BTreeMap<&str, Vec<TypeDefinition<'_>>> = BTreeMap::new();
    for (file, names) in files {
        for TypeName { name, line } in names {
            let line = *line;
            let same = by_name.entry(name).or_default();
            same.push(TypeDefinition { file, name, line });
        }
    }
    by_name
        .values()
        .flat_map(|same| one_word(same).chain(repeated(same)))
        .collect()
}

fn one_word(same: &[TypeDefinition<'_>]) -> impl Iterator<Item = CountedPlace> {
    same.iter()
        .filter(|definition| word_count(definition.name) < 2)
        .filter(|definition| same.len() > 1 || !SINGLE_MEANING.contains(&definition.name))
        .map(|definition| {
            let message = format!("type {} has a name of one word", definition.name);
            definition.place(CountRule::OneWordType, message)
        })
}

/// Each definition but the first.
fn repeated(same: &[TypeDefinition<'_>]) -> impl Iterator<Item = CountedPlace> {
    same.iter().enumerate().skip(1).map(|(at, definition)| {
        let others = same.iter().enumerate().filter(|(other, _)| *other != at);
        let others: Vec<_> = others
            .map(|(_, other)| format!("{}:{}", other.file.path.display(), other.line))
            .collect();
        let message = format!(
            "type {} is defined also at {}",
            definition.name,
            others.join(", ")
        );
        CountedPlace {
            package: WORKSPACE.to_owned(),
            ..definition.place(CountRule::RepeatedType, message)
        }
    })
}

impl TypeDefinition<'_> {
    fn place(&self, rule: CountRule, message: String) -> CountedPlace {
        CountedPlace {
            rule,
            package: self.file.package.clone(),
            file: self.file.path.clone(),
            line: self.line,
            subject: self.name.to_owned(),
            message,
        }
    }
}

/// Returns how many words a name in CamelCase has: `BoardId` two, `HTTPServer` two, `Utf8` one.
fn word_count(name: &str) -> usize {
    let letters: Vec<_> = name.chars().collect();
    let begins = |at: usize| {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let after = letters.get(at + 1);
        letters[at].is_uppercase()
            && (before.is_none_or(|letter| !letter.is_uppercase())
                || after.is_some_and(|letter| letter.is_lowercase()))
    };
    (0..letters.len()).filter(|at| begins(*at)).count()
}

/// The identifiers that define types.
#[derive(Default)]
struct NameCollector {
    names: Vec<proc_macro2::Ident>,
}

impl NameCollector {
    /// Takes what follows `struct`, `enum`, `union` and `trait` in a macro's invocation.
    fn scan(&mut self, tokens: TokenStream) {
        let mut defines = false;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if defines => {
                    self.names.push(ident);
                    defines = false;
                }
                TokenTree::Ident(ident) => {
                    defines = ["struct", "enum", "union", "trait"]
                        .iter()
                        .any(|word| ident == word);
                }
                TokenTree::Group(group) => {
                    self.scan(group.stream());
                    defines = false;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => defines = false,
            }
        }
    }
}

impl<'ast> Visit<'ast> for NameCollector {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.names.push(item.ident.clone());
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.names.push(item.ident.clone());
    }

    fn visit_item_union(&mut self, item: &'ast syn::ItemUnion) {
        self.names.push(item.ident.clone());
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.names.push(item.ident.clone());
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.names.push(item.ident.clone());
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        self.scan(item.mac.tokens.clone());
        visit::visit_item_macro(self, item);
    }

    /// Leaves out the types of a function, which are read where they are defined.
    fn visit_block(&mut self, _: &'ast syn::Block) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sources: &[&str], rule: CountRule, expected: &[&str]) {
        let names = ["a/src/a.rs", "b/src/b.rs", "b/src/c.rs"];
        let files = names.iter().zip(sources);
        let files: Vec<_> = files
            .map(|(name, text)| {
                let file = SourceFile {
                    path: name.into(),
                    package: name[..1].to_owned(),
                    text: String::new(),
                };
                (file, read(&syn::parse_file(text).unwrap()))
            })
            .collect();
        let found = find(files.iter().map(|(file, names)| (file, names.as_slice())));
        let found = found.iter().filter(|place| place.rule == rule);
        let found: Vec<_> = found.map(ToString::to_string).collect();
        assert_eq!(found, expected, "{sources:?}");
    }

    #[test]
    fn a_type_of_one_word_is_found_whatever_kind_it_is() {
        let source =
            "struct Ask;\nenum Heard {}\ntrait Told {}\ntype Room = u8;\nstruct PowerAnswer;";
        let expected = [
            "a/src/a.rs:1: type Ask has a name of one word",
            "a/src/a.rs:2: type Heard has a name of one word",
            "a/src/a.rs:4: type Room has a name of one word",
            "a/src/a.rs:3: type Told has a name of one word",
        ];
        check(&[source], CountRule::OneWordType, &expected);
    }

    #[test]
    fn a_macro_and_a_test_module_define_types_and_a_function_keeps_its_own() {
        let source = "words! { pub enum Way { Out } }\nmod tests { struct Place; }\nfn f() { struct Local; }\nmacro_rules! m { () => { struct $name; } }";
        let expected = [
            "a/src/a.rs:2: type Place has a name of one word",
            "a/src/a.rs:1: type Way has a name of one word",
        ];
        check(&[source], CountRule::OneWordType, &expected);
    }

    #[test]
    fn an_associated_type_is_no_definition() {
        let source =
            "impl Iterator for LineReader { type Item = u8; }\ntrait LineSource { type Error; }";
        check(&[source], CountRule::OneWordType, &[]);
    }

    #[test]
    fn a_word_with_one_meaning_may_stand_alone_until_it_has_two() {
        check(&["struct Session;"], CountRule::OneWordType, &[]);
        let expected = [
            "a/src/a.rs:1: type Session has a name of one word",
            "b/src/b.rs:1: type Session has a name of one word",
        ];
        let twice = ["struct Session;", "struct Session;"];
        check(&twice, CountRule::OneWordType, &expected);
    }

    #[test]
    fn each_further_definition_of_a_name_is_found_in_any_package() {
        let sources = [
            "struct PowerAnswer;",
            "enum PowerAnswer {}",
            "struct BoardId;\ntype PowerAnswer = u8;",
        ];
        let expected = [
            "b/src/b.rs:1: type PowerAnswer is defined also at a/src/a.rs:1, b/src/c.rs:2",
            "b/src/c.rs:2: type PowerAnswer is defined also at a/src/a.rs:1, b/src/b.rs:1",
        ];
        check(&sources, CountRule::RepeatedType, &expected);
    }

    #[test]
    fn a_word_begins_with_a_capital() {
        for (name, words) in [
            ("Ask", 1),
            ("Utf8", 1),
            ("QMP", 1),
            ("BoardId", 2),
            ("HTTPServer", 2),
            ("CrState", 2),
            ("TcpLinkError", 3),
        ] {
            assert_eq!(word_count(name), words, "{name}");
        }
    }
}
