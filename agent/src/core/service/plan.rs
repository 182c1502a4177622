//! What a reload changes.

use super::Name;
use super::catalog::Catalog;
use super::service_file::ServiceFile;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What becomes of each service when a catalog takes the place of another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// It is new.
    pub added: Vec<Name>,
    /// Its file is gone: it is stopped and forgotten.
    pub removed: Vec<Name>,
    /// Its file says something else. It is restarted only if that is about its process.
    pub changed: Vec<Name>,
    /// It goes on as it is; also because its file is broken, or may be there unread.
    pub unchanged: Vec<Name>,
}

impl Plan {
    /// Compares what there is with what is wanted. `outdated` are those whose process is of another file
    /// than what there is says.
    #[must_use]
    pub fn new(
        now: &BTreeMap<Name, Arc<ServiceFile>>,
        outdated: &BTreeSet<Name>,
        wanted: &Catalog,
    ) -> Self {
        let mut plan = Self::default();
        for (name, service_file) in now {
            let list = match wanted.services.get(name) {
                Some(other) if other == service_file && !outdated.contains(name) => {
                    &mut plan.unchanged
                }
                Some(_) => &mut plan.changed,
                None if wanted.is_partial || wanted.is_broken(name) => &mut plan.unchanged,
                None => &mut plan.removed,
            };
            list.push(name.clone());
        }
        let is_new = |name: &&Name| !now.contains_key(*name);
        plan.added = wanted.services.keys().filter(is_new).cloned().collect();
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::service::catalog::{Broken, Flaw};

    #[test]
    fn a_broken_file_changes_nothing() {
        let name = |text: &str| Name::try_from(text).unwrap();
        let service = |text: &str, command: &str| (name(text), Arc::new(ServiceFile::new(command)));
        let now = [
            service("gone", "x"),
            service("same", "x"),
            service("older", "x"),
            service("other", "x"),
            service("broken", "x"),
        ];
        let wanted = Catalog {
            services: [
                service("same", "x"),
                service("older", "x"),
                service("other", "y"),
                service("new", "x"),
            ]
            .into(),
            broken: vec![Broken {
                name: Some(name("broken")),
                flaws: vec![Flaw::File(String::new())],
            }],
            is_partial: false,
        };
        let expected = Plan {
            added: vec![name("new")],
            removed: vec![name("gone")],
            changed: vec![name("older"), name("other")],
            unchanged: vec![name("broken"), name("same")],
        };
        assert_eq!(
            Plan::new(&now.into(), &[name("older")].into(), &wanted),
            expected
        );
    }

    #[test]
    fn a_directory_that_is_not_read_whole_removes_nothing() {
        let name = Name::try_from("runs").unwrap();
        let now = [(name.clone(), Arc::new(ServiceFile::new("x")))];
        let mut wanted = Catalog::default();
        wanted.note_partial("/s: Permission denied".to_owned());
        let plan = Plan::new(&now.into(), &BTreeSet::new(), &wanted);
        let expected = Plan {
            unchanged: vec![name],
            ..Plan::default()
        };
        assert_eq!(plan, expected);
    }
}
