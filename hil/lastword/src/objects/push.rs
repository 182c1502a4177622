//! `gen push`: a generation to a board, of which only that is sent which the board lacks.

use super::ObjectTransfer;
use super::base_archives::BaseArchives;
use super::local_file::PutFile;
use super::shown_progress::ShownProgress;
use crate::Exit;
use crate::generation::{self, DeltaCache, DeskError, MoveOptions};
use crate::report::{self, Reader};
use crate::trouble::{Trouble, lost};
use lastword_client::client::{ObjectId, TransferProgress};
use lastword_generation::Manifest;
use lastword_generation::archive::{ArchiveError, GenerationArchive};
use lastword_generation::delta::{DELTA_BYTES_MAX, ExpectedFile, compress};
use lastword_protocol::message::generation::{
    ContentExpansion, GenerationOffer, GenerationRequest, MissingContent,
};
use lastword_protocol::message::service::Item;
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::refusal::Code;
use lastword_protocol::{Generation, ObjectHash};
use serde_json::{Map, Value as Json};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// A content in the form in which it is sent.
struct PackedContent {
    bytes: Vec<u8>,
    /// The content that it was compressed against.
    base: Option<ObjectHash>,
}

/// The tally of a push.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct PushTally {
    /// The contents that were sent as differences.
    deltas: u64,
    /// The contents that were sent whole.
    whole: u64,
    /// The bytes of all of them, as they were sent.
    sent_bytes: u64,
    /// The bytes that all of them take whole, compressed.
    whole_bytes: u64,
}

impl ObjectTransfer<'_> {
    /// Moves a generation to the board.
    pub(super) async fn push(&mut self, file: &Path, options: &MoveOptions) -> Result<(), Trouble> {
        let mut archive = generation::open(file)?;
        let manifest = archive.manifest().map_err(|error| wrong(file, error))?;
        let generation = archive.generation();
        let mut bases = BaseArchives::find(&options.base, file, Some(generation));
        let cache = DeltaCache::open();
        let mut offer = self.put_signed(&archive).await?;
        offer.allow_older = options.allow_older;
        let mut tally = PushTally::default();
        let mut before = None;
        loop {
            let missing = self.offer(offer).await?;
            if missing.is_empty() {
                break;
            }
            if before.as_ref() == Some(&missing) {
                let detail = "the board takes contents and lacks them all the same";
                return Err((Code::Internal, detail.to_owned(), Exit::No));
            }
            for content in &missing {
                let packed = pack(
                    *content,
                    (&mut archive, &manifest),
                    (&mut bases, &cache),
                    options.level,
                );
                let packed = packed.map_err(|error| wrong(file, error));
                let (packed, whole_bytes) = packed?;
                tally.add(&packed, whole_bytes);
                if options.dry_run {
                    continue;
                }
                let is_delta = packed.base.is_some();
                match self.send(*content, packed).await {
                    // The board's older file may be gone, or damaged.
                    Err((_, _, Exit::No)) if is_delta => {
                        let (packed, _) = pack_whole(*content, &mut archive)
                            .map_err(|error| wrong(file, error))?;
                        tally.add(&packed, 0);
                        self.send(*content, packed).await?;
                    }
                    sent => sent?,
                }
            }
            if options.dry_run {
                break;
            }
            before = Some(missing);
        }
        self.tell_push(generation, &manifest, tally, options.dry_run);
        Ok(())
    }

    /// Puts the manifest and its signature.
    async fn put_signed(
        &mut self,
        archive: &GenerationArchive,
    ) -> Result<GenerationOffer, Trouble> {
        let manifest = self.put_bytes(archive.manifest_bytes()).await?;
        let signature = self.put_bytes(archive.signature().as_bytes()).await?;
        Ok(GenerationOffer {
            manifest,
            signature,
            allow_older: false,
        })
    }

    /// Offers the generation; returns what the board lacks of it.
    async fn offer(&mut self, offer: GenerationOffer) -> Result<Vec<MissingContent>, Trouble> {
        let request = Request::Generation(GenerationRequest::Offer(offer));
        let mut missing = Vec::new();
        for reply in self.ask(&request).await? {
            let Reply::Items(page) = reply else {
                continue;
            };
            missing.extend(page.items().filter_map(|item| match item {
                Item::MissingContent(content) => Some(content),
                _ => None,
            }));
        }
        Ok(missing)
    }

    async fn send(
        &mut self,
        content: MissingContent,
        packed: PackedContent,
    ) -> Result<(), Trouble> {
        let object = self.put_bytes(&packed.bytes).await?;
        let expansion = ContentExpansion {
            content: content.content,
            size: content.size,
            packed: object,
            base: packed.base,
        };
        let request = Request::Generation(GenerationRequest::Expand(expansion));
        self.ask(&request).await.map(drop)
    }

    /// Stores bytes as an object.
    async fn put_bytes(&mut self, bytes: &[u8]) -> Result<ObjectHash, Trouble> {
        let shown = ShownProgress::new(self.reader, self.order.quiet);
        let spooled = spool(bytes).and_then(|file| {
            let source = PutFile::of(file, shown);
            let object = source.object()?;
            Ok((source, object))
        });
        let spooled = spooled.map_err(|error| (Code::Internal, error.to_string(), Exit::No));
        let (mut source, object): (PutFile, ObjectId) = spooled?;
        let _: TransferProgress = self.store(object, &mut source).await?;
        source.shown().finish();
        Ok(object.hash)
    }

    /// Asks the board; returns all replies of the answer, none of which is a refusal.
    pub(super) async fn ask(&mut self, request: &Request) -> Result<Vec<Reply>, Trouble> {
        let client = self.client().await?;
        let reply = client.call(request).await.map_err(|error| lost(&error))?;
        let mut reader = client.rest_of(&reply);
        let mut replies = vec![reply];
        while reader.is_some() {
            let more = client.read_on(&mut reader).await;
            replies.extend(more.map_err(|error| lost(&error))?);
        }
        for reply in &replies {
            match reply {
                Reply::Refused(refusal) => {
                    return Err((refusal.code, refusal.detail.to_string(), Exit::No));
                }
                Reply::Unsupported(_) => {
                    let detail = "this board knows no generations";
                    return Err((Code::NotHere, detail.to_owned(), Exit::No));
                }
                _ => {}
            }
        }
        Ok(replies)
    }

    fn tell_push(
        &self,
        generation: Generation,
        manifest: &Manifest,
        tally: PushTally,
        is_dry_run: bool,
    ) {
        let PushTally {
            deltas,
            whole,
            sent_bytes,
            whole_bytes,
        } = tally;
        if self.reader == Reader::Program {
            let mut told = Map::new();
            told.insert("generation".to_owned(), generation.to_string().into());
            told.insert("dry_run".to_owned(), is_dry_run.into());
            for (key, number) in [
                ("deltas", deltas),
                ("whole", whole),
                ("sent_bytes", sent_bytes),
                ("whole_bytes", whole_bytes),
            ] {
                told.insert(key.to_owned(), Json::from(number));
            }
            return report::object(told);
        }
        let verb = if is_dry_run { "would send" } else { "sent" };
        let (name, version) = (&manifest.name, &manifest.version);
        report::desk_line(&format!(
            "generation {generation}: {name} {version}: {verb} {sent_bytes} bytes (differences: {deltas}, whole files: {whole}); \
             all of it whole: {whole_bytes} bytes"
        ));
    }
}

