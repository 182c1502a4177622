//! All service files together: what is good, and what is wrong with the rest.

use super::Name;
use super::manifest::Manifest;
use super::order::circular;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// The suffix of a service file.
pub const SUFFIX: &str = ".kdl";

/// What the service files say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The services that can be had.
    pub services: BTreeMap<Name, Arc<Manifest>>,
    /// What is wrong, in the order of the files.
    pub broken: Vec<Broken>,
}

/// A service file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The service it is for; `None` if its name is none.
    pub name: Option<Name>,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// Why a service file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It says something wrong. The text names file, line and column, as far as there are any.
    Invalid(String),
    /// These services all want this port.
    Port(u16, Vec<Name>),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(text) => f.write_str(text),
            Self::Port(port, names) => {
                write!(f, "port {port} is wanted by {}", list(names))
            }
        }
    }
}

/// Names with commas between.
#[must_use]
pub fn list(names: &[Name]) -> String {
    let names: Vec<_> = names.iter().map(Name::as_str).collect();
    names.join(", ")
}

/// A file of the services directory.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path, as errors show it.
    pub path: String,
    /// Its name with the suffix.
    pub name: String,
    /// Its text, or why it could not be read.
    pub text: Result<String, String>,
}

impl Catalog {
    /// Reads all files.
    #[must_use]
    pub fn read(files: &[File]) -> Self {
        let mut catalog = Self::default();
        for file in files {
            let stem = file.name.strip_suffix(SUFFIX).unwrap_or(&file.name);
            let named = Name::try_from(stem).map_err(|error| format!("{}: {error}", file.path));
            let name = named.as_ref().ok().cloned();
            match named.and_then(|name| Ok((name, file.parse()?))) {
                Ok((name, manifest)) => {
                    catalog.services.insert(name, Arc::new(manifest));
                }
                Err(text) => {
                    let flaw = Flaw::Invalid(text);
                    catalog.broken.push(Broken { name, flaw });
                }
            }
        }
        catalog.part_strangers(files);
        catalog.part_circles();
        catalog.part_ports();
        catalog
    }

    /// What is wrong with the file of this service.
    #[must_use]
    pub fn flaw(&self, name: &Name) -> Option<&Flaw> {
        let mut broken = self.broken.iter();
        let found = broken.find(|broken| broken.name.as_ref() == Some(name));
        found.map(|broken| &broken.flaw)
    }

    /// Takes out whoever starts after a service that has no file.
    fn part_strangers(&mut self, files: &[File]) {
        let stems = files.iter().map(|file| file.name.strip_suffix(SUFFIX));
        let known: BTreeSet<_> = stems.flatten().collect();
        for (name, manifest) in self.services.clone() {
            let mut after = manifest.after.iter();
            if let Some(stranger) = after.find(|first| !known.contains(first.as_str())) {
                let path = path_of(files, &name);
                let text =
                    format!("{path}: it is to start after {stranger}, which has no file here");
                self.part(&name, Flaw::Invalid(text));
            }
        }
    }

    fn part_circles(&mut self) {
        let circle: Vec<_> = circular(&self.services).into_iter().collect();
        for name in &circle {
            let names = list(&circle);
            let text = format!("{name}: no order would do, \"after\" goes in a circle: {names}");
            self.part(name, Flaw::Invalid(text));
        }
    }

    fn part_ports(&mut self) {
        let mut owners: BTreeMap<u16, Vec<Name>> = BTreeMap::new();
        for (name, manifest) in &self.services {
            if let Some(port) = manifest.port {
                owners.entry(port).or_default().push(name.clone());
            }
        }
        for (port, names) in owners {
            if names.len() > 1 {
                for name in &names {
                    self.part(name, Flaw::Port(port, names.clone()));
                }
            }
        }
    }

    fn part(&mut self, name: &Name, flaw: Flaw) {
        self.services.remove(name);
        let name = Some(name.clone());
        self.broken.push(Broken { name, flaw });
    }
}

impl File {
    fn parse(&self) -> Result<Manifest, String> {
        let text = self.text.as_ref().map_err(String::clone)?;
        Manifest::parse(&self.path, text).map_err(|error| error.to_string())
    }
}

fn path_of<'a>(files: &'a [File], name: &Name) -> &'a str {
    let is_its = |file: &&File| file.name.strip_suffix(SUFFIX) == Some(name.as_str());
    files.iter().find(is_its).map_or("", |file| &file.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `files`: each name with its text; `broken`: each name with a part of what is wrong.
    #[track_caller]
    fn check(files: &[(&str, &str)], good: &[&str], broken: &[(&str, &str)]) {
        let files: Vec<_> = files
            .iter()
            .map(|(name, text)| File {
                path: format!("/s/{name}"),
                name: (*name).to_owned(),
                text: Ok((*text).to_owned()),
            })
            .collect();
        let catalog = Catalog::read(&files);
        let names: Vec<_> = catalog.services.keys().map(Name::as_str).collect();
        assert_eq!(names, good, "{catalog:?}");
        assert_eq!(catalog.broken.len(), broken.len(), "{catalog:?}");
        for (found, (name, part)) in catalog.broken.iter().zip(broken) {
            assert_eq!(found.name.as_ref().map_or("", Name::as_str), *name);
            assert!(found.flaw.to_string().contains(part), "{}", found.flaw);
        }
    }

    #[test]
    fn one_broken_file_leaves_the_others_alone() {
        check(
            &[
                ("a.kdl", "command \"a\""),
                ("b.kdl", "comand \"b\""),
                ("C.kdl", "command \"c\""),
            ],
            &["a"],
            &[("b", "/s/b.kdl:1:1: unknown key"), ("", "a-z 0-9")],
        );
    }

    #[test]
    fn a_port_wanted_twice_is_nobodys() {
        check(
            &[
                ("a.kdl", "command \"a\"\nport 80"),
                ("b.kdl", "command \"b\"\nport 81"),
                ("c.kdl", "command \"c\"\nport 80"),
            ],
            &["b"],
            &[
                ("a", "port 80 is wanted by a, c"),
                ("c", "port 80 is wanted by a, c"),
            ],
        );
    }

    #[test]
    fn an_order_that_cannot_be_kept_is_an_error() {
        check(
            &[
                ("a.kdl", "command \"a\"\nafter \"b\""),
                ("b.kdl", "command \"b\"\nafter \"a\""),
                ("c.kdl", "command \"c\"\nafter \"nobody\""),
                ("d.kdl", "command \"d\"\nafter \"a\""),
            ],
            &["d"],
            &[("c", "after nobody"), ("a", "a, b"), ("b", "a, b")],
        );
    }
}
