//! Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999), in place, both ways, twice: for
//! hosts, where it is fast, and for boards, where it is small. `corncobs` is what the tests compare
//! both with.

#[cfg(any(feature = "fast", test))]
mod fast;
#[cfg(any(not(feature = "fast"), test))]
mod small;
#[cfg(test)]
mod tests;

#[cfg(feature = "fast")]
pub(crate) use fast::{decode, encode};
#[cfg(not(feature = "fast"))]
pub(crate) use small::{decode, encode};

/// The most bytes between two codes.
const MAX_RUN: usize = 254;
/// The code of a run of [`MAX_RUN`] bytes: no zero follows it.
const FULL: u8 = 0xFF;

/// How many bytes `plain_bytes` become at most, the delimiter not counted.
pub(crate) const fn encoded_bytes(plain_bytes: usize) -> usize {
    let full = plain_bytes.div_ceil(MAX_RUN);
    plain_bytes + if full == 0 { 1 } else { full }
}