impl PushTally {
    const fn add(&mut self, packed: &PackedContent, whole_bytes: u64) {
        match packed.base {
            Some(_) => self.deltas += 1,
            None => self.whole += 1,
        }
        self.sent_bytes += packed.bytes.len() as u64;
        self.whole_bytes += whole_bytes;
    }
}

/// Compresses a content against what the board has, or takes it whole where that is no longer; returns it, and the length
/// of the whole.
fn pack(
    content: MissingContent,
    (archive, manifest): (&mut GenerationArchive, &Manifest),
    (bases, cache): (&mut BaseArchives, &DeltaCache),
    level: i32,
) -> Result<(PackedContent, u64), ArchiveError> {
    let whole_bytes = archive.packed_bytes(content.content);
    let delta = content.base.and_then(|base| {
        if let Some(kept) = cache.find(content.content, base, level) {
            return Some((base, kept));
        }
        let old = bases.read(base, DELTA_BYTES_MAX.saturating_sub(content.size))?;
        let file = manifest
            .files
            .iter()
            .find(|file| file.sha256 == content.content)?;
        let mut new = Vec::new();
        let expected = ExpectedFile {
            hash: content.content,
            size: content.size,
        };
        archive
            .extract(file.path.as_str(), expected, &mut new)
            .ok()?;
        let delta = compress(&new, &old, level).ok()?;
        cache.keep(content.content, base, level, &delta);
        Some((base, delta))
    });
    if let Some((base, bytes)) = delta
        && whole_bytes.is_none_or(|whole| (bytes.len() as u64) < whole)
    {
        let base = Some(base);
        return Ok((
            PackedContent { bytes, base },
            whole_bytes.unwrap_or_default(),
        ));
    }
    pack_whole(content, archive)
}

/// Takes a content as the generation's file has it; returns it, and its length.
fn pack_whole(
    content: MissingContent,
    archive: &mut GenerationArchive,
) -> Result<(PackedContent, u64), ArchiveError> {
    let mut bytes = Vec::new();
    let mut packed = archive.packed(content.content)?;
    packed.read_to_end(&mut bytes)?;
    let whole_bytes = bytes.len() as u64;
    Ok((PackedContent { bytes, base: None }, whole_bytes))
}

/// Writes bytes to a file without a name.
fn spool(bytes: &[u8]) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    Ok(file)
}

pub(super) fn wrong(file: &Path, error: impl std::fmt::Display) -> DeskError {
    (
        Code::BadValue,
        format!("{}: {error}", file.display()),
        Exit::No,
    )
}
