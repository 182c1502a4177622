//! All service files together: what is good, and what is wrong with the rest.

mod conflicts;

use super::Name;
use super::service_file::{ServiceFile, Sheet};
use lastword_config::ConfigError;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// The suffix of a service file.
pub const SUFFIX: &str = ".kdl";

/// What the service files say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The services that can be had.
    pub services: BTreeMap<Name, Arc<ServiceFile>>,
    /// What is wrong, in the order of the files.
    pub broken: Vec<Broken>,
    /// Whether services may be missing: not all of the directory was read.
    pub is_partial: bool,
}

/// A service file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The service it is for; `None` if its name is none.
    pub name: Option<Name>,
    /// What is wrong with it, in the order of its lines; something is.
    pub flaws: Vec<Flaw>,
}

/// Why a service file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It cannot be read, or its name is none. The text names the file.
    File(String),
    /// It says something wrong.
    Text(ConfigError),
    /// It wants a port that another one wants, too.
    Port(ConfigError),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(text) => f.write_str(text),
            Self::Text(error) | Self::Port(error) => error.fmt(f),
        }
    }
}

/// Names with commas between.
#[must_use]
pub fn list(names: &[Name]) -> String {
    let names: Vec<_> = names.iter().map(Name::as_str).collect();
    names.join(", ")
}

/// A file of the services directory, as it was read.
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
        Self::of(files.iter().map(File::parse).collect())
    }

    /// Puts together what the files say.
    #[must_use]
    pub fn of(files: Vec<ParsedFile>) -> Self {
        let stems: Vec<_> = files.iter().map(ParsedFile::stem).collect();
        let entries = files.iter().filter_map(|file| {
            let (name, sheet) = file.content.as_ref().ok()?;
            let path = file.path.as_str();
            Some((name, Entry { path, sheet }))
        });
        let mut conflicts = conflicts::all(&entries.collect(), &stems);
        let mut catalog = Self::default();
        for file in files {
            let (name, flaws) = match file.content {
                Ok((name, sheet)) => match conflicts.remove(&name) {
                    None => {
                        let service_file = Arc::new(sheet.service_file);
                        catalog.services.insert(name, service_file);
                        continue;
                    }
                    Some(flaws) => (Some(name), flaws),
                },
                Err(flaws) => (Name::try_from(stem(&file.name)).ok(), flaws),
            };
            catalog.broken.push(Broken { name, flaws });
        }
        catalog
    }

    /// Notes that the directory was not read as a whole, and why: what is not there may be there.
    pub fn note_partial(&mut self, why: String) {
        self.is_partial = true;
        self.broken.push(Broken {
            name: None,
            flaws: vec![Flaw::File(why)],
        });
    }

    /// Notes a file that is not used, and why: it is no service's.
    pub fn note_unused(&mut self, why: String) {
        self.broken.push(Broken {
            name: None,
            flaws: vec![Flaw::File(why)],
        });
    }

    /// Whether the file of this service cannot be used.
    #[must_use]
    pub fn is_broken(&self, name: &Name) -> bool {
        let mut broken = self.broken.iter();
        broken.any(|broken| broken.name.as_ref() == Some(name))
    }
}

/// A file that is sound by itself.
struct Entry<'a> {
    path: &'a str,
    sheet: &'a Sheet,
}

impl File {
    /// Reads what it says, and for whom, or all that is wrong with it.
    #[must_use]
    pub fn parse(&self) -> ParsedFile {
        self.parse_in(None)
    }

    /// As [`File::parse`], of a generation whose tree is at `root`: relative paths begin there.
    #[must_use]
    pub fn parse_in(&self, root: Option<&Path>) -> ParsedFile {
        ParsedFile {
            path: self.path.clone(),
            name: self.name.clone(),
            content: self.content(root),
        }
    }

    fn content(&self, root: Option<&Path>) -> Result<(Name, Sheet), Vec<Flaw>> {
        let file = |text: String| vec![Flaw::File(text)];
        let text = self.text.as_ref().map_err(|error| file(error.clone()))?;
        let name = Name::try_from(stem(&self.name));
        let name = name.map_err(|error| Flaw::File(format!("{}: {error}", self.path)));
        let sheet = Sheet::read_in(&self.path, text, root);
        match (name, sheet) {
            (Ok(name), Ok(sheet)) => Ok((name, sheet)),
            (name, sheet) => {
                let errors = sheet.err().into_iter().flatten().map(Flaw::Text);
                Err(name.err().into_iter().chain(errors).collect())
            }
        }
    }
}

/// A file of the services directory, and what it says.
#[derive(Clone, Debug)]
pub struct ParsedFile {
    path: String,
    /// With the suffix.
    name: String,
    content: Result<(Name, Sheet), Vec<Flaw>>,
}

impl ParsedFile {
    /// A file that was not read, and why. The text names it.
    #[must_use]
    pub fn unread(path: String, name: String, why: String) -> Self {
        Self {
            path,
            name,
            content: Err(vec![Flaw::File(why)]),
        }
    }

    /// Its path, as errors show it.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What it says, if it is sound by itself.
    #[must_use]
    pub fn sheet(&self) -> Option<&Sheet> {
        self.content.as_ref().ok().map(|(_, sheet)| sheet)
    }

