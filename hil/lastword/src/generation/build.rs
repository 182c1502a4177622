//! `gen build`: a directory becomes a file.

use super::arguments::BuildOptions;
use super::{DeskError, invalid, keys, object, tell, unusable};
use crate::Exit;
use crate::report::Reader;
use lastword_generation::builder::{BuildError, BuiltGeneration};
use lastword_generation::description::{DESCRIPTION_FILE, GenerationDescription};
use lastword_generation::secret_key::SigningKey;
use lastword_protocol::refusal::Code;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// Builds and signs a generation.
pub(super) fn build(options: &BuildOptions, reader: Reader) -> Result<(), DeskError> {
    let path = options.directory.join(DESCRIPTION_FILE);
    let text = fs::read_to_string(&path).map_err(|error| unusable(&path, error))?;
    let description = GenerationDescription::parse(&path.display().to_string(), &text);
    let description =
        description.map_err(|errors| (Code::BadValue, errors.to_string(), Exit::No))?;
    let key = keys::signing_key(&options.key, &options.password)?;
    let built = BuiltGeneration::read(&options.directory, description).map_err(not_built)?;
    let manifest = built.manifest();
    let output = options
        .output
        .clone()
        .unwrap_or_else(|| default_output(&built));
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
fn default_output(built: &BuiltGeneration) -> PathBuf {
    let manifest = built.manifest();
    let name = format!("{}-{}.gen", manifest.name, manifest.version);
    name.replace(['/', ' '], "_").into()
}

/// Writes the file under another name beside its own, so that there is never half of one; returns its length.
fn write(built: &BuiltGeneration, key: &SigningKey, output: &Path) -> Result<u64, DeskError> {
    let mut part = output.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let file = File::create(&part).map_err(|error| unusable(&part, error))?;
    let written = built.write(key, BufWriter::new(&file));
    let finish = || -> io::Result<u64> {
        file.sync_all()?;
        let length = file.metadata()?.len();
        fs::rename(&part, output)?;
        Ok(length)
    };
    let written = match written {
        Ok(()) => finish().map_err(|error| unusable(output, error)),
        Err(error) => Err(not_built(error)),
    };
    if written.is_err() {
        // What was written is of no use.
        let _ = fs::remove_file(&part);
    }
    written
}

fn not_built(error: BuildError) -> DeskError {
    match error {
        BuildError::Io { path, source } => unusable(&path, source),
        BuildError::Tree { path, fault } => invalid(&path, fault),
        BuildError::Manifest(_) | BuildError::Sign(_) => {
            (Code::BadValue, error.to_string(), Exit::No)
        }
    }
}
