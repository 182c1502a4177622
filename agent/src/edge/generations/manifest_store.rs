//! The manifests of the generations that were taken in, with their signatures.

use crate::core::storage::{Storage as _, replace};
use crate::edge::clock::unix_ms;
use crate::edge::store::{Files, StateDirectory, StateError};
use lastword_generation::Manifest;
use lastword_generation::manifest::generation_of;
use lastword_protocol::{Generation, ObjectHash};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// The name of their directory in the directory of generations.
const DIRECTORY: &str = "manifests";
/// The ending of a manifest's name.
const MANIFEST: &str = ".json";
/// The ending of a signature's name.
const SIGNATURE: &str = ".json.minisig";

/// The manifests of a board.
#[derive(Debug)]
pub(super) struct ManifestStore {
    directory: PathBuf,
    files: Files,
    known: Mutex<BTreeMap<Generation, StoredManifest>>,
}

/// A manifest that is there.
#[derive(Clone, Debug)]
pub(super) struct StoredManifest {
    pub(super) manifest: Arc<Manifest>,
    /// The time at which it was taken in, in milliseconds since 1970.
    pub(super) stored_at_ms: u64,
    /// The SHA-256 of its signature; `None` if that is gone.
    pub(super) signature: Option<ObjectHash>,
}

impl ManifestStore {
    /// Opens the manifests in a directory of generations. One that cannot be used is left alone, and told.
    pub(super) fn open(generations: &Path) -> Result<Self, StateError> {
        let path = generations.join(DIRECTORY);
        let files = StateDirectory::open(&path)?.files();
        let unusable = |source| StateError::Unusable {
            path: path.clone(),
            source,
        };
        let mut known = BTreeMap::new();
        for name in files.names().map_err(unusable)? {
            let digits = name.strip_suffix(MANIFEST);
            let Some(generation) = digits.and_then(|digits| digits.parse().ok()) else {
                continue;
            };
            match read(&files, generation) {
                Ok(manifest) => {
                    let changed = std::fs::metadata(path.join(&name)).and_then(|it| it.modified());
                    let stored = StoredManifest {
                        manifest: Arc::new(manifest),
                        stored_at_ms: changed.map_or(0, unix_ms_of),
                        signature: read_signature(&files, generation).map_err(unusable)?,
                    };
                    known.insert(generation, stored);
                }
                Err(why) => {
                    tracing::warn!(target: "agent_activation", %generation, why,
                        "a manifest cannot be used; offer the generation again");
                }
            }
        }
        Ok(Self {
            directory: path,
            files,
            known: Mutex::new(known),
        })
    }

    /// The manifests by generation.
    pub(super) fn all(&self) -> BTreeMap<Generation, StoredManifest> {
        self.known().clone()
    }

    /// Keeps a manifest whose signature was checked. On return both are durable.
    pub(super) fn save(
        &self,
        generation: Generation,
        (bytes, signature): (&[u8], &str),
        manifest: Manifest,
    ) -> io::Result<()> {
        let mut files = self.files.clone();
        replace(
            &mut files,
            &format!("{generation}{SIGNATURE}"),
            signature.as_bytes(),
        )?;
        replace(&mut files, &format!("{generation}{MANIFEST}"), bytes)?;
        let stored = StoredManifest {
            manifest: Arc::new(manifest),
            stored_at_ms: unix_ms(),
            signature: Some(hash_of(signature.as_bytes())),
        };
        self.known().insert(generation, stored);
        Ok(())
    }

    /// Reads a manifest and its signature as they were taken in; `None` if one of them is not there.
    pub(super) fn signed(&self, generation: Generation) -> io::Result<Option<(Vec<u8>, String)>> {
        let bytes = self.files.read(&format!("{generation}{MANIFEST}"))?;
        let signature = self.files.read(&format!("{generation}{SIGNATURE}"))?;
        Ok(bytes.zip(signature).map(|(bytes, signature)| {
            let signature = String::from_utf8_lossy(&signature).into_owned();
            (bytes, signature)
        }))
    }

    /// Returns the path of the manifest or signature that has this hash.
    pub(super) fn find(&self, hash: ObjectHash) -> Option<PathBuf> {
        let known = self.known();
        let name = if known.contains_key(&Generation(hash.0)) {
            format!("{hash}{MANIFEST}")
        } else {
            let mut all = known.iter();
            let (generation, _) = all.find(|(_, stored)| stored.signature == Some(hash))?;
            format!("{generation}{SIGNATURE}")
        };
        Some(self.directory.join(name))
    }

    /// Forgets a generation. The manifest goes first: a signature alone is nothing.
    pub(super) fn remove(&self, generation: Generation) -> io::Result<()> {
        let mut files = self.files.clone();
        files.remove(&format!("{generation}{MANIFEST}"))?;
        files.remove(&format!("{generation}{SIGNATURE}"))?;
        files.sync_names()?;
        self.known().remove(&generation);
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Generation, StoredManifest>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a time as it is remembered.
fn unix_ms_of(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    u64::try_from(millis).unwrap_or_default()
}

fn hash_of(bytes: &[u8]) -> ObjectHash {
    ObjectHash(Sha256::digest(bytes).into())
}

fn read_signature(files: &Files, generation: Generation) -> io::Result<Option<ObjectHash>> {
    let bytes = files.read(&format!("{generation}{SIGNATURE}"))?;
    Ok(bytes.as_deref().map(hash_of))
}

fn read(files: &Files, generation: Generation) -> Result<Manifest, String> {
    let bytes = files.read(&format!("{generation}{MANIFEST}"));
    let bytes = bytes.map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or("it is gone")?;
    if generation_of(&bytes) != generation {
        return Err("its content is another than its name says".to_owned());
    }
    Manifest::parse(&bytes).map_err(|error| error.to_string())
}