    /// Its name without the suffix.
    #[must_use]
    pub fn stem(&self) -> &str {
        stem(&self.name)
    }
}

/// A file's name without the suffix.
fn stem(name: &str) -> &str {
    name.strip_suffix(SUFFIX).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `files`: each name with its text; `broken`: what is wrong, one after the other.
    #[track_caller]
    fn check(files: &[(&str, &str)], good: &[&str], broken: &[&str]) {
        let files: Vec<_> = files
            .iter()
            .map(|(name, text)| File {
                path: format!("/s/{name}.kdl"),
                name: format!("{name}.kdl"),
                text: Ok(format!("command \"x\"\n{text}")),
            })
            .collect();
        let catalog = Catalog::read(&files);
        let names: Vec<_> = catalog.services.keys().map(Name::as_str).collect();
        assert_eq!(names, good, "{catalog:?}");
        let flaws = catalog.broken.iter().flat_map(|broken| &broken.flaws);
        let flaws: Vec<_> = flaws.map(Flaw::to_string).collect();
        assert_eq!(flaws, broken);
    }

    #[test]
    fn one_broken_file_leaves_the_others_alone() {
        check(
            &[("a", ""), ("b", "keep 5"), ("C", "")],
            &["a"],
            &[
                "/s/b.kdl:2:1: unknown key \"keep\"; known here: command, args, port, env, \
                 env-clear, env-allow, working-dir, user, autostart, after, ready, restart, stop, on-agent-exit, log",
                "/s/C.kdl: a service's name is 1 to 32 of the letters a-z 0-9 - _, and \"C\" is not",
            ],
        );
    }

    #[test]
    fn a_port_wanted_twice_is_nobodys_and_each_place_names_the_others() {
        check(
            &[
                ("a", "port 80"),
                ("b", "port 81"),
                ("c", "user \"x\"\nport  80"),
            ],
            &["b"],
            &[
                "/s/a.kdl:2:6: port: 80 is wanted by /s/c.kdl:3:7, too; give one of them another",
                "/s/c.kdl:3:7: port: 80 is wanted by /s/a.kdl:2:6, too; give one of them another",
            ],
        );
        let many: Vec<_> = ["a", "b", "c", "d", "e"]
            .map(|name| (name, "port 1"))
            .into();
        let of = |name: &str, others: &str| {
            format!(
                "/s/{name}.kdl:2:6: port: 1 is wanted by {others}, too; give one of them another"
            )
        };
        let place = |name: &str| format!("/s/{name}.kdl:2:6");
        let [a, b, c, d] = ["a", "b", "c", "d"].map(place);
        let told = [
            of("a", &format!("{b}, {c}, {d} and 1 more")),
            of("b", &format!("{a}, {c}, {d} and 1 more")),
            of("c", &format!("{a}, {b}, {d} and 1 more")),
            of("d", &format!("{a}, {b}, {c} and 1 more")),
            of("e", &format!("{a}, {b}, {c} and 1 more")),
        ];
        check(&many, &[], &told.each_ref().map(String::as_str));
    }

    #[test]
    fn who_starts_after_nobody_is_told_whom_it_may_mean() {
        let network = ("network", "");
        let check = |after: &str, told: &str| {
            let after = format!("after {after}");
            let told = format!("/s/c.kdl:2:{told}");
            check(&[("c", &after), network], &["network"], &[&told]);
        };
        check(
            "\"netwrok\"",
            "7: after: no service is called netwrok, did you mean network?",
        );
        check(
            "\"network\" \"disk\"",
            "17: after: no service is called disk; a file disk.kdl would make one",
        );
    }

    #[test]
    fn a_circle_is_told_with_the_way_round() {
        check(
            &[
                ("a", "after \"b\""),
                ("b", "after \"d\" \"c\""),
                ("c", "after \"a\""),
                ("d", "after \"a\""),
                ("e", "after \"a\""),
                ("f", "after \"f\""),
            ],
            &["e"],
            &[
                "/s/a.kdl:2:7: after: no order would do: a starts after b, b after d, d after a",
                "/s/b.kdl:2:7: after: no order would do: b starts after d, d after a, a after b",
                "/s/c.kdl:2:7: after: no order would do: c starts after a, a after b, b after c",
                "/s/d.kdl:2:7: after: no order would do: d starts after a, a after b, b after d",
                "/s/f.kdl:2:7: after: nothing starts after itself",
            ],
        );
    }

    #[test]
    fn everything_wrong_with_a_file_is_told() {
        check(
            &[
                ("a", "port 80\nafter \"nobody\" \"a\""),
                ("b", "port 80"),
                ("C", "port 0"),
            ],
            &[],
            &[
                "/s/a.kdl:2:6: port: 80 is wanted by /s/b.kdl:2:6, too; give one of them another",
                "/s/a.kdl:3:7: after: no service is called nobody; a file nobody.kdl would make one",
                "/s/a.kdl:3:16: after: nothing starts after itself",
                "/s/b.kdl:2:6: port: 80 is wanted by /s/a.kdl:2:6, too; give one of them another",
                "/s/C.kdl: a service's name is 1 to 32 of the letters a-z 0-9 - _, and \"C\" is not",
                "/s/C.kdl:2:6: port: a whole number from 1 to 65535 is wanted here",
            ],
        );
    }
}
