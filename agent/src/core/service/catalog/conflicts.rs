//! What is wrong with service files that are sound by themselves: they do not go together.

use super::{Entry, Flaw, Name};
use crate::core::service::order;
use lastword_config::{ConfigError, Place};
use lastword_shell::nearest;
use std::collections::{BTreeMap, HashSet};

/// How many other places, or steps of a way, a message names.
const NAMED: usize = 3;
/// How many pairs of names are compared at most, to tell who may be meant.
const COMPARED_MAX: usize = 100_000;

type Entries<'a> = BTreeMap<&'a Name, Entry<'a>>;
type Conflicts = BTreeMap<Name, Vec<Flaw>>;

/// All of it, by service, in the order of its lines. `stems` are the names of all files.
pub(super) fn all(entries: &Entries<'_>, stems: &[&str]) -> Conflicts {
    let mut conflicts = Conflicts::new();
    strangers(entries, stems, &mut conflicts);
    circles(entries, &mut conflicts);
    ports(entries, &mut conflicts);
    for flaws in conflicts.values_mut() {
        flaws.sort_by_key(|flaw| match flaw {
            Flaw::File(_) => None,
            Flaw::Text(error) | Flaw::Port(error) => Some(error.place),
        });
    }
    conflicts
}

/// Who starts after a service that has no file.
fn strangers(entries: &Entries<'_>, stems: &[&str], conflicts: &mut Conflicts) {
    let known: HashSet<_> = stems.iter().copied().collect();
    let mut compared = 0;
    for (name, entry) in entries {
        for (first, place) in entry.after() {
            if known.contains(first.as_str()) {
                continue;
            }
            compared += stems.len();
            let others = stems.iter().copied().filter(|stem| *stem != name.as_str());
            let meant = match compared {
                ..=COMPARED_MAX => nearest(first.as_str(), others),
                _ => None,
            };
            let advice = match meant {
                Some(meant) => format!(", did you mean {meant}?"),
                None => format!("; a file {first}.kdl would make one"),
            };
            let message = format!("after: no service is called {first}{advice}");
            note(conflicts, name, Flaw::Text(entry.error(place, message)));
        }
    }
}

/// Whose order goes in a circle.
fn circles(entries: &Entries<'_>, conflicts: &mut Conflicts) {
    let after = |(name, entry): (&&Name, &Entry<'_>)| {
        ((*name).clone(), entry.sheet.service_file.after.clone())
    };
    for (name, way) in order::circles(&entries.iter().map(after).collect()) {
        let Some(entry) = entries.get(&name) else {
            continue;
        };
        let mut after = entry.after();
        let place = after.find(|(first, _)| way.first() == Some(first));
        let place = place.map(|(_, place)| place).unwrap_or_default();
        let error = entry.error(place, round(&name, &way));
        note(conflicts, &name, Flaw::Text(error));
    }
}

/// The way from a service along `after` back to itself; `way` is what it comes to.
fn round(name: &Name, way: &[Name]) -> String {
    let (Some(first), Some([from, to])) = (way.first(), way.last_chunk()) else {
        return "after: nothing starts after itself".to_owned();
    };
    let mut steps = vec![format!("{name} starts after {first}")];
    let between = way.windows(2).take(way.len() - 2);
    let between = between.filter_map(|pair| match pair {
        [one, other] => Some(format!("{one} after {other}")),
        _ => None,
    });
    steps.extend(between.take(NAMED));
    if let more @ 1.. = (way.len() - 2).saturating_sub(NAMED) {
        steps.push(format!("and so on by {more} more"));
    }
    steps.push(format!("{from} after {to}"));
    format!("after: no order would do: {}", steps.join(", "))
}

/// Who wants the same port as another.
fn ports(entries: &Entries<'_>, conflicts: &mut Conflicts) {
    let mut owners: BTreeMap<u16, Vec<&Name>> = BTreeMap::new();
    for (name, entry) in entries {
        if let Some(port) = entry.sheet.service_file.port {
            owners.entry(port).or_default().push(name);
        }
    }
    owners.retain(|_, names| names.len() > 1);
    for (port, names) in owners {
        for name in &names {
            let others = names.iter().filter(|other| *other != name);
            let places = others.filter_map(|other| Some(entries.get(*other)?.port()));
            let places: Vec<_> = places.take(NAMED).collect();
            let others = match names.len() - 1 - places.len() {
                0 => places.join(" and "),
                more => format!("{} and {more} more", places.join(", ")),
            };
            let message =
                format!("port: {port} is wanted by {others}, too; give one of them another");
            if let Some(entry) = entries.get(*name) {
                let error = entry.error(entry.sheet.places.port.unwrap_or_default(), message);
                note(conflicts, name, Flaw::Port(error));
            }
        }
    }
}

fn note(conflicts: &mut Conflicts, name: &Name, flaw: Flaw) {
    conflicts.entry(name.clone()).or_default().push(flaw);
}

impl Entry<'_> {
    /// Whom it starts after, each with its place.
    fn after(&self) -> impl Iterator<Item = (&Name, Place)> {
        let places = self.sheet.places.after.iter().copied();
        self.sheet.service_file.after.iter().zip(places)
    }

    /// The place of its port, with the file.
    fn port(&self) -> String {
        let place = self.sheet.places.port.unwrap_or_default();
        format!("{}:{place}", self.path)
    }

    fn error(&self, place: Place, message: String) -> ConfigError {
        let file = self.path.to_owned();
        ConfigError {
            file,
            place,
            message,
        }
    }
}
