//! `gen diff`: what differs between two generations, and what a board with the older one has to be sent.

use super::arguments::DiffOptions;
use super::{DeskError, invalid, object, open, tell};
use crate::report::Reader;
use lastword_generation::archive::{ArchiveError, GenerationArchive};
use lastword_generation::delta::{DELTA_BYTES_MAX, ExpectedFile, compress};
use lastword_generation::difference::{PathChange, TreeEntry, difference};
use lastword_generation::manifest::TreeFile;
use lastword_generation::{Manifest, ManifestFields};
use lastword_protocol::ObjectHash;
use serde_json::{Map, Value as Json};
use std::collections::HashSet;
use std::path::Path;

/// The level of deltas that are made at once.
const DELTA_LEVEL: i32 = 3;

/// Two generations that are compared.
struct ComparedGenerations<'o> {
    old: ComparedArchive<'o>,
    new: ComparedArchive<'o>,
    /// The contents that the board has, or that were counted already.
    counted: HashSet<ObjectHash>,
}

/// One of them.
struct ComparedArchive<'o> {
    path: &'o Path,
    archive: GenerationArchive,
    manifest: Manifest,
}

/// Compares two generations.
pub(super) fn diff(options: &DiffOptions, reader: Reader) -> Result<(), DeskError> {
    let old = ComparedArchive::open(&options.old)?;
    let new = ComparedArchive::open(&options.new)?;
    let properties = properties(&old.manifest, &new.manifest);
    let counted = old.manifest.files.iter().map(|file| file.sha256).collect();
    let (before, after) = (old.manifest.clone(), new.manifest.clone());
    let mut compared = ComparedGenerations { old, new, counted };
    let mut rows: Vec<_> = properties
        .iter()
        .map(|(name, values)| format!("~ {name}: {} -> {}", values[0], values[1]))
        .collect();
    let mut paths = Vec::new();
    let mut to_send = 0;
    for (path, change) in difference(&before, &after) {
        let (sign, bytes) = compared.bytes_of(change)?;
        to_send += bytes.unwrap_or_default();
        let shown = bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
        rows.push(format!("{sign} {shown:>12} {path}"));
        let change = object([
            ("path", path.as_str().into()),
            ("change", sign.into()),
            ("bytes", bytes.map_or(Json::Null, Json::from)),
        ]);
        paths.push(Json::Object(change));
    }
    let count = paths.len();
    rows.push(format!("{count} paths differ; {to_send} bytes to send"));
    let properties = properties.into_iter();
    let properties: Map<_, _> = properties
        .map(|(name, values)| (name, Json::Array(values.to_vec())))
        .collect();
    let members = object([
        ("old", compared.old.archive.generation().to_string().into()),
        ("new", compared.new.archive.generation().to_string().into()),
        ("properties", Json::Object(properties)),
        ("paths", paths.into()),
        ("bytes", to_send.into()),
    ]);
    tell(reader, rows, members);
    Ok(())
}

impl ComparedGenerations<'_> {
    /// Returns the sign of a change, and the bytes to send for it; `None` if there are none.
    fn bytes_of(
        &mut self,
        change: PathChange<'_>,
    ) -> Result<(&'static str, Option<u64>), DeskError> {
        let (sign, before, after) = match change {
            PathChange::Removed(_) => ("-", None, None),
            PathChange::Added(after) => ("+", None, Some(after)),
            PathChange::Changed(before, after) => ("~", Some(before), Some(after)),
        };
        let Some(TreeEntry::File(after)) = after else {
            return Ok((sign, None));
        };
        if !self.counted.insert(after.sha256) {
            return Ok((sign, None));
        }
        let whole = self.new.archive.packed_bytes(after.sha256);
        let whole = whole.unwrap_or(after.size);
        let Some(TreeEntry::File(before)) = before else {
            return Ok((sign, Some(whole)));
        };
        if before.size.saturating_add(after.size) > DELTA_BYTES_MAX {
            return Ok((sign, Some(whole)));
        }
        let (before, content) = (self.old.content(before)?, self.new.content(after)?);
        let delta = compress(&content, &before, DELTA_LEVEL);
        let delta = delta.map_err(|error| invalid(self.new.path, error))?;
        Ok((sign, Some(whole.min(delta.len() as u64))))
    }
}

impl<'o> ComparedArchive<'o> {
    fn open(path: &'o Path) -> Result<Self, DeskError> {
        let archive = open(path)?;
        let manifest = archive.manifest().map_err(|error| invalid(path, error))?;
        Ok(Self {
            path,
            archive,
            manifest,
        })
    }

    fn content(&mut self, file: &TreeFile) -> Result<Vec<u8>, DeskError> {
        let mut content = Vec::new();
        let (hash, size) = (file.sha256, file.size);
        let expected = ExpectedFile { hash, size };
        let extracted = self
            .archive
            .extract(file.path.as_str(), expected, &mut content);
        extracted.map_err(|error: ArchiveError| invalid(self.path, error))?;
        Ok(content)
    }
}

/// Returns the properties that differ, by their names in the manifest, with both values.
fn properties(old: &Manifest, new: &Manifest) -> Vec<(String, [Json; 2])> {
    let (old, new) = (document(old), document(new));
    let differing = old.into_iter().filter_map(|(name, before)| {
        let after = new.get(&name).cloned().unwrap_or_default();
        let is_tree = matches!(&*name, "files" | "links");
        (!is_tree && before != after).then_some((name, [before, after]))
    });
    differing.collect()
}

fn document(manifest: &ManifestFields) -> Map<String, Json> {
    match serde_json::to_value(manifest) {
        Ok(Json::Object(members)) => members,
        // A manifest can always be written.
        _ => Map::new(),
    }
}
