//! The one file that carries a generation: a tar archive, so that ordinary tools open it.
//!
//! Its members are `manifest.json`, `manifest.json.minisig`, and `files/SHA256.zst` for each content: what
//! `tar -x`, `minisign -V` and `zstd -d` take. The first two come first, so that a reader knows what it deals with
//! before it reads on.

use crate::delta::{self, ExpandError, ExpectedFile};
use crate::manifest::{MANIFEST_BYTES_MAX, Manifest, ManifestError, TreeFile, generation_of};
use crate::signature::{KeyId, SIGNATURE_BYTES_MAX, SignatureError, TrustedKeys};
use lastword_protocol::{Generation, ObjectHash};
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use tar::{Builder, Header};

/// The manifest's member.
pub const MANIFEST_MEMBER: &str = "manifest.json";
/// Its signature's.
pub const SIGNATURE_MEMBER: &str = "manifest.json.minisig";
/// The directory of the contents.
const FILES_DIRECTORY: &str = "files";
const FILES_PREFIX: &str = "files/";
/// The longest end that is taken, in bytes: tar fills a record, of 10 KiB unless it is told otherwise.
const END_MAX_BYTES: u64 = 1 << 20;
const EARLY_END: &str = "the file ends early, or is no archive";
/// The length of tar's blocks, in bytes.
const BLOCK_BYTES: u64 = 512;
/// The length of its end: two blocks of zeros.
const END_BYTES: u64 = 2 * BLOCK_BYTES;
/// The end of a content's name.
const FILE_SUFFIX: &str = ".zst";

/// A generation in its file, whose members were looked at and whose contents are read when they are asked for.
#[derive(Debug)]
pub struct GenerationArchive {
    file: File,
    manifest: Vec<u8>,
    signature: String,
    contents: HashMap<ObjectHash, MemberRange>,
}

/// The place of a member's bytes in the file.
#[derive(Clone, Copy, Debug)]
struct MemberRange {
    offset: u64,
    length: u64,
}

/// A reason why a file is no generation, or not the one that it says.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be read, or is no tar archive.
    #[error("cannot read the archive: {0}")]
    Read(#[from] io::Error),
    /// Its members are not those of a generation.
    #[error("no generation: {0}")]
    Member(String),
    /// Its signature does not count.
    #[error("signature mismatch on {generation}: {source}")]
    Signature {
        /// The generation.
        generation: Generation,
        /// The reason.
        source: SignatureError,
    },
    /// Its manifest holds what it must not.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A content is not what the manifest says.
    #[error("{path}: {source}")]
    Content {
        /// A file with that content.
        path: String,
        /// The fault.
        source: ExpandError,
    },
}

