//! Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999), in place, both ways.
//!
//! A code takes the very place of the zero that it stands for, so that nothing moves but what
//! lies behind a full run. `corncobs`, which moves each run by a call of its own, is what the
//! tests compare with.

/// The most bytes between two codes.
const MAX_RUN: usize = 254;
/// The code of a run of [`MAX_RUN`] bytes: no zero follows it.
const FULL: u8 = 0xFF;

/// How many bytes `plain_bytes` become at most, the delimiter not counted.
pub(crate) const fn encoded_bytes(plain_bytes: usize) -> usize {
    let full = plain_bytes.div_ceil(MAX_RUN);
    plain_bytes + if full == 0 { 1 } else { full }
}

/// Encodes what lies in `buffer` from 1 up to `end` and returns where it ends then; `None` if
/// that is beyond `buffer`. The first byte is room for the first code.
#[inline]
pub(crate) fn encode(buffer: &mut [u8], mut end: usize) -> Option<usize> {
    let mut code_at = 0;
    loop {
        let begin = code_at + 1;
        let limit = end.min(begin + MAX_RUN);
        let run = buffer.get(begin..limit)?;
        let zero = first_zero(run);
        let length = zero.unwrap_or(run.len());
        // At most 255.
        buffer[code_at] = (length + 1).to_le_bytes()[0];
        code_at = begin + length;
        if zero.is_some() {
            continue;
        }
        if code_at == end {
            return Some(end);
        }
        // A full run: its successor's code needs a place of its own.
        buffer.get(end)?;
        buffer.copy_within(code_at..end, code_at + 1);
        end += 1;
    }
}

/// Where the first zero is. It is near, or else blocks without one are passed as a whole.
fn first_zero(run: &[u8]) -> Option<usize> {
    let is_zero = |byte: &u8| *byte == 0;
    let (near, far) = run.split_at_checked(BLOCK).unwrap_or((run, &[]));
    if let Some(zero) = near.iter().position(is_zero) {
        return Some(zero);
    }
    let (blocks, _) = far.as_chunks::<BLOCK>();
    // Without a way out, so that all bytes of a block are compared at once.
    let is_clear =
        |block: &&[u8; BLOCK]| !block.iter().fold(false, |any, byte| any | is_zero(byte));
    let clear = BLOCK * blocks.iter().take_while(is_clear).count();
    let zero = far.get(clear..)?.iter().position(is_zero)?;
    Some(near.len() + clear + zero)
}

const BLOCK: usize = 16;

/// Decodes in place and returns what `encoded` says; `None` if it ends within a run. A zero where
/// a code should be ends it.
pub(crate) fn decode(encoded: &mut [u8]) -> Option<&[u8]> {
    let mut code = *encoded.first().filter(|code| **code != 0)?;
    let mut code_at = 0;
    // How many codes stood for no zero: what follows them moves up.
    let mut gap = 0;
    loop {
        let next = code_at + usize::from(code);
        let run = encoded.get(code_at + 1..next)?;
        if gap > 0 && !run.is_empty() {
            encoded.copy_within(code_at + 1..next, code_at + 1 - gap);
        }
        let Some(following) = encoded.get(next).copied().filter(|code| *code != 0) else {
            return encoded.get(1..next - gap);
        };
        if code == FULL {
            gap += 1;
        } else {
            encoded[next - gap] = 0;
        }
        code = following;
        code_at = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Encodes and decodes, and compares both with the library.
    #[track_caller]
    fn check(plain: &[u8]) {
        let mut library = vec![0; corncobs::max_encoded_len(plain.len())];
        let length = corncobs::encode_buf(plain, &mut library) - 1;
        let mut buffer = vec![0xAA; encoded_bytes(plain.len())];
        buffer[1..=plain.len()].copy_from_slice(plain);
        let end = encode(&mut buffer, 1 + plain.len()).unwrap();
        assert_eq!(buffer[..end], library[..length], "{plain:02x?}");
        assert_eq!(decode(&mut buffer[..end]), Some(plain), "{plain:02x?}");
    }

    #[test]
    fn full_runs_and_their_neighbours_agree_with_the_library() {
        for length in [0, 1, 253, 254, 255, 256, 507, 508, 509, 1_024] {
            check(&vec![0; length]);
            check(&vec![0xFF; length]);
            for zero in [0, 253, 254, 255, 508, length.saturating_sub(1)] {
                let mut plain = vec![1; length];
                if let Some(byte) = plain.get_mut(zero) {
                    *byte = 0;
                }
                check(&plain);
            }
        }
    }

    #[test]
    fn a_buffer_too_short_is_an_error_and_not_a_panic() {
        assert_eq!(encode(&mut [0; 4], 5), None);
        let mut buffer = [1; 256];
        assert_eq!(encode(&mut buffer, 256), None);
        assert_eq!(encode(&mut buffer, 255), Some(255));
    }

    /// Bytes with short, with long and with full runs.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let run = prop_oneof![
            4 => prop::collection::vec(any::<u8>(), 0..20),
            2 => prop::collection::vec(1_u8.., 240..270),
            1 => prop::collection::vec(Just(0_u8), 0..4),
        ];
        prop::collection::vec(run, 0..8).prop_map(|runs| runs.concat())
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_agrees_with_the_library(plain in bytes()) {
            check(&plain);
        }

        #[test]
        fn whatever_is_decoded_agrees_with_the_library(encoded in bytes()) {
            let mut library = encoded.clone();
            let expected = corncobs::decode_in_place(&mut library).ok().map(|end| &library[..end]);
            let mut own = encoded.clone();
            let decoded = decode(&mut own);
            // Of nothing at all the library says that it is nothing.
            let nothing = expected.is_some_and(<[u8]>::is_empty) && decoded.is_none();
            prop_assert!(decoded == expected || nothing, "{:?} {:?}", decoded, expected);
        }
    }
}
