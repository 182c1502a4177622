//! `gen build`: a directory becomes a file.

use super::arguments::BuildOptions;
use super::unfinished_file::UnfinishedFile;
use super::{DeskError, invalid, keys, object, read_text, tell, unusable};
use crate::Exit;
use crate::report::Reader;
use lastword_generation::archive::GenerationArchive;
use lastword_generation::builder::{BuildError, BuiltGeneration};
use lastword_generation::description::{DESCRIPTION_FILE, GenerationDescription};
use lastword_generation::secret_key::SigningKey;
use lastword_protocol::refusal::Code;
use std::fs;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// Builds and signs a generation.
pub(super) fn build(options: &BuildOptions, reader: Reader) -> Result<(), DeskError> {
    let path = options.directory.join(DESCRIPTION_FILE);
    let text = read_text(&path)?;
    let description = GenerationDescription::parse(&path.display().to_string(), &text);
    let description =
        description.map_err(|errors| (Code::BadValue, errors.to_string(), Exit::No))?;
    let key = keys::signing_key(&options.key, &options.password)?;
    let built = BuiltGeneration::read(&options.directory, description).map_err(not_built)?;
    let manifest = built.manifest();
    let output = options
        .output
        .clone()
        .unwrap_or_else(|| default_output(&manifest.name, &manifest.version));
    check_output(&output)?;
    check_outside(&output, &options.directory)?;
    let packed = write(&built, &key, &output)?;
    let generation = built.generation().to_string();
    let (files, bytes) = (manifest.files.len(), manifest.tree_bytes());
    let rows = [
        format!(
            "{}: {} {}",
            output.display(),
            manifest.name,
            manifest.version
        ),
        format!("generation {generation}"),
        format!("{files} files, {bytes} bytes, packed {packed}"),
    ];
    let members = object([
        ("generation", generation.into()),
        ("file", output.display().to_string().into()),
        ("files", files.into()),
        ("bytes", bytes.into()),
        ("packed_bytes", packed.into()),
    ]);
    tell(reader, rows, members);
    Ok(())
}

/// `NAME-VERSION.gen`, where both are names of files.
pub(crate) fn default_output(name: &str, version: &str) -> PathBuf {
    let name = format!("{name}-{version}.gen");
    name.replace(['/', ' '], "_").into()
}

/// Writes the file beside its place first, so that there is never half of one; returns its length.
fn write(built: &BuiltGeneration, key: &SigningKey, output: &Path) -> Result<u64, DeskError> {
    let file = UnfinishedFile::beside(output);
    let mut file = file.map_err(|error| unusable(output, error))?;
    let written = built.write(key, BufWriter::new(file.writer()));
    written.map_err(|error| match error {
        BuildError::Write(error) => unusable(output, error),
        error => not_built(error),
    })?;
    file.finish(output).map_err(|error| unusable(output, error))
}

/// Refuses an output that would replace what is no generation.
pub(crate) fn check_output(output: &Path) -> Result<(), DeskError> {
    let is_generation = match fs::symlink_metadata(output) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(unusable(output, error)),
        Ok(metadata) => metadata.is_file() && GenerationArchive::open(output).is_ok(),
    };
    if !is_generation {
        let fault = "is there, and no generation; name another with --output, or remove it";
        return Err(unusable(output, fault));
    }
    Ok(())
}

/// Refuses an output that would be part of the next generation.
fn check_outside(output: &Path, directory: &Path) -> Result<(), DeskError> {
    let parent = match output.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let place = fs::canonicalize(parent).map_err(|error| unusable(parent, error))?;
    let tree = fs::canonicalize(directory).map_err(|error| unusable(directory, error))?;
    if place.starts_with(&tree) {
        let fault = "is inside the directory that is built; name another place with --output";
        return Err(unusable(output, fault));
    }
    Ok(())
}

fn not_built(error: BuildError) -> DeskError {
    match error {
        BuildError::Io { path, source } => unusable(&path, source),
        BuildError::Tree { path, fault } => invalid(&path, fault),
        BuildError::Manifest(_) | BuildError::Sign(_) | BuildError::Write(_) => {
            (Code::BadValue, error.to_string(), Exit::No)
        }
    }
}
