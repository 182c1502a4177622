//! Taking a generation in: the offer, and its contents.

use super::{GenerationStore, StoreRefusal, disk_refusal, refused};
use crate::core::generation::intake::AdmittedGeneration;
use crate::core::generation::recovery::WorldView;
use crate::core::generation::rollout_ledger::RolloutLedger;
use crate::edge::regular_file::open_regular;
use lastword_generation::delta::{DELTA_BYTES_MAX, ExpandError, ExpectedFile, expand};
use lastword_generation::manifest::MANIFEST_BYTES_MAX;
use lastword_generation::signature::SIGNATURE_BYTES_MAX;
use lastword_generation::{Manifest, TreePath};
use lastword_protocol::message::generation::{ContentExpansion, GenerationOffer, MissingContent};
use lastword_protocol::refusal::Code;
use lastword_protocol::{Generation, ObjectHash};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, PoisonError};

/// The most generations on a board, pushed or whole: the manifests of all of them are in memory.
const GENERATIONS_MAX: usize = 64;
/// The most missing contents that are told at once: what is left is told when the generation is offered again.
const MISSING_MAX: usize = 500;

impl GenerationStore {
    /// Takes a generation in: its manifest and signature, which are objects. Returns it, and what is missing.
    pub(in crate::edge::generations) fn offer(
        &self,
        offer: GenerationOffer,
        ledger: &RolloutLedger,
    ) -> Result<(Generation, Arc<Manifest>, Vec<MissingContent>), StoreRefusal> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = self.read_object(offer.manifest, MANIFEST_BYTES_MAX, "manifest")?;
        let signature = self.read_object(offer.signature, SIGNATURE_BYTES_MAX, "signature")?;
        let signature = String::from_utf8(signature)
            .map_err(|_| refused(Code::NotAllowed, "the signature is no text"))?;
        let signed = (&bytes[..], &*signature);
        let admitted = self.admit(signed, ledger, offer.allow_older);
        let admitted = admitted.map_err(|refusal| refused(refusal.code(), refusal.to_string()))?;
        let AdmittedGeneration {
            generation,
            manifest,
        } = admitted;
        let known = self.generations();
        if !known.contains(&generation) && GENERATIONS_MAX <= known.len() {
            let detail =
                format!("the board has {GENERATIONS_MAX} generations; `gen prune` removes some");
            return Err(refused(Code::TooLong, detail));
        }
        let saved = self.manifests.save(generation, signed, manifest.clone());
        saved.map_err(|error| disk_refusal(&error))?;
        let present = self.present();
        let missing = self.missing(&manifest, &present).take(MISSING_MAX);
        let bases = self.bases();
        let missing = missing.map(|(hash, size, path)| MissingContent {
            content: hash,
            size,
            base: bases
                .get(path)
                .copied()
                .filter(|(base, _)| present.contains(base))
                .filter(|(_, base_size)| base_size.saturating_add(size) <= DELTA_BYTES_MAX)
                .map(|(base, _)| base),
        });
        let missing = missing.collect();
        Ok((generation, Arc::new(manifest), missing))
    }

    /// Expands a content that a known generation has.
    pub(in crate::edge::generations) fn expand(
        &self,
        wanted: ContentExpansion,
    ) -> Result<(), StoreRefusal> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.contents.has(wanted.content) {
            return Ok(());
        }
        let all = self.manifests.all();
        let mut files = all.values().flat_map(|it| &it.manifest.files);
        if !files.any(|file| (file.sha256, file.size) == (wanted.content, wanted.size)) {
            let detail = "no generation that was offered has this content in this size";
            return Err(refused(Code::Unknown, detail));
        }
        let packed = self.open_object(wanted.packed, "packed content")?;
        let base = match wanted.base {
            Some(base) => self.read_base(base, wanted.size)?,
            None => Vec::new(),
        };
        let free = self.free_bytes().map_err(|error| disk_refusal(&error))?;
        if free < wanted.size {
            let detail = format!(
                "no space: {} bytes are needed, {free} are free",
                wanted.size
            );
            return Err(refused(Code::TooLong, detail));
        }
        let expected = ExpectedFile {
            hash: wanted.content,
            size: wanted.size,
        };
        let saved = self.contents.save(wanted.content, |file| {
            let mut out = io::BufWriter::new(file);
            expand(packed, &base, expected, &mut out)?;
            io::Write::flush(&mut out).map_err(ExpandError::Write)
        });
        saved.map_err(|error: ExpandError| match &error {
            ExpandError::Write(source) => disk_refusal(source),
            _ => refused(Code::BadValue, error.to_string()),
        })?;
        self.damaged().remove(&wanted.content);
        Ok(())
    }

    /// Returns the content of each path of older trees, the current one's first.
    fn bases(&self) -> HashMap<TreePath, (ObjectHash, u64)> {
        let all = self.manifests.all();
        let current = self.observe().ok().and_then(WorldView::current);
        let mut trees: Vec<_> = self.known_trees(&all).collect();
        trees.sort_by_key(|tree| current == Some(tree.generation));
        let files = trees.iter().flat_map(|tree| &tree.manifest.files);
        files
            .map(|file| (file.path.clone(), (file.sha256, file.size)))
            .collect()
    }

    /// Reads the content against which another one was compressed, if both together are not too long.
    fn read_base(&self, base: ObjectHash, size: u64) -> Result<Vec<u8>, StoreRefusal> {
        let all = self.manifests.all();
        let found = self.known_trees(&all).find_map(|tree| {
            let mut files = tree.manifest.files.iter();
            let file = files.find(|file| file.sha256 == base)?;
            Some((self.trees.path(tree.generation).join(&file.path), file.size))
        });
        let (path, base_size) =
            found.ok_or_else(|| refused(Code::Unknown, format!("no tree has the base {base}")))?;
        if DELTA_BYTES_MAX < base_size.saturating_add(size) {
            let detail = format!("a delta of more than {DELTA_BYTES_MAX} bytes; send it whole");
            return Err(refused(Code::TooLong, detail));
        }
        let read = read_regular(&path, base_size).map_err(|error| disk_refusal(&error))?;
        if ObjectHash(Sha256::digest(&read).into()) != base {
            self.damaged().insert(base);
            let detail = "the base on the board is damaged; send the content whole";
            return Err(refused(Code::Unknown, detail));
        }
        Ok(read)
    }

    fn read_object(
        &self,
        hash: ObjectHash,
        max_bytes: usize,
        what: &str,
    ) -> Result<Vec<u8>, StoreRefusal> {
        let file = self.open_object(hash, what)?;
        let mut bytes = Vec::new();
        let read = file.take(max_bytes as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| disk_refusal(&error))?;
        if max_bytes < bytes.len() {
            let detail = format!("the {what} has more than {max_bytes} bytes");
            return Err(refused(Code::TooLong, detail));
        }
        Ok(bytes)
    }

    fn open_object(&self, hash: ObjectHash, what: &str) -> Result<File, StoreRefusal> {
        let opened = self.objects.open_object(hash);
        let opened = opened.map_err(|error| disk_refusal(&error))?;
        opened.ok_or_else(|| {
            let detail = format!("the {what} is not in the store; put it first: {hash}");
            refused(Code::Unknown, detail)
        })
    }
}

/// Reads a regular file of so many bytes at most.
fn read_regular(path: &Path, size: u64) -> io::Result<Vec<u8>> {
    let file = open_regular(path)?;
    let mut bytes = Vec::new();
    file.take(size.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
