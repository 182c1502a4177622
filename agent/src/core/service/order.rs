//! Who starts after whom.

use super::Name;
use super::manifest::Manifest;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The names on circles of `after`: no order would do for these.
pub(super) fn circular(services: &BTreeMap<Name, Arc<Manifest>>) -> BTreeSet<Name> {
    // Take away what waits for nothing that is left, again and again; then, the other way round,
    // what nothing waits for. What stays is on a circle, or between two.
    let mut left: BTreeSet<&Name> = services.keys().collect();
    loop {
        let waits = |name: &Name| match services.get(name) {
            Some(manifest) => manifest.after.iter().any(|first| left.contains(first)),
            None => false,
        };
        let is_awaited = |name: &Name| {
            let mut others = left.iter().filter_map(|other| services.get(*other));
            others.any(|other| other.after.contains(name))
        };
        let keep = |name: &&Name| waits(name) && is_awaited(name);
        let kept: BTreeSet<&Name> = left.iter().copied().filter(keep).collect();
        if kept.len() == left.len() {
            return kept.into_iter().cloned().collect();
        }
        left = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `edges`: each service with what it starts after.
    #[track_caller]
    fn check(edges: &[(&str, &[&str])], expected: &[&str]) {
        let name = |text: &&str| Name::try_from(*text).unwrap();
        let service = |(who, after): &(&str, &[&str])| {
            let after = after.iter().map(name).collect();
            let manifest = Manifest {
                after,
                ..Manifest::new("true")
            };
            (name(who), Arc::new(manifest))
        };
        let services = edges.iter().map(service).collect();
        let found: Vec<_> = circular(&services).into_iter().collect();
        let expected: Vec<_> = expected.iter().map(name).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn only_what_is_on_a_circle_is_found() {
        check(&[("a", &[]), ("b", &["a"]), ("c", &["a", "b"])], &[]);
        check(&[("a", &["a"])], &["a"]);
        check(
            &[
                ("before", &[]),
                ("x", &["y", "before"]),
                ("y", &["x"]),
                ("z", &["x"]),
            ],
            &["x", "y"],
        );
        check(&[("a", &["elsewhere"])], &[]);
    }
}
