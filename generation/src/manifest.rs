//! The manifest of a generation: what it consists of, which boards it is for, and when it is healthy.

mod check;
mod links;

use crate::TreePath;
use crate::health_check::HealthCheck;
use lastword_protocol::{Generation, Millis, ObjectHash};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::ops::Deref;

/// The number of the format that this crate reads and writes.
pub const MANIFEST_FORMAT: u32 = 1;
/// The largest manifest, in bytes.
pub const MANIFEST_BYTES_MAX: usize = 4 << 20;
/// The most files and links of a generation.
pub const FILES_MAX: usize = 32_768;
/// The largest sum of all files, in bytes.
pub const TREE_BYTES_MAX: u64 = 1 << 40;
/// The most boards that a generation can be said to be compatible with.
pub const COMPATIBLE_MAX: usize = 32;
/// The longest name, version, or kind of board, in bytes.
pub const LABEL_BYTES_MAX: usize = 64;
/// The most components that need a reboot.
pub const COMPONENTS_MAX: usize = 32;
/// The most paths of a component that needs a reboot.
pub const COMPONENT_PATHS_MAX: usize = 64;
/// The longest soak.
pub const SOAK_MAX: Millis = Millis(30 * 24 * 3_600_000);
/// The architecture of a generation that runs on each.
pub const ANY_ARCHITECTURE: &str = "any";
/// The directory of a generation whose `*.kdl` are service files.
pub const SERVICES_DIRECTORY: &str = "services";
const SERVICE_SUFFIX: &str = ".kdl";

/// A manifest that holds what the fields alone do not say: paths stay inside the tree, none is in the way of
/// another, and everything is within its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest(ManifestFields);

/// The fields of a manifest, as JSON has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ManifestFields {
    /// [`MANIFEST_FORMAT`].
    pub format: u32,
    /// The name of the product, for people.
    pub name: String,
    /// The version, for people: generations are told apart by their hashes.
    pub version: String,
    /// The kinds of board that it is for: one of them must be one of the board's own. At least one.
    pub compatible: Vec<String>,
    /// The machine, as `uname -m` says, or [`ANY_ARCHITECTURE`].
    pub architecture: String,
    /// A number that only grows, with each fix that must not be undone.
    pub security_version: u32,
    /// The time for which the checks must hold before the generation is kept.
    pub soak: SoakEnd,
    /// The conditions that hold meanwhile.
    pub checks: Vec<HealthCheck>,
    /// The parts that take effect at a reboot only.
    pub reboot_components: Vec<RebootComponent>,
    /// The regular files, in the order of their paths.
    pub files: Vec<TreeFile>,
    /// The symbolic links, in the order of their paths.
    pub links: Vec<TreeLink>,
}

/// The end of a soak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SoakEnd {
    /// After that many milliseconds.
    ForMs(u64),
    /// A confirmation by somebody.
    Manual,
}

/// A part of a generation, a boot loader or a kernel for instance, that takes effect at a reboot only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RebootComponent {
    /// Its name, for people.
    pub name: String,
    /// Its files and directories.
    pub paths: Vec<TreePath>,
}

/// A regular file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TreeFile {
    /// The place in the tree.
    pub path: TreePath,
    /// The SHA-256 of its content.
    #[serde(with = "crate::hexadecimal")]
    pub sha256: ObjectHash,
    /// Its length in bytes.
    pub size: u64,
    /// Its permissions.
    pub mode: FileMode,
}

/// A symbolic link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TreeLink {
    /// The place in the tree.
    pub path: TreePath,
    /// The target, relative to the link's directory.
    pub target: String,
}

/// The permissions of a file: the twelve bits of chmod(2), written as four octal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileMode(u16);

/// A reason why bytes are no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Too many.
    #[error("manifest is {0} bytes long, over {MANIFEST_BYTES_MAX}")]
    TooLong(usize),
    /// No JSON of these fields; the error says where.
    #[error("manifest: {0}")]
    Json(#[from] serde_json::Error),
    /// Another format.
    #[error("manifest has format {0}; this program knows format {MANIFEST_FORMAT}: update it")]
    Format(u32),
    /// A field holds what it must not.
    #[error("manifest: {field}: {fault}")]
    Field {
        /// The field, and its element.
        field: String,
        /// The fault.
        fault: String,
    },
}

/// As much of a manifest as every format has.
#[derive(Deserialize)]
#[serde(expecting = "a manifest, which is an object")]
struct FormatOnly {
    format: u32,
}

