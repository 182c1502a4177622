//! Files on their way: compressed, whole or against an older file, as zstd frames (RFC 8878).
//!
//! A delta is a frame whose window begins with the old file, as `zstd --patch-from` makes it. What comes out is
//! bounded by the size that the manifest tells, memory by the old file and the window.

use lastword_protocol::ObjectHash;
use sha2::{Digest, Sha256};
use std::io::{self, BufRead as _, Read, Write};
use zstd::stream::read::Decoder;

/// The largest window that a decoder takes, as its logarithm: 128 MiB. zstd's own limit without `--long`.
pub const WINDOW_LOG_MAX: u32 = 27;
/// The largest old and new file between which a delta is made, together, in bytes.
pub const DELTA_BYTES_MAX: u64 = 1 << WINDOW_LOG_MAX;

/// A reason why a compressed file cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum ExpandError {
    /// It is no zstd frame, or needs another old file or a larger window.
    #[error("cannot be expanded: {0}")]
    Frame(#[source] io::Error),
    /// It is longer than it may be; nothing more of it was written.
    #[error("expands to more than the {0} bytes that the manifest says")]
    TooLong(u64),
    /// It is shorter.
    #[error("expands to {found} bytes, not to the {expected} that the manifest says")]
    TooShort {
        /// The bytes that came out.
        found: u64,
        /// The bytes that had to.
        expected: u64,
    },
    /// More follows behind the frame.
    #[error("has bytes behind its zstd frame")]
    Trailing,
    /// Its hash is another one.
    #[error("expands to a file of another hash, {0}")]
    Hash(ObjectHash),
    /// The file cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// The file that is to come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedFile {
    /// Its hash.
    pub hash: ObjectHash,
    /// Its length in bytes.
    pub size: u64,
}

/// The bytes that are moved at once.
const STEP_BYTES: usize = 64 << 10;

/// Writes the file that `packed` holds, made against `old` (empty if it was made against none), and checks its
/// length and hash. What was written is of no use after an error.
///
/// # Errors
///
/// [`ExpandError`].
pub fn expand(
    packed: impl Read,
    old: &[u8],
    expected: ExpectedFile,
    out: &mut impl Write,
) -> Result<(), ExpandError> {
    let packed = io::BufReader::new(packed);
    let mut decoder = Decoder::with_ref_prefix(packed, old)
        .map_err(ExpandError::Frame)?
        .single_frame();
    decoder
        .window_log_max(WINDOW_LOG_MAX)
        .map_err(ExpandError::Frame)?;
    let mut hash = Sha256::new();
    let mut step = vec![0; STEP_BYTES];
    let mut found = 0_u64;
    loop {
        let length = decoder.read(&mut step).map_err(ExpandError::Frame)?;
        let Some(bytes) = step.get(..length).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        found += bytes.len() as u64;
        if expected.size < found {
            return Err(ExpandError::TooLong(expected.size));
        }
        hash.update(bytes);
        out.write_all(bytes).map_err(ExpandError::Write)?;
    }
    let mut rest = decoder.finish();
    if !rest.fill_buf().map_err(ExpandError::Frame)?.is_empty() {
        return Err(ExpandError::Trailing);
    }
    if found < expected.size {
        let expected = expected.size;
        return Err(ExpandError::TooShort { found, expected });
    }
    match ObjectHash(hash.finalize().into()) {
        hash if hash == expected.hash => Ok(()),
        other => Err(ExpandError::Hash(other)),
    }
}

/// Compresses `new` against `old` (empty for none), at a level from 1 to 19.
///
/// # Errors
///
/// Memory is short.
#[cfg(feature = "desk")]
pub fn compress(new: &[u8], old: &[u8], level: i32) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::stream::write::Encoder::with_ref_prefix(Vec::new(), level, old)?;
    if !old.is_empty() {
        encoder.window_log(window_log(old.len() + new.len()))?;
        encoder.long_distance_matching(true)?;
    }
    encoder.include_checksum(false)?;
    encoder.set_pledged_src_size(Some(new.len() as u64))?;
    encoder.write_all(new)?;
    encoder.finish()
}

