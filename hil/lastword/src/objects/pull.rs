//! `gen pull`: a generation from the board into a file, of which only that is fetched which the desk does not have.

use super::base_archives::BaseArchives;
use super::local_file::hash_of;
use super::push::wrong;
use super::{ObjectTransfer, unusable};
use crate::Exit;
use crate::generation::{self, PullOptions, UnfinishedFile};
use crate::report::{self, Reader};
use crate::trouble::Trouble;
use lastword_generation::Manifest;
use lastword_generation::archive;
use lastword_generation::builder::PACK_LEVEL;
use lastword_generation::delta::compress;
use lastword_generation::manifest::{MANIFEST_BYTES_MAX, TreeFile};
use lastword_generation::signature::SIGNATURE_BYTES_MAX;
use lastword_protocol::message::generation::{GenerationName, GenerationRequest, GenerationRole};
use lastword_protocol::message::service::Item;
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::refusal::Code;
use lastword_protocol::{Generation, ObjectHash};
use nix::unistd::geteuid;
use serde_json::{Map, Value as Json};
use std::collections::HashSet;
use std::fs::{self, DirBuilder};
use std::io::{self, BufWriter, Read as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The mode of a directory that nobody else has to do with, and the bits by which others could write to one.
const DIRECTORY_MODE: u32 = 0o700;
const OTHERS_WRITE: u32 = 0o022;

/// A generation as the board tells it.
struct OfferedGeneration {
    generation: Generation,
    name: String,
    version: String,
    signature: ObjectHash,
}

/// The directory with what was fetched, beside the file that it becomes: an attempt that is repeated goes on there.
struct PullDirectory(PathBuf);

/// The tally of a pull.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct PullTally {
    /// The contents that were fetched.
    fetched: u64,
    /// Their bytes.
    fetched_bytes: u64,
    /// The contents that were here.
    present: u64,
}

impl ObjectTransfer<'_> {
    /// Fetches a generation from the board into a file.
    pub(super) async fn pull(&mut self, options: &PullOptions) -> Result<(), Trouble> {
        let offered = self.find(options.name.as_deref()).await?;
        let output = options
            .output
            .clone()
            .unwrap_or_else(|| generation::default_output(&offered.name, &offered.version));
        generation::check_output(&output)?;
        let directory = PullDirectory::beside(&output, offered.generation)?;
        let manifest_hash = ObjectHash(offered.generation.0);
        let bytes = self
            .fetch_bytes(&directory, manifest_hash, MANIFEST_BYTES_MAX)
            .await?;
        let signature = self
            .fetch_bytes(&directory, offered.signature, SIGNATURE_BYTES_MAX)
            .await?;
        let signature = String::from_utf8(signature)
            .map_err(|_| (Code::BadValue, "the signature is no text".into(), Exit::No))?;
        let manifest = Manifest::parse(&bytes)
            .map_err(|error| (Code::BadValue, error.to_string(), Exit::No))?;
        let mut bases = BaseArchives::find(&options.base, &output, None);
        let mut tally = PullTally::default();
        let mut seen = HashSet::new();
        for file in &manifest.files {
            if seen.insert(file.sha256) {
                self.fetch_content(&directory, file, &mut bases, &mut tally)
                    .await?;
            }
        }
        write(&directory, &manifest, (&bytes, &signature), &output)?;
        directory.remove();
        self.tell_pull(&offered, tally, &output);
        Ok(())
    }

    /// Asks the board for a generation: the one that it runs, unless one is named.
    async fn find(&mut self, name: Option<&str>) -> Result<OfferedGeneration, Trouble> {
        let name = if let Some(name) = name {
            name.to_owned()
        } else {
            let replies = self.ask(&request(GenerationRequest::Current)).await?;
            let current = items(&replies).find_map(|item| match item {
                Item::Generation(brief) => Some(brief.generation.to_string()),
                _ => None,
            });
            let nothing = "the board runs no generation: name one of `gen list`".to_owned();
            current.ok_or((Code::Unknown, nothing, Exit::No))?
        };
        let name = GenerationName::try_from(&*name).map_err(|_| {
            let detail = "the name of a generation has 64 digits".to_owned();
            (Code::BadValue, detail, Exit::Usage)
        })?;
        let replies = self.ask(&request(GenerationRequest::Show(name))).await?;
        let (mut shown, mut signature) = (None, None);
        for item in items(&replies) {
            match item {
                Item::Generation(brief) => shown = Some(brief),
                Item::Signature(brief) => signature = Some(brief.signature),
                _ => {}
            }
        }
        let missing = |what: &str| (Code::NotHere, what.to_owned(), Exit::No);
        let shown = shown.ok_or_else(|| missing("the board does not show it"))?;
        if shown.role == GenerationRole::Incomplete {
            let detail = "contents of it are missing on the board".to_owned();
            return Err((Code::BadValue, detail, Exit::No));
        }
        let signature =
            signature.ok_or_else(|| missing("the board does not tell its signature: update it"))?;
        Ok(OfferedGeneration {
            generation: shown.generation,
            name: shown.name.to_owned(),
            version: shown.version.to_owned(),
            signature,
        })
    }

    async fn fetch_bytes(
        &mut self,
        directory: &PullDirectory,
        hash: ObjectHash,
        bytes_max: usize,
    ) -> Result<Vec<u8>, Trouble> {
        let path = directory.path(hash);
        if !directory.has(hash)? {
            self.fetch(hash, &path).await?;
        }
        let mut bytes = Vec::new();
        let file = fs::File::open(&path).map_err(|error| unusable(&path, &error))?;
        let read = file.take(bytes_max as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| unusable(&path, &error))?;
        if bytes_max < bytes.len() {
            let detail = format!("the board sends more than {bytes_max} bytes of {hash}");
            return Err((Code::TooLong, detail, Exit::No));
        }
        Ok(bytes)
    }

    async fn fetch_content(
        &mut self,
        directory: &PullDirectory,
        file: &TreeFile,
        bases: &mut BaseArchives,
        tally: &mut PullTally,
    ) -> Result<(), Trouble> {
        let path = directory.path(file.sha256);
        if directory.has(file.sha256)? {
            tally.present += 1;
            return Ok(());
        }
        if let Some(content) = bases.read(file.sha256, u64::MAX) {
            tally.present += 1;
            return fs::write(&path, content).map_err(|error| unusable(&path, &error));
        }
        let progress = self.fetch(file.sha256, &path).await?;
        tally.fetched += 1;
        tally.fetched_bytes += progress.size - progress.from;
        Ok(())
    }

    fn tell_pull(&self, pulled: &OfferedGeneration, tally: PullTally, output: &Path) {
        let PullTally {
            fetched,
            fetched_bytes,
            present,
        } = tally;
        let generation = pulled.generation.to_string();
        if self.reader == Reader::Program {
            let mut told = Map::new();
            told.insert("generation".to_owned(), generation.into());
            told.insert("file".to_owned(), output.display().to_string().into());
            for (key, number) in [
                ("fetched", fetched),
                ("fetched_bytes", fetched_bytes),
                ("present", present),
            ] {
                told.insert(key.to_owned(), Json::from(number));
            }
            return report::object(told);
        }
        let (name, version) = (&pulled.name, &pulled.version);
        report::desk_line(&format!(
            "generation {generation}: {name} {version}: fetched {fetched_bytes} bytes (contents: {fetched}, here already: {present}); \
             {}",
            output.display()
        ));
    }
}

