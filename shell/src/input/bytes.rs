//! Putting bytes into the middle of others and taking them out, with nothing that can panic.

use core::cell::Cell;
use heapless::VecView;

/// Puts `new` in front of the byte at `at`; `false`, and nothing is changed, if there is no room.
pub(super) fn insert(bytes: &mut VecView<u8>, at: usize, new: &[u8]) -> bool {
    if bytes.extend_from_slice(new).is_err() {
        return false;
    }
    let tail = behind(bytes, at);
    let behind = tail.iter().rev().skip(new.len());
    // From the end on, so that no byte is lost.
    tail.iter()
        .rev()
        .zip(behind)
        .for_each(|(to, from)| to.set(from.get()));
    tail.iter().zip(new).for_each(|(to, byte)| to.set(*byte));
    true
}

/// Takes out `count` bytes, or what there is, from `at` on.
pub(super) fn remove(bytes: &mut VecView<u8>, at: usize, count: usize) {
    let tail = behind(bytes, at);
    let count = count.min(tail.len());
    let behind = tail.iter().skip(count);
    tail.iter()
        .zip(behind)
        .for_each(|(to, from)| to.set(from.get()));
    bytes.truncate(bytes.len().saturating_sub(count));
}

/// The text that these bytes are, or begin with.
///
/// Character by character: the way of [`core::str::from_utf8`] is fast on long texts, and three times
/// as large.
pub(super) fn text(bytes: &[u8]) -> &str {
    let mut chunks = bytes.utf8_chunks();
    chunks.next().map_or("", |chunk| chunk.valid())
}

fn behind(bytes: &mut VecView<u8>, at: usize) -> &[Cell<u8>] {
    Cell::from_mut(bytes.get_mut(at..).unwrap_or_default()).as_slice_of_cells()
}

#[cfg(test)]
mod tests {
    use super::*;
    use heapless::Vec;

    #[track_caller]
    fn check(change: impl FnOnce(&mut VecView<u8>), expected: &[u8]) {
        let mut bytes = Vec::<u8, 6>::from_slice(b"abcd").unwrap();
        change(&mut bytes);
        assert_eq!(bytes, expected);
    }

    #[test]
    fn what_is_inserted_pushes_the_rest_up() {
        check(|bytes| assert!(insert(bytes, 0, b"xy")), b"xyabcd");
        check(|bytes| assert!(insert(bytes, 3, b"xy")), b"abcxyd");
        check(|bytes| assert!(insert(bytes, 4, b"xy")), b"abcdxy");
        check(|bytes| assert!(insert(bytes, 2, b"")), b"abcd");
        check(|bytes| assert!(!insert(bytes, 1, b"xyz")), b"abcd");
    }

    #[test]
    fn what_is_removed_lets_the_rest_down() {
        check(|bytes| remove(bytes, 0, 1), b"bcd");
        check(|bytes| remove(bytes, 1, 2), b"ad");
        check(|bytes| remove(bytes, 3, 9), b"abc");
        check(|bytes| remove(bytes, 4, 1), b"abcd");
        check(|bytes| remove(bytes, 9, 1), b"abcd");
    }
}
