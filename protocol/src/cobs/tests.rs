//! Both codecs beside the library.

use super::*;
use proptest::prelude::*;

struct Codec {
    encode: fn(&mut [u8], usize) -> Option<usize>,
    decode: fn(&mut [u8]) -> Option<&[u8]>,
}

const CODECS: [Codec; 2] = [
    Codec {
        encode: fast::encode,
        decode: fast::decode,
    },
    Codec {
        encode: small::encode,
        decode: small::decode,
    },
];

/// Encodes and decodes, and compares both with the library.
#[track_caller]
fn check(plain: &[u8]) {
    let mut library = vec![0; corncobs::max_encoded_len(plain.len())];
    let length = corncobs::encode_buf(plain, &mut library) - 1;
    for Codec { encode, decode } in CODECS {
        let mut buffer = vec![0xAA; encoded_bytes(plain.len())];
        buffer[1..=plain.len()].copy_from_slice(plain);
        let end = encode(&mut buffer, 1 + plain.len()).unwrap();
        assert_eq!(buffer[..end], library[..length], "{plain:02x?}");
        assert_eq!(decode(&mut buffer[..end]), Some(plain), "{plain:02x?}");
    }
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
    for Codec { encode, .. } in CODECS {
        assert_eq!(encode(&mut [0; 4], 5), None);
        let mut buffer = [1; 256];
        assert_eq!(encode(&mut buffer, 256), None);
        assert_eq!(encode(&mut buffer, 255), Some(255));
    }
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
        for Codec { decode, .. } in CODECS {
            let mut own = encoded.clone();
            let decoded = decode(&mut own);
            // Of nothing at all the library says that it is nothing.
            let nothing = expected.is_some_and(<[u8]>::is_empty) && decoded.is_none();
            prop_assert!(decoded == expected || nothing, "{:?} {:?}", decoded, expected);
        }
    }
}
