//! Who starts after whom.

use super::Name;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Whom each service starts after.
pub(super) type After = BTreeMap<Name, Vec<Name>>;

/// The services on circles of `after`, for which no order would do: each with a shortest way round,
/// from the one that it starts after to itself.
pub(super) fn circles(after: &After) -> BTreeMap<Name, Vec<Name>> {
    let names = candidates(after).into_iter();
    names
        .filter_map(|name| Some((name.clone(), way_round(after, name)?)))
        .collect()
}

/// The names on circles, or between two.
fn candidates(after: &After) -> BTreeSet<&Name> {
    // Take away what waits for nothing that is left, again and again; then, the other way round,
    // what nothing waits for.
    let mut left: BTreeSet<&Name> = after.keys().collect();
    loop {
        let waits = |name: &Name| match after.get(name) {
            Some(first) => first.iter().any(|first| left.contains(first)),
            None => false,
        };
        let awaited: BTreeSet<&Name> = left
            .iter()
            .filter_map(|name| after.get(*name))
            .flatten()
            .collect();
        let keep = |name: &&Name| waits(name) && awaited.contains(name);
        let kept: BTreeSet<&Name> = left.iter().copied().filter(keep).collect();
        if kept.len() == left.len() {
            return kept;
        }
        left = kept;
    }
}

/// A shortest way along `after` from a service back to itself.
fn way_round(after: &After, name: &Name) -> Option<Vec<Name>> {
    // From which each was come to first.
    let mut from: BTreeMap<&Name, &Name> = BTreeMap::new();
    let mut reached = VecDeque::from([name]);
    while let Some(here) = reached.pop_front() {
        for next in after.get(here)? {
            if next == name {
                let mut way = vec![next.clone()];
                let mut step = here;
                while step != name {
                    way.push(step.clone());
                    step = from.get(step)?;
                }
                way.reverse();
                return Some(way);
            }
            if after.contains_key(next) && !from.contains_key(next) {
                from.insert(next, here);
                reached.push_back(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `edges`: each service with what it starts after; `expected`: each way round.
    #[track_caller]
    fn check(edges: &[(&str, &[&str])], expected: &[(&str, &[&str])]) {
        let name = |text: &&str| Name::try_from(*text).unwrap();
        let row = |(who, others): &(&str, &[&str])| (name(who), others.iter().map(name).collect());
        let after: After = edges.iter().map(row).collect();
        let expected: After = expected.iter().map(row).collect();
        assert_eq!(circles(&after), expected);
    }

    #[test]
    fn only_what_is_on_a_circle_is_found_and_how_it_goes_round() {
        check(&[("a", &[]), ("b", &["a"]), ("c", &["a", "b"])], &[]);
        check(&[("a", &["a"])], &[("a", &["a"])]);
        check(
            &[
                ("before", &[]),
                ("x", &["y", "before"]),
                ("y", &["x"]),
                ("z", &["x"]),
            ],
            &[("x", &["y", "x"]), ("y", &["x", "y"])],
        );
        check(&[("a", &["elsewhere"])], &[]);
    }

    #[test]
    fn what_lies_between_two_circles_is_on_none() {
        check(
            &[("a", &["a"]), ("between", &["a"]), ("z", &["z", "between"])],
            &[("a", &["a"]), ("z", &["z"])],
        );
    }

    #[test]
    fn the_way_round_is_a_shortest_one() {
        check(
            &[("a", &["b", "c"]), ("b", &["c"]), ("c", &["a"])],
            &[
                ("a", &["c", "a"]),
                ("b", &["c", "a", "b"]),
                ("c", &["a", "c"]),
            ],
        );
    }
}
