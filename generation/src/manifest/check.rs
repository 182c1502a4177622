//! The rules of a manifest that its fields alone do not hold.

use super::links::TreeLinks;
use super::{
    COMPATIBLE_MAX, COMPONENT_PATHS_MAX, COMPONENTS_MAX, FILES_MAX, LABEL_BYTES_MAX, ManifestError,
    ManifestFields, SOAK_MAX, SoakEnd, TREE_BYTES_MAX,
};
use crate::TreePath;
use crate::health_check::CHECKS_MAX;
use crate::tree_path::is_unseen;
use std::collections::HashSet;
use std::fmt::Display;

/// Checks all rules.
pub(super) fn check(fields: &ManifestFields) -> Result<(), ManifestError> {
    label("name", &fields.name)?;
    label("version", &fields.version)?;
    label("architecture", &fields.architecture)?;
    count("compatible", 1, fields.compatible.len(), COMPATIBLE_MAX)?;
    for kind in &fields.compatible {
        label("compatible", kind)?;
    }
    if matches!(fields.soak, SoakEnd::ForMs(soak) if soak > SOAK_MAX.0) {
        return Err(fault("soak", format!("longer than {SOAK_MAX}")));
    }
    tree(fields)?;
    checks(fields)?;
    components(fields)
}

/// Checks that a text can be shown in a table.
fn label(field: &str, text: &str) -> Result<(), ManifestError> {
    if text.is_empty() || text.len() > LABEL_BYTES_MAX {
        return Err(fault(
            field,
            format!("not from 1 to {LABEL_BYTES_MAX} bytes long"),
        ));
    }
    if text.contains(is_unseen) || text.trim() != text {
        return Err(fault(field, "has characters that are not seen"));
    }
    Ok(())
}

fn count(field: &str, least: usize, found: usize, most: usize) -> Result<(), ManifestError> {
    if (least..=most).contains(&found) {
        return Ok(());
    }
    Err(fault(
        field,
        format!("{found} of them, not from {least} to {most}"),
    ))
}

/// Checks that each path is named once, that none is in the way of another, and that links stay inside.
fn tree(fields: &ManifestFields) -> Result<(), ManifestError> {
    count(
        "files",
        1,
        fields.files.len() + fields.links.len(),
        FILES_MAX,
    )?;
    sorted("files", fields.files.iter().map(|file| &file.path))?;
    sorted("links", fields.links.iter().map(|link| &link.path))?;
    if let Some(file) = fields.files.iter().find(|file| file.mode.is_open()) {
        let message = format!("{}: mode {} lets others write to it", file.path, file.mode);
        return Err(fault("files", message));
    }
    let mut sizes = fields.files.iter().map(|file| file.size);
    let sum = sizes.try_fold(0_u64, u64::checked_add);
    if sum.is_none_or(|sum| sum > TREE_BYTES_MAX) {
        return Err(fault(
            "files",
            format!("over {TREE_BYTES_MAX} bytes together"),
        ));
    }
    let mut names = HashSet::new();
    let files = fields.files.iter().map(|file| ("files", &file.path));
    let links = fields.links.iter().map(|link| ("links", &link.path));
    for (field, path) in files.clone().chain(links.clone()) {
        if !names.insert(path.as_str()) {
            return Err(fault(field, format!("{path} is a file and a link")));
        }
    }
    for (field, path) in files.chain(links) {
        if let Some(parent) = path.parents().find(|parent| names.contains(parent)) {
            let message = format!("{path} is below {parent}, which is no directory");
            return Err(fault(field, message));
        }
    }
    let links = TreeLinks::of(fields);
    for link in &fields.links {
        let message = if link.target.contains(is_unseen) {
            Err("has a control character or an invisible one".to_owned())
        } else {
            links.resolve(&link.path, &link.target).map(|_| ())
        };
        if let Err(message) = message {
            let message = format!("{} -> {:?}: target {message}", link.path, link.target);
            return Err(fault("links", message));
        }
    }
    Ok(())
}

fn sorted<'p>(field: &str, paths: impl Iterator<Item = &'p TreePath>) -> Result<(), ManifestError> {
    let mut last: Option<&TreePath> = None;
    for path in paths {
        if last.is_some_and(|last| path <= last) {
            return Err(fault(
                field,
                format!("{path} is not in order, or is named twice"),
            ));
        }
        last = Some(path);
    }
    Ok(())
}

fn checks(fields: &ManifestFields) -> Result<(), ManifestError> {
    count("checks", 0, fields.checks.len(), CHECKS_MAX)?;
    let mut names = HashSet::new();
    for check in &fields.checks {
        let field = format!("checks: {:?}", check.name);
        if let Some(message) = check.fault() {
            return Err(fault(&field, message));
        }
        if !names.insert(&check.name) {
            return Err(fault(&field, "is named twice"));
        }
        let Some(program) = check.own_program() else {
            continue;
        };
        let links = TreeLinks::of(fields);
        let is_executable = |path: TreePath| {
            let mut files = fields.files.iter();
            files.any(|file| file.path == path && file.mode.is_executable())
        };
        if !links.follow(&program).is_some_and(is_executable) {
            let message = format!("{program} is no executable file of the generation");
            return Err(fault(&field, message));
        }
    }
    Ok(())
}

fn components(fields: &ManifestFields) -> Result<(), ManifestError> {
    const FIELD: &str = "reboot-components";
    count(FIELD, 0, fields.reboot_components.len(), COMPONENTS_MAX)?;
    let mut names = HashSet::new();
    let paths = fields.files.iter().map(|file| &file.path);
    let paths = paths.chain(fields.links.iter().map(|link| &link.path));
    let places: HashSet<&str> = paths
        .flat_map(|path| path.parents().chain([path.as_str()]))
        .collect();
    for component in &fields.reboot_components {
        label(FIELD, &component.name)?;
        if !names.insert(&component.name) {
            return Err(fault(FIELD, format!("{:?} is named twice", component.name)));
        }
        count(FIELD, 1, component.paths.len(), COMPONENT_PATHS_MAX)?;
        for path in &component.paths {
            if !places.contains(path.as_str()) {
                let message = format!("{:?}: nothing is at {path}", component.name);
                return Err(fault(FIELD, message));
            }
        }
    }
    Ok(())
}

fn fault(field: &str, fault: impl Display) -> ManifestError {
    let (field, fault) = (field.to_owned(), fault.to_string());
    ManifestError::Field { field, fault }
}
