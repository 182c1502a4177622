//! Giving a generation out: its manifest, signature and contents as objects, so that it can be pulled.

use super::GenerationStore;
use crate::edge::generations::trees::ContentSource as _;
use crate::edge::objects::ObjectSource;
use crate::edge::regular_file::open_regular;
use lastword_protocol::ObjectHash;
use std::fs::File;
use std::io;

impl ObjectSource for GenerationStore {
    /// Opens what has this hash: whoever gets it compares it.
    fn open_object(&self, hash: ObjectHash) -> io::Result<Option<File>> {
        if let Some(path) = self.manifests.find(hash) {
            return open_regular(&path).map(Some);
        }
        let all = self.manifests.all();
        for tree in self.known_trees(&all) {
            let mut files = tree.manifest.files.iter();
            if let Some(file) = files.find(|file| file.sha256 == hash) {
                let path = self.trees.path(tree.generation).join(&file.path);
                return open_regular(&path).map(Some);
            }
        }
        // The store's own objects were looked at before.
        self.contents.open_content(hash)
    }
}