/// The smallest window that zstd has, as its logarithm.
#[cfg(feature = "desk")]
const WINDOW_LOG_MIN: u32 = 10;

/// Returns the logarithm of the smallest window that covers so many bytes.
#[cfg(feature = "desk")]
fn window_log(bytes: usize) -> u32 {
    let log = bytes.next_power_of_two().trailing_zeros();
    log.clamp(WINDOW_LOG_MIN, WINDOW_LOG_MAX)
}

#[cfg(all(test, feature = "desk"))]
mod tests {
    use super::*;

    fn expected_of(bytes: &[u8]) -> ExpectedFile {
        ExpectedFile {
            hash: ObjectHash(Sha256::digest(bytes).into()),
            size: bytes.len() as u64,
        }
    }

    /// Bytes that do not compress, the same for the same seed.
    fn noise(length: usize, seed: u64) -> Vec<u8> {
        let blocks = (0..).flat_map(|block: u64| {
            Sha256::digest(
                (seed, block)
                    .0
                    .to_le_bytes()
                    .into_iter()
                    .chain(block.to_le_bytes())
                    .collect::<Vec<_>>(),
            )
        });
        blocks.take(length).collect()
    }

    #[test]
    fn a_delta_is_as_large_as_what_changed() {
        let old = noise(200_000, 1);
        let mut new = old.clone();
        new.splice(50_000..50_100, noise(300, 2));
        let packed = compress(&new, &old, 3).unwrap();
        assert!(packed.len() < 1_000, "{}", packed.len());
        let mut out = Vec::new();
        expand(&*packed, &old, expected_of(&new), &mut out).unwrap();
        assert_eq!(out, new);
    }

    #[test]
    fn a_whole_file_comes_out_as_it_went_in() {
        for bytes in [
            Vec::new(),
            b"x".to_vec(),
            vec![0; 3_000_000],
            noise(70_000, 3),
        ] {
            let packed = compress(&bytes, &[], 3).unwrap();
            let mut out = Vec::new();
            expand(&*packed, &[], expected_of(&bytes), &mut out).unwrap();
            assert_eq!(out, bytes);
        }
    }

    #[test]
    fn nothing_follows_the_frame() {
        let content = noise(1_000, 7);
        let packed = compress(&content, &[], 3).unwrap();
        let skippable = [0x50, 0x2A, 0x4D, 0x18, 1, 0, 0, 0, 9];
        for rest in [&packed[..], b"garbage", &[0; 4], &skippable] {
            let twice = [&packed, rest].concat();
            let mut out = Vec::new();
            let error = expand(&*twice, &[], expected_of(&content), &mut out).unwrap_err();
            assert!(matches!(error, ExpandError::Trailing), "{error}");
        }
    }

    #[test]
    fn a_bomb_ends_at_the_size_that_was_told() {
        let packed = compress(&vec![0; 100 << 20], &[], 3).unwrap();
        let expected = ExpectedFile {
            hash: ObjectHash([0; 32]),
            size: 1_000,
        };
        let mut out = Vec::new();
        let error = expand(&*packed, &[], expected, &mut out).unwrap_err();
        assert!(matches!(error, ExpandError::TooLong(1_000)), "{error}");
        assert!(out.len() <= 1_000);
    }

    #[test]
    fn another_old_file_a_cut_and_a_flipped_bit_are_found_out() {
        let (old, new) = (noise(50_000, 4), [noise(50_000, 4), noise(100, 5)].concat());
        let packed = compress(&new, &old, 3).unwrap();
        let mut out = Vec::new();
        let other = noise(50_000, 6);
        assert!(expand(&*packed, &other, expected_of(&new), &mut out).is_err());
        for cut in 0..packed.len() {
            out.clear();
            let is_ok = expand(&packed[..cut], &old, expected_of(&new), &mut out).is_ok();
            assert!(!is_ok, "{cut}");
        }
        for at in 0..packed.len() {
            let mut damaged = packed.clone();
            damaged[at] ^= 1;
            out.clear();
            // A bit that means nothing may be flipped; but then the file is right.
            if expand(&*damaged, &old, expected_of(&new), &mut out).is_ok() {
                assert_eq!(out, new, "{at}");
            }
        }
    }
}
