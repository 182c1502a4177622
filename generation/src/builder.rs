//! From a directory and its description to a signed generation in one file.

mod tree_walk;

use crate::archive;
use crate::delta::{self, ExpectedFile};
use crate::description::GenerationDescription;
use crate::manifest::{MANIFEST_FORMAT, ManifestFields, generation_of};
use crate::secret_key::{SecretKeyError, SigningKey};
use crate::signature::TrustedKeys;
use crate::{Manifest, ManifestError, TreePath};
use lastword_protocol::{Generation, ObjectHash};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The level at which contents are compressed.
pub const PACK_LEVEL: i32 = 9;

/// A generation that was built, and is to be written.
#[derive(Debug)]
pub struct BuiltGeneration {
    directory: PathBuf,
    manifest: Manifest,
    bytes: Vec<u8>,
}

/// A reason why a directory makes no generation.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Something in the directory cannot be part of one.
    #[error("{}: {fault}", path.display())]
    Tree {
        /// The file or directory.
        path: PathBuf,
        /// The fault, and the remedy.
        fault: String,
    },
    /// The archive cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
    /// Something in the directory cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The whole holds what it must not.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It cannot be signed.
    #[error("cannot sign: {0}")]
    Sign(#[from] SecretKeyError),
}

impl BuiltGeneration {
    /// Reads all files of `directory`.
    ///
    /// # Errors
    ///
    /// [`BuildError`].
    pub fn read(directory: &Path, description: GenerationDescription) -> Result<Self, BuildError> {
        let tree = tree_walk::walk(directory, &description.set_id)?;
        let manifest = Manifest::new(ManifestFields {
            format: MANIFEST_FORMAT,
            name: description.name,
            version: description.version,
            compatible: description.compatible,
            architecture: description.architecture,
            security_version: description.security_version,
            soak: description.soak,
            checks: description.checks,
            reboot_components: description.reboot_components,
            files: tree.files,
            links: tree.links,
        })?;
        let bytes = manifest.to_bytes()?;
        let directory = directory.to_owned();
        Ok(Self {
            directory,
            manifest,
            bytes,
        })
    }

    /// The manifest.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The name of the generation.
    #[must_use]
    pub fn generation(&self) -> Generation {
        generation_of(&self.bytes)
    }

    /// Signs the generation and writes it. A file that has changed since it was read is an error.
    ///
    /// # Errors
    ///
    /// [`BuildError`]. What was written is of no use then.
    pub fn write(&self, key: &SigningKey, out: impl Write) -> Result<(), BuildError> {
        let generation = self.generation();
        let comment = format!(
            "lastword generation {generation} {} {}",
            self.manifest.name, self.manifest.version
        );
        let signature = key.sign(&self.bytes, &comment)?;
        // A key whose file is damaged signs what nobody can verify.
        let public = TrustedKeys {
            trusted: vec![key.public()?],
            revoked: Vec::new(),
        };
        if public.verify(&self.bytes, &signature).is_err() {
            return Err(SecretKeyError::Unreadable.into());
        }
        archive::write(out, &self.manifest, (&self.bytes, &signature), |file| {
            let hash = file.sha256;
            let size = file.size;
            let content = self.content(&file.path, ExpectedFile { hash, size })?;
            Ok(delta::compress(&content, &[], PACK_LEVEL)?)
        })
    }

    fn content(&self, path: &TreePath, expected: ExpectedFile) -> Result<Vec<u8>, BuildError> {
        let path = self.directory.join(path);
        let content = fs::read(&path);
        let content = content.map_err(|source| BuildError::Io {
            path: path.clone(),
            source,
        })?;
        if ObjectHash(Sha256::digest(&content).into()) == expected.hash {
            return Ok(content);
        }
        let fault = "changed while the generation was built; build it again".into();
        Err(BuildError::Tree { path, fault })
    }
}

#[cfg(test)]
mod tests;
