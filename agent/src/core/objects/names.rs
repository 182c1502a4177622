//! The names of the store's files.

use lastword_protocol::ObjectHash;

/// The ending of the name of an object that is not whole.
pub(super) const PART: &str = ".part";
/// The ending of the name of one that is whole, and is being given its name once more.
pub(super) const KEPT: &str = ".kept";

/// Returns the name of an object, or of its part.
pub(super) fn object_name(hash: ObjectHash, is_whole: bool) -> String {
    if is_whole {
        hash.to_string()
    } else {
        part_name(hash)
    }
}

/// Returns the name of an object that is not whole.
pub(super) fn part_name(hash: ObjectHash) -> String {
    format!("{hash}{PART}")
}
