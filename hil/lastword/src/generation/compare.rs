//! `gen diff`: what differs between two generations.

use super::arguments::DiffOptions;
use super::{DeskError, invalid, object, open, tell};
use crate::report::Reader;
use lastword_generation::archive::{ArchiveError, GenerationArchive};
use lastword_generation::delta::{DELTA_BYTES_MAX, ExpectedFile, compress};
use lastword_generation::difference::{PathChange, TreeEntry, difference};
use lastword_generation::manifest::TreeFile;
use serde_json::Value as Json;

/// The level of deltas that are made at once.
const DELTA_LEVEL: i32 = 3;

/// Compares two generations.
pub(super) fn diff(options: &DiffOptions, reader: Reader) -> Result<(), DeskError> {
    let (mut old, mut new) = (open(&options.old)?, open(&options.new)?);
    let old_manifest = old
        .manifest()
        .map_err(|error| invalid(&options.old, error))?;
    let new_manifest = new
        .manifest()
        .map_err(|error| invalid(&options.new, error))?;
    let mut rows = Vec::new();
    let mut paths = Vec::new();
    let mut to_send = 0;
    for (path, change) in difference(&old_manifest, &new_manifest) {
        let (sign, bytes) = match change {
            PathChange::Removed(_) => ("-", None),
            PathChange::Added(entry) => ("+", whole(&new, entry)),
            PathChange::Changed(TreeEntry::File(before), TreeEntry::File(after)) => {
                let bytes = if before.sha256 == after.sha256 {
                    None
                } else {
                    let bytes = delta_bytes((&mut old, before), (&mut new, after));
                    Some(bytes.map_err(|error| invalid(&options.new, error))?)
                };
                ("~", bytes)
            }
            PathChange::Changed(_, entry) => ("~", whole(&new, entry)),
        };
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
    rows.push(format!(
        "{} paths differ; {to_send} bytes to send",
        paths.len()
    ));
    let members = object([
        ("old", old.generation().to_string().into()),
        ("new", new.generation().to_string().into()),
        ("paths", paths.into()),
        ("bytes", to_send.into()),
    ]);
    tell(reader, rows, members);
    Ok(())
}

fn whole(archive: &GenerationArchive, entry: TreeEntry<'_>) -> Option<u64> {
    match entry {
        TreeEntry::File(file) => archive.packed_bytes(file.sha256),
        TreeEntry::Link(_) => None,
    }
}

/// The bytes of a file that a board with the old one needs: a delta, unless the whole is less.
fn delta_bytes(
    (old, before): (&mut GenerationArchive, &TreeFile),
    (new, after): (&mut GenerationArchive, &TreeFile),
) -> Result<u64, ArchiveError> {
    let whole = new.packed_bytes(after.sha256).unwrap_or(after.size);
    if before.size.saturating_add(after.size) > DELTA_BYTES_MAX {
        return Ok(whole);
    }
    let (before, after) = (content(old, before)?, content(new, after)?);
    let delta = compress(&after, &before, DELTA_LEVEL)?;
    Ok(whole.min(delta.len() as u64))
}

fn content(archive: &mut GenerationArchive, file: &TreeFile) -> Result<Vec<u8>, ArchiveError> {
    let mut content = Vec::new();
    let (hash, size) = (file.sha256, file.size);
    archive.extract(
        file.path.as_str(),
        ExpectedFile { hash, size },
        &mut content,
    )?;
    Ok(content)
}