impl GenerationArchive {
    /// Opens a file and finds its members. Nothing of them has been checked then.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Read`], [`ArchiveError::Member`].
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        // Opening a FIFO would wait for whoever writes to it.
        if !fs::metadata(path)?.is_file() {
            return Err(ArchiveError::Member("not a regular file".to_owned()));
        }
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        if !length.is_multiple_of(BLOCK_BYTES) {
            return Err(ArchiveError::Member(EARLY_END.to_owned()));
        }
        let mut archive = tar::Archive::new(file);
        let mut members = ArchiveMembers::default();
        // Raw, because a long name or a value of any length would be read into memory: ours are short.
        for entry in archive.entries_with_seek()?.raw(true) {
            members.take(&mut entry.map_err(not_read)?)?;
        }
        if length < members.end.saturating_add(END_BYTES) {
            return Err(ArchiveError::Member(EARLY_END.to_owned()));
        }
        let mut file = archive.into_inner();
        check_end(&mut file, members.end, length)?;
        let missing = |name| ArchiveError::Member(format!("{name} is missing"));
        let signature = members.signature.ok_or_else(|| missing(SIGNATURE_MEMBER))?;
        let signature = String::from_utf8(signature)
            .map_err(|_| ArchiveError::Member(format!("{SIGNATURE_MEMBER} is no text")))?;
        Ok(Self {
            file,
            manifest: members.manifest.ok_or_else(|| missing(MANIFEST_MEMBER))?,
            signature,
            contents: members.contents,
        })
    }

    /// The raw bytes of the manifest.
    #[must_use]
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.manifest
    }

    /// The text of its signature.
    #[must_use]
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// The generation's name.
    #[must_use]
    pub fn generation(&self) -> Generation {
        generation_of(&self.manifest)
    }

    /// Checks the signature, and returns the key.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Signature`].
    pub fn check_signature(&self, keys: &TrustedKeys) -> Result<KeyId, ArchiveError> {
        let checked = keys.verify(&self.manifest, &self.signature);
        checked.map_err(|source| ArchiveError::Signature {
            generation: self.generation(),
            source,
        })
    }

    /// Returns the manifest, and finds that the contents of all its files are there, and no others.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Manifest`], [`ArchiveError::Member`].
    pub fn manifest(&self) -> Result<Manifest, ArchiveError> {
        let manifest = Manifest::parse(&self.manifest)?;
        for file in &manifest.files {
            if !self.contents.contains_key(&file.sha256) {
                let message = format!("the content of {} is missing", file.path);
                return Err(ArchiveError::Member(message));
            }
        }
        let named: HashSet<_> = manifest.files.iter().map(|file| file.sha256).collect();
        if let Some(extra) = self.contents.keys().find(|hash| !named.contains(hash)) {
            let message = format!("no file has the content {extra}");
            return Err(ArchiveError::Member(message));
        }
        Ok(manifest)
    }

    /// Returns the number of bytes of a content as it is in the archive, compressed.
    #[must_use]
    pub fn packed_bytes(&self, content: ObjectHash) -> Option<u64> {
        self.contents.get(&content).map(|range| range.length)
    }

    /// Returns a content as it is in the archive, compressed.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Read`], [`ArchiveError::Member`].
    pub fn packed(&mut self, content: ObjectHash) -> Result<impl Read, ArchiveError> {
        let range = self.contents.get(&content);
        let range = *range
            .ok_or_else(|| ArchiveError::Member(format!("the content {content} is missing")))?;
        self.file.seek(SeekFrom::Start(range.offset))?;
        Ok((&self.file).take(range.length))
    }

    /// Writes the content of a file to `out`, and checks it. What was written is of no use after an error.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`].
    pub fn extract(
        &mut self,
        path: &str,
        expected: ExpectedFile,
        out: &mut impl Write,
    ) -> Result<(), ArchiveError> {
        let packed = self.packed(expected.hash)?;
        delta::expand(packed, &[], expected, out).map_err(|source| ArchiveError::Content {
            path: path.to_owned(),
            source,
        })
    }
}

/// The members of an archive, as far as it was read.
#[derive(Default)]
struct ArchiveMembers {
    manifest: Option<Vec<u8>>,
    signature: Option<Vec<u8>>,
    contents: HashMap<ObjectHash, MemberRange>,
    /// The offset behind the last member.
    end: u64,
}

impl ArchiveMembers {
    fn take(&mut self, entry: &mut tar::Entry<'_, impl Read>) -> Result<(), ArchiveError> {
        let (offset, length) = (entry.raw_file_position(), entry.size());
        let blocks = length.div_ceil(BLOCK_BYTES).saturating_mul(BLOCK_BYTES);
        self.end = offset.saturating_add(blocks);
        let kind = entry.header().entry_type();
        let is_extension = kind.is_pax_local_extensions()
            || kind.is_pax_global_extensions()
            || kind.is_gnu_longname()
            || kind.is_gnu_longlink();
        if is_extension {
            return Ok(());
        }
        let name = member_name(entry)?;
        if kind.is_dir() && matches!(name.trim_end_matches('/'), "" | "." | FILES_DIRECTORY) {
            return Ok(());
        }
        if !kind.is_file() {
            return Err(ArchiveError::Member(format!("{name:?} is no regular file")));
        }
        let is_again = match &*name {
            MANIFEST_MEMBER => {
                let manifest = read_bounded(entry, &name, MANIFEST_BYTES_MAX)?;
                self.manifest.replace(manifest).is_some()
            }
            SIGNATURE_MEMBER => {
                let signature = read_bounded(entry, &name, SIGNATURE_BYTES_MAX)?;
                self.signature.replace(signature).is_some()
            }
            name => {
                let unknown = || ArchiveError::Member(format!("{name:?} does not belong to one"));
                let hash = content_hash(name).ok_or_else(unknown)?;
                let range = MemberRange { offset, length };
                self.contents.insert(hash, range).is_some()
            }
        };
        if is_again {
            return Err(ArchiveError::Member(format!("{name:?} is there twice")));
        }
        Ok(())
    }
}

