//! Hashes as JSON has them: 64 hexadecimal digits in lower case.

use lastword_protocol::ObjectHash;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

/// Writes a hash.
pub(crate) fn serialize<S: Serializer>(hash: &ObjectHash, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(hash)
}

/// Reads a hash.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ObjectHash, D::Error> {
    let text = String::deserialize(from)?;

    let is_canonical = !text.contains(|letter: char| letter.is_ascii_uppercase());
    let hash = text.parse().ok().filter(|_| is_canonical);
    hash.ok_or_else(|| D::Error::custom("a hash is 64 hexadecimal digits in lower case"))
}