impl Manifest {
    /// Reads a manifest. Its signature must have been checked before: see [`crate::signature`].
    ///
    /// # Errors
    ///
    /// [`ManifestError`]: it is too long, no manifest, or holds what no board may be made to do.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(ManifestError::TooLong(bytes.len()));
        }
        // The format comes first, so that a newer one is not told to have an unknown field.
        let FormatOnly { format } = serde_json::from_slice(bytes)?;
        if format != MANIFEST_FORMAT {
            return Err(ManifestError::Format(format));
        }
        let fields: ManifestFields = serde_json::from_slice(bytes)?;
        // A structure may also be spelled as an array, for instance.
        let document: serde_json::Value = serde_json::from_slice(bytes)?;
        if serde_json::to_value(&fields)? != document {
            let (field, fault) = ("form".to_owned(), "not the documented one".to_owned());
            return Err(ManifestError::Field { field, fault });
        }
        Self::new(fields)
    }

    /// Checks the fields of a manifest.
    ///
    /// # Errors
    ///
    /// [`ManifestError::Field`]: the first that holds what it must not.
    pub fn new(fields: ManifestFields) -> Result<Self, ManifestError> {
        check::check(&fields)?;
        Ok(Self(fields))
    }

    /// Returns the bytes that are signed, and that the generation is named after: JSON, and a line end.
    ///
    /// # Errors
    ///
    /// [`ManifestError::TooLong`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        let mut bytes = serde_json::to_vec_pretty(&self.0)?;
        bytes.push(b'\n');
        match bytes.len() {
            0..=MANIFEST_BYTES_MAX => Ok(bytes),
            length => Err(ManifestError::TooLong(length)),
        }
    }

    /// The sum of all files, in bytes.
    #[must_use]
    pub fn tree_bytes(&self) -> u64 {
        // Within `TREE_BYTES_MAX`, as was checked.
        self.files.iter().map(|file| file.size).sum()
    }

    /// Returns the file at a path, if there is one.
    #[must_use]
    pub fn file(&self, path: &TreePath) -> Option<&TreeFile> {
        let found = self.files.binary_search_by(|file| file.path.cmp(path));
        self.files.get(found.ok()?)
    }

    /// Returns the service files: `services/*.kdl`.
    pub fn service_files(&self) -> impl Iterator<Item = &TreeFile> {
        self.files.iter().filter(|file| {
            let path = file.path.as_str().split_once('/');
            path.is_some_and(|(directory, name)| {
                directory == SERVICES_DIRECTORY
                    && !name.contains('/')
                    && name.ends_with(SERVICE_SUFFIX)
            })
        })
    }

    /// Returns the first kind of board of `kinds` that the generation is for.
    pub fn compatible_with<'k>(&self, mut kinds: impl Iterator<Item = &'k str>) -> Option<&'k str> {
        kinds.find(|kind| self.compatible.iter().any(|it| it == kind))
    }

    /// Returns whether the generation runs on a machine, named as `uname -m` names it.
    #[must_use]
    pub fn runs_on(&self, machine: &str) -> bool {
        self.architecture == machine || self.architecture == ANY_ARCHITECTURE
    }
}

impl Deref for Manifest {
    type Target = ManifestFields;

    fn deref(&self) -> &ManifestFields {
        &self.0
    }
}

/// Returns the name of the generation whose manifest these bytes are.
#[must_use]
pub fn generation_of(manifest: &[u8]) -> Generation {
    Generation(Sha256::digest(manifest).into())
}

impl FileMode {
    const ALL_BITS: u32 = 0o7777;
    const SPECIAL_BITS: u16 = 0o7000;
    const EXECUTE_BITS: u16 = 0o111;
    const OTHERS_WRITE_BITS: u16 = 0o022;

    /// The permissions in `st_mode` of a file, without its kind.
    #[must_use]
    pub fn from_stat(mode: u32) -> Self {
        Self(u16::try_from(mode & Self::ALL_BITS).unwrap_or_default())
    }

    /// The bits, for chmod(2).
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0 as u32
    }

    /// Returns whether a set-user-ID, set-group-ID or sticky bit is set.
    #[must_use]
    pub const fn is_special(self) -> bool {
        self.0 & Self::SPECIAL_BITS != 0
    }

    /// Returns whether others than its owner may write to it: the files of trees are shared, and never changed.
    #[must_use]
    pub const fn is_open(self) -> bool {
        self.0 & Self::OTHERS_WRITE_BITS != 0
    }

    /// The same permissions, but that of others than the owner to write.
    #[must_use]
    pub const fn closed(self) -> Self {
        Self(self.0 & !Self::OTHERS_WRITE_BITS)
    }

    /// Returns whether anybody may execute it.
    #[must_use]
    pub const fn is_executable(self) -> bool {
        self.0 & Self::EXECUTE_BITS != 0
    }
}

impl TryFrom<String> for FileMode {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let bits = u16::from_str_radix(&text, 8).ok();
        let mode = bits.map(|bits| Self::from_stat(bits.into()));
        mode.filter(|mode| mode.to_string() == text)
            .ok_or("a mode is four octal digits")
    }
}

impl From<FileMode> for String {
    fn from(mode: FileMode) -> Self {
        mode.to_string()
    }
}

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

#[cfg(test)]
mod tests;
