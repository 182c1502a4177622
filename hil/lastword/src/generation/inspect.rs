//! `gen inspect` and `gen verify`: what a generation is, and whether it is that.

use super::arguments::{InspectOptions, VerifyOptions};
use super::{DeskError, invalid, keys, object, open, tell};
use crate::report::Reader;
use lastword_generation::Manifest;
use lastword_generation::archive::GenerationArchive;
use lastword_generation::delta::ExpectedFile;
use lastword_generation::manifest::SoakEnd;
use lastword_generation::signature::TrustedKeys;
use lastword_protocol::Millis;
use serde_json::Value as Json;
use std::io;

/// Shows what a generation is.
pub(super) fn inspect(options: &InspectOptions, reader: Reader) -> Result<(), DeskError> {
    let archive = open(&options.file)?;
    let manifest = archive
        .manifest()
        .map_err(|error| invalid(&options.file, error))?;
    let generation = archive.generation().to_string();
    let mut members = object([("generation", generation.clone().into())]);
    members.insert("manifest".to_owned(), document(&archive));
    tell(reader, rows(&manifest, &generation), members);
    Ok(())
}

/// The manifest as JSON. It was read as one before.
fn document(archive: &GenerationArchive) -> Json {
    serde_json::from_slice(archive.manifest_bytes()).unwrap_or_default()
}

fn rows(manifest: &Manifest, generation: &str) -> Vec<String> {
    let soak = match manifest.soak {
        SoakEnd::ForMs(millis) => Millis(millis).to_string(),
        SoakEnd::Manual => "until it is confirmed".to_owned(),
    };
    let mut rows = vec![
        format!("generation        {generation}"),
        format!("name              {} {}", manifest.name, manifest.version),
        format!("compatible        {}", manifest.compatible.join(", ")),
        format!("architecture      {}", manifest.architecture),
        format!("security-version  {}", manifest.security_version),
        format!("soak              {soak}"),
    ];
    for check in &manifest.checks {
        rows.push(format!(
            "check             {}: {}, every {} within {}, {} failures",
            check.name,
            check.probe,
            Millis(check.interval_ms),
            Millis(check.timeout_ms),
            check.failures
        ));
    }
    for component in &manifest.reboot_components {
        let paths: Vec<_> = component.paths.iter().map(ToString::to_string).collect();
        rows.push(format!(
            "reboot-component  {}: {}",
            component.name,
            paths.join(", ")
        ));
    }
    rows.push(format!(
        "files             {}, {} bytes",
        manifest.files.len(),
        manifest.tree_bytes()
    ));
    for file in &manifest.files {
        rows.push(format!(
            "  {} {:>12} {} {}",
            file.mode, file.size, file.sha256, file.path
        ));
    }
    for link in &manifest.links {
        rows.push(format!("  link {} -> {}", link.path, link.target));
    }
    rows
}

/// Checks the signature and every file of a generation.
pub(super) fn verify(options: &VerifyOptions, reader: Reader) -> Result<(), DeskError> {
    let trusted: Result<_, _> = options
        .key
        .iter()
        .map(|key| keys::verifying_key(key))
        .collect();
    let trusted = trusted?;
    let revoked = Vec::new();
    let mut archive = open(&options.file)?;
    let wrong = |error| invalid(&options.file, error);
    // The signature comes first: nothing of the manifest is read before.
    let key = archive
        .check_signature(&TrustedKeys { trusted, revoked })
        .map_err(wrong)?;
    let manifest = archive.manifest().map_err(wrong)?;
    for file in &manifest.files {
        let (hash, size) = (file.sha256, file.size);
        let expected = ExpectedFile { hash, size };
        let extracted = archive.extract(file.path.as_str(), expected, &mut io::sink());
        extracted.map_err(wrong)?;
    }
    let generation = archive.generation().to_string();
    let files = manifest.files.len();
    let (name, version) = (&manifest.name, &manifest.version);
    let rows = [format!(
        "generation {generation}: {name} {version}, {files} files, signed by {key}"
    )];
    let members = object([
        ("generation", generation.into()),
        ("name", name.clone().into()),
        ("version", version.clone().into()),
        ("key", key.to_string().into()),
        ("files", files.into()),
    ]);
    tell(reader, rows, members);
    Ok(())
}
