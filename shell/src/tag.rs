//! The tag that a client puts before a line to tell its answer from others.

use core::fmt;
use heapless::String;

/// The longest tag, in bytes.
pub(crate) const TAG_BYTES: usize = 8;

/// A request line's own name: one to eight of `A-Z a-z 0-9 - _`, written after an `@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String<TAG_BYTES>);

impl Tag {
    /// The tag `text`, given without the `@`; `None` if it is too long or has other characters.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        if text.is_empty() || !text.bytes().all(is_tag_byte) {
            return None;
        }
        String::try_from(text).ok().map(Self)
    }

    /// The tag without the `@`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    /// `@7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("@")?;
        f.write_str(&self.0)
    }
}

const fn is_tag_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, accepted: bool) {
        assert_eq!(Tag::new(text).is_some(), accepted, "{text:?}");
    }

    #[test]
    fn a_tag_has_one_to_eight_safe_characters() {
        check("", false);
        check("7", true);
        check("a-B_1234", true);
        check("a-B_12345", false);
        check("a b", false);
        check("é", false);
    }
}
