//! Whether bytes are UTF-8 (RFC 3629): for hosts, where that is found out fast, and for boards, where
//! the code for it is small.

#[cfg(feature = "fast")]
pub(super) fn is_valid(bytes: &[u8]) -> bool {
    core::str::from_utf8(bytes).is_ok()
}

#[cfg(not(feature = "fast"))]
pub(super) use is_valid_bytewise as is_valid;

#[cfg(any(not(feature = "fast"), test))]
pub(super) fn is_valid_bytewise(bytes: &[u8]) -> bool {
    // How many bytes of a character are missing, and between which bytes the next has to be.
    let (mut missing, mut low, mut high) = (0, 0x80, 0xBF);
    for byte in bytes {
        if missing > 0 {
            if !(low..=high).contains(byte) {
                return false;
            }
            missing -= 1;
            (low, high) = (0x80, 0xBF);
            continue;
        }
        missing = match byte {
            0x00..=0x7F => 0,
            0xC2..=0xDF => 1,
            0xE0..=0xEF => 2,
            0xF0..=0xF4 => 3,
            _ => return false,
        };
        // Neither what is shorter elsewhere, nor surrogates, nor what is beyond Unicode.
        match byte {
            0xE0 => low = 0xA0,
            0xED => high = 0x9F,
            0xF0 => low = 0x90,
            0xF4 => high = 0x8F,
            _ => {}
        }
    }
    missing == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(bytes: &[u8]) {
        let expected = core::str::from_utf8(bytes).is_ok();
        assert_eq!(is_valid(bytes), expected, "{bytes:02x?}");
        assert_eq!(is_valid_bytewise(bytes), expected, "{bytes:02x?}");
    }

    #[test]
    fn every_pair_of_bytes_and_what_may_follow_agree_with_the_standard_library() {
        for first in 0..=u8::MAX {
            check(&[first]);
            for second in 0..=u8::MAX {
                for tail in [
                    &[][..],
                    b"x",
                    b"\x80",
                    b"\xBF\x80",
                    b"\x80\x80\x80",
                    b"\x80\xC0",
                ] {
                    check(&[&[first, second], tail].concat());
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_agree_with_the_standard_library(bytes: Vec<u8>, text: String) {
            check(&bytes);
            check(text.as_bytes());
            check(&text.as_bytes()[..text.len() / 2]);
        }
    }
}
