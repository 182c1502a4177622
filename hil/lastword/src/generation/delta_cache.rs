//! Differences between files, kept for the next board that has the older one.

use crate::user_cache;
use lastword_protocol::ObjectHash;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

/// The most bytes that the kept differences take together. The oldest make room.
const CACHE_BYTES_MAX: u64 = 512 << 20;

/// The kept differences, in a directory of the user's. Without one nothing is kept.
#[derive(Debug)]
pub(crate) struct DeltaCache(Option<PathBuf>);

impl DeltaCache {
    /// Opens the directory of the user's caches.
    pub(crate) fn open() -> Self {
        Self(user_cache::open("deltas"))
    }

    /// Returns the difference of `new` to `old` that was made at the highest level, if that is `level` at least.
    pub(crate) fn find(&self, new: ObjectHash, old: ObjectHash, level: i32) -> Option<Vec<u8>> {
        let highest = (level..=19).rev();
        let mut kept = highest.filter_map(|level| fs::read(self.path(new, old, level)?).ok());
        kept.next()
    }

    /// Keeps a difference. That it cannot be kept is no failure.
    pub(crate) fn keep(&self, new: ObjectHash, old: ObjectHash, level: i32, delta: &[u8]) {
        let Some(path) = self.path(new, old, level) else {
            return;
        };
        let unfinished = path.with_extension(format!("{}.new", std::process::id()));
        let written = File::create(&unfinished).and_then(|mut file| file.write_all(delta));
        // Whoever reads it finds all of it, and its hash is checked by the board.
        if written
            .and_then(|()| fs::rename(&unfinished, &path))
            .is_err()
        {
            let _ = fs::remove_file(&unfinished);
        }
        // Too much is kept until the next time.
        if let Some(directory) = &self.0 {
            let _ = user_cache::trim(directory, CACHE_BYTES_MAX);
        }
    }

    fn path(&self, new: ObjectHash, old: ObjectHash, level: i32) -> Option<PathBuf> {
        let directory = self.0.as_ref()?;
        Some(directory.join(format!("{new}-{old}-{level}.zst")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_found_at_its_level_or_a_higher_one() {
        let directory = tempfile::tempdir().unwrap();
        let cache = DeltaCache(Some(directory.path().to_owned()));
        let (new, old) = (ObjectHash([1; 32]), ObjectHash([2; 32]));
        cache.keep(new, old, 3, b"three");
        assert_eq!(cache.find(new, old, 3).as_deref(), Some(&b"three"[..]));
        assert_eq!(cache.find(new, old, 4), None);
        assert_eq!(cache.find(old, new, 3), None);
        cache.keep(new, old, 19, b"nineteen");
        assert_eq!(cache.find(new, old, 3).as_deref(), Some(&b"nineteen"[..]));
        DeltaCache(None).keep(new, old, 3, b"three");
        assert_eq!(DeltaCache(None).find(new, old, 1), None);
    }
}