/// Returns the fault of what cannot be read: of what is no archive the reader would quote all of it.
fn not_read(error: io::Error) -> ArchiveError {
    if error.raw_os_error().is_some() {
        return ArchiveError::Read(error);
    }
    ArchiveError::Member("no tar archive".to_owned())
}

/// Checks that nothing but zeros follows the last member.
fn check_end(file: &mut File, end: u64, length: u64) -> Result<(), ArchiveError> {
    let more = || ArchiveError::Member("something follows its end".to_owned());
    if length.saturating_sub(end) > END_MAX_BYTES {
        return Err(more());
    }
    let mut rest = Vec::new();
    file.seek(SeekFrom::Start(end))?;
    file.take(END_MAX_BYTES).read_to_end(&mut rest)?;
    if rest.iter().any(|byte| *byte != 0) {
        return Err(more());
    }
    Ok(())
}

/// Returns a member's name, without the `./` of many archives.
fn member_name(entry: &tar::Entry<'_, impl Read>) -> Result<String, ArchiveError> {
    let name = String::from_utf8(entry.path_bytes().into_owned())
        .map_err(|_| ArchiveError::Member("a member's name is no text".into()))?;
    let name = name.strip_prefix("./").unwrap_or(&name);
    Ok(name.to_owned())
}

fn content_hash(name: &str) -> Option<ObjectHash> {
    let digits = name.strip_prefix(FILES_PREFIX)?.strip_suffix(FILE_SUFFIX)?;
    let hash: ObjectHash = digits.parse().ok()?;
    (hash.to_string() == digits).then_some(hash)
}

fn read_bounded(entry: &mut impl Read, name: &str, most: usize) -> Result<Vec<u8>, ArchiveError> {
    let mut bytes = Vec::new();
    entry.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        let message = format!("{name} is over {most} bytes");
        return Err(ArchiveError::Member(message));
    }
    Ok(bytes)
}

/// Writes a generation: its manifest and signature, which come first, and the content of each of its files, as `pack`
/// compresses it.
///
/// # Errors
///
/// Whatever `pack` and `out` say. What was written is of no use then.
pub fn write<E: From<io::Error>>(
    out: impl Write,
    manifest: &Manifest,
    (bytes, signature): (&[u8], &str),
    mut pack: impl FnMut(&TreeFile) -> Result<Vec<u8>, E>,
) -> Result<(), E> {
    let mut archive = ArchiveWriter(Builder::new(out));
    archive.member(MANIFEST_MEMBER, bytes)?;
    archive.member(SIGNATURE_MEMBER, signature.as_bytes())?;
    let mut done = HashSet::new();
    for file in &manifest.files {
        let hash = file.sha256;
        if done.insert(hash) {
            let packed = pack(file)?;
            archive.member(&format!("{FILES_PREFIX}{hash}{FILE_SUFFIX}"), &packed)?;
        }
    }
    let mut out = archive.0.into_inner()?;
    // A buffer that is dropped would not say that its rest cannot be written.
    Ok(out.flush()?)
}

struct ArchiveWriter<W: Write>(Builder<W>);

impl<W: Write> ArchiveWriter<W> {
    fn member(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        // Neither times nor owners: the same generation is the same file, its signature apart.
        let mut header = Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(MEMBER_MODE);
        header.set_mtime(0);
        self.0.append_data(&mut header, name, bytes)
    }
}

const MEMBER_MODE: u32 = 0o644;
