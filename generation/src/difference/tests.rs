//! Differences, and what of them waits for a reboot.

use super::*;
use crate::ManifestFields;
use crate::manifest::{FileMode, MANIFEST_FORMAT, RebootComponent, SoakEnd};
use lastword_protocol::ObjectHash;

/// A manifest of files with the content of that number, and of the component `kernel`, if it has paths.
fn manifest(files: &[(&str, u8)], kernel: &[&str]) -> Manifest {
    let path = |text: &str| TreePath::new(text).unwrap();
    let file = |(at, content): &(&str, u8)| TreeFile {
        path: path(at),
        sha256: ObjectHash([*content; 32]),
        size: 1,
        mode: FileMode::from_stat(0o644),
    };
    let kernel = (!kernel.is_empty()).then(|| RebootComponent {
        name: "kernel".to_owned(),
        paths: kernel.iter().map(|at| path(at)).collect(),
    });
    let manifest = Manifest::new(ManifestFields {
        format: MANIFEST_FORMAT,
        name: "gateway".to_owned(),
        version: "1".to_owned(),
        compatible: vec!["acme,gw".to_owned()],
        architecture: "any".to_owned(),
        security_version: 0,
        soak: SoakEnd::Manual,
        checks: Vec::new(),
        reboot_components: kernel.into_iter().collect(),
        files: files.iter().map(file).collect(),
        links: Vec::new(),
    });
    manifest.unwrap()
}

#[test]
fn paths_are_added_removed_and_changed() {
    let old = manifest(&[("a", 1), ("b", 1), ("c", 1)], &[]);
    let new = manifest(&[("b", 1), ("c", 2), ("d", 1)], &[]);
    let signs: Vec<_> = difference(&old, &new)
        .into_iter()
        .map(|(path, change)| match change {
            PathChange::Added(_) => format!("+{path}"),
            PathChange::Removed(_) => format!("-{path}"),
            PathChange::Changed(..) => format!("~{path}"),
        })
        .collect();
    assert_eq!(signs, ["-a", "~c", "+d"]);
}

#[test]
fn a_component_is_deferred_if_it_differs_whichever_manifest_names_it() {
    let files = |boot: u8, app: u8| [("app", app), ("boot/vmlinuz", boot)];
    let boot = &["boot"][..];
    for (old, new, expected) in [
        (
            manifest(&files(1, 1), boot),
            manifest(&files(2, 1), boot),
            Some("kernel"),
        ),
        (
            manifest(&files(1, 1), boot),
            manifest(&files(1, 2), boot),
            None,
        ),
        (
            manifest(&files(1, 1), &[]),
            manifest(&files(2, 1), boot),
            Some("kernel"),
        ),
        (
            manifest(&files(1, 1), boot),
            manifest(&files(2, 1), &[]),
            Some("kernel"),
        ),
        (
            manifest(&files(1, 1), boot),
            manifest(&[("app", 1)], &[]),
            Some("kernel"),
        ),
        (
            manifest(&files(1, 1), &[]),
            manifest(&files(2, 1), &[]),
            None,
        ),
    ] {
        assert_eq!(deferred_component(&old, &new), expected);
    }
}
