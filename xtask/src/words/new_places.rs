//! Places that make a count higher than it was.

use super::finding::{CountRule, CountedPlace};
use std::collections::BTreeMap;
use std::path::Path;

/// Finds the places of one count that were not there before: those of a subject that has become
/// more frequent, in a file that has more of it. Lines may have moved.
pub(super) fn find<'a>(
    before: &[CountedPlace],
    now: &'a [CountedPlace],
    rule: CountRule,
    package: &str,
) -> Vec<&'a CountedPlace> {
    let is_counted = |place: &&CountedPlace| place.rule == rule && place.package == package;
    let before: Vec<_> = before.iter().filter(is_counted).collect();
    let now: Vec<_> = now.iter().filter(is_counted).collect();
    let (subjects_before, in_files_before) = (by_subject(&before), by_file(&before));
    let (subjects_now, in_files_now) = (by_subject(&now), by_file(&now));
    let is_new = |place: &&CountedPlace| {
        let subject = &*place.subject;
        let key = (subject, &*place.file);
        subjects_now.get(subject) > subjects_before.get(subject)
            && in_files_now.get(&key) > in_files_before.get(&key)
    };
    now.into_iter().filter(is_new).collect()
}

fn by_subject<'a>(places: &[&'a CountedPlace]) -> BTreeMap<&'a str, usize> {
    let mut numbers = BTreeMap::new();
    for place in places {
        *numbers.entry(&*place.subject).or_default() += 1;
    }
    numbers
}

fn by_file<'a>(places: &[&'a CountedPlace]) -> BTreeMap<(&'a str, &'a Path), usize> {
    let mut numbers = BTreeMap::new();
    for place in places {
        *numbers.entry((&*place.subject, &*place.file)).or_default() += 1;
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(places: &[(&str, usize, &str)]) -> Vec<CountedPlace> {
        let places = places.iter().map(|(file, line, subject)| CountedPlace {
            rule: CountRule::OneWordType,
            package: "a".to_owned(),
            file: file.into(),
            line: *line,
            subject: (*subject).to_owned(),
            message: String::new(),
        });
        places.collect()
    }

    #[track_caller]
    fn check(now: &[(&str, usize, &str)], expected: &[usize]) {
        let before = places(&[("b.rs", 1, "Ask"), ("c.rs", 2, "Told")]);
        let now = places(now);
        let found = find(&before, &now, CountRule::OneWordType, "a");
        let lines: Vec<_> = found.iter().map(|place| place.line).collect();
        assert_eq!(lines, expected, "{now:?}");
        assert!(find(&before, &now, CountRule::DocOpening, "a").is_empty());
        assert!(find(&before, &now, CountRule::OneWordType, "b").is_empty());
    }

    #[test]
    fn a_place_that_was_not_there_is_new_and_one_that_has_moved_is_not() {
        let moved = [("b.rs", 9, "Ask"), ("d.rs", 2, "Told")];
        check(&moved, &[]);
        check(&[moved[0], moved[1], ("b.rs", 5, "Way")], &[5]);
        check(
            &[("b.rs", 1, "Ask"), ("c.rs", 2, "Told"), ("d.rs", 7, "Ask")],
            &[7],
        );
    }
}