impl PullDirectory {
    fn beside(output: &Path, generation: Generation) -> Result<Self, Trouble> {
        let path = output.with_file_name(format!(".{generation}.pull"));
        let mut builder = DirBuilder::new();
        match builder.mode(DIRECTORY_MODE).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(unusable(output, &error));
            }
            _ => {}
        }
        let found = fs::symlink_metadata(&path).map_err(|error| unusable(&path, &error))?;
        let is_own = found.is_dir() && found.uid() == geteuid().as_raw();
        // What others may write to could lead anywhere.
        if !is_own || found.mode() & OTHERS_WRITE != 0 {
            let fault = io::Error::other("is not a directory of this user alone; remove it");
            return Err(unusable(&path, &fault));
        }
        Ok(Self(path))
    }

    fn path(&self, hash: ObjectHash) -> PathBuf {
        self.0.join(hash.to_string())
    }

    /// Returns whether an object is here, whole. Anything else under its name, or that of its part, is removed.
    fn has(&self, hash: ObjectHash) -> Result<bool, Trouble> {
        let path = self.path(hash);
        let part = self.0.join(format!(".{hash}.part"));
        for named in [&path, &part] {
            let is_file = fs::symlink_metadata(named).is_ok_and(|it| it.is_file());
            if !is_file && fs::symlink_metadata(named).is_ok() {
                fs::remove_file(named).map_err(|error| unusable(named, &error))?;
            }
        }
        if !path.exists() {
            return Ok(false);
        }
        let file = fs::File::open(&path).and_then(|file| hash_of(&file));
        let (found, _) = file.map_err(|error| unusable(&path, &error))?;
        if found != hash {
            fs::remove_file(&path).map_err(|error| unusable(&path, &error))?;
        }
        Ok(found == hash)
    }

    fn remove(self) {
        // What is left there is of no use, and harms nobody.
        let _ = fs::remove_dir_all(self.0);
    }
}

/// Writes the file of a generation whose contents were fetched.
fn write(
    directory: &PullDirectory,
    manifest: &Manifest,
    signed: (&[u8], &str),
    output: &Path,
) -> Result<(), Trouble> {
    let unusable = |error: &io::Error| unusable(output, error);
    let mut file = UnfinishedFile::beside(output).map_err(|it| unusable(&it))?;
    let out = BufWriter::new(file.writer());
    let written = archive::write(out, manifest, signed, |file| {
        compress(&fs::read(directory.path(file.sha256))?, &[], PACK_LEVEL)
    });
    written.map_err(|it| unusable(&it))?;
    file.finish(output).map_err(|it| unusable(&it))?;
    // What was written is what a later `gen push` reads.
    let read = generation::open(output)?.manifest();
    read.map(drop).map_err(|error| wrong(output, error))
}

const fn request(request: GenerationRequest) -> Request {
    Request::Generation(request)
}

fn items(replies: &[Reply]) -> impl Iterator<Item = Item<'_>> {
    replies.iter().flat_map(report::items)
}
