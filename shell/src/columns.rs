//! How many columns of a terminal text takes.

/// Combining marks and format characters, which take no column of their own.
///
/// From the Unicode character database, checked against version 14: general categories Mn, Me and Cf
/// where Latin, Greek, Cyrillic, Hebrew, Arabic, Chinese, Japanese and Korean need them. Marks of other
/// scripts (the Indic ones, Thai) count as one column.
const ZERO: [(u16, u16); 15] = [
    (0x0300, 0x036F),
    (0x0483, 0x0489),
    (0x0591, 0x05BD),
    (0x0610, 0x061A),
    (0x064B, 0x065F),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x2064),
    (0x20D0, 0x20F0),
    (0x302A, 0x302D),
    (0x3099, 0x309A),
    (0xFE00, 0xFE0F),
    (0xFE20, 0xFE2F),
];

/// What takes two columns: East Asian Width W or F (Unicode Standard Annex 11).
///
/// Blocks, not characters: a few narrow and unassigned ones within count as two. The single wide
/// symbols between U+2300 and U+2BFF (a watch, a star) are left out and count as one column.
const WIDE: [(u16, u16); 8] = [
    (0x1100, 0x115F),
    (0x2E80, 0xA4CF),
    (0xA960, 0xA97C),
    (0xAC00, 0xD7A3),
    (0xF900, 0xFAFF),
    (0xFE30, 0xFE6F),
    (0xFF01, 0xFF60),
    (0xFFE0, 0xFFE6),
];

/// How many bytes the first character of some UTF-8 has, and how many columns it takes: 0, 1 or 2. A
/// control character counts as one column; an empty text has no bytes.
///
/// Behind U+FFFF a rule has to do: pictographs (U+1F300 to U+1FAFF) and the ideographic planes
/// take two columns, all else one. Sequences that a terminal joins to one picture are not known.
// In one place: a microcontroller has no room for as many decoders of UTF-8 as there are callers.
#[inline(never)]
pub(crate) fn first(text: &[u8]) -> (usize, usize) {
    let bytes = match text.first() {
        None => return (0, 0),
        // Nearly every character.
        Some(0..=0x7F) => return (1, 1),
        Some(0x80..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..) => 4,
    };
    let bits = text.iter().take(bytes);
    let code = bits.fold(0, |code, byte| code << 6 | u32::from(byte & 0x3F));
    // The first byte has fewer bits of the character, the longer that is.
    (bytes, of_code(code & ((1 << (5 * bytes + 1)) - 1)))
}

fn of_code(code: u32) -> usize {
    let is_in = |blocks: &[(u16, u16)]| {
        let mut blocks = blocks.iter();
        blocks.any(|(first, last)| (u32::from(*first)..=u32::from(*last)).contains(&code))
    };
    if is_in(&ZERO) {
        0
    } else {
        1 + usize::from(is_in(&WIDE) || matches!(code, 0x1_F300..=0x1_FAFF | 0x2_0000..=0x3_FFFD))
    }
}

/// Returns whether each character is one byte and one column, as nearly every line of commands is.
pub(crate) fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| *byte < 0x80)
}

/// The columns that some UTF-8 takes.
pub(crate) fn width(mut text: &[u8]) -> usize {
    if is_plain(text) {
        return text.len();
    }
    let mut width = 0;
    loop {
        let (bytes, columns) = first(text);
        match text.get(bytes..) {
            Some(rest) if bytes > 0 => text = rest,
            _ => return width,
        }
        width += columns;
    }
}

/// The columns that a character takes.
#[cfg(test)]
pub(crate) fn of(character: char) -> usize {
    first(character.encode_utf8(&mut [0; 4]).as_bytes()).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(columns: usize, characters: &str) {
        for character in characters.chars() {
            assert_eq!(of(character), columns, "{character:?}");
        }
    }

    #[test]
    fn most_characters_take_one_column() {
        check(
            1,
            "a~é\u{2FF}\u{370}Жא\u{10FF}–→\u{FF61}\u{FFEE}𝄞\u{1F2FF}\u{10FFFF}",
        );
    }

    #[test]
    fn ideographs_syllables_and_pictographs_take_two() {
        check(
            2,
            "\u{1100}⺀、ぁ漢\u{A4CF}가힣豈！￠😀\u{1F300}\u{1FAFF}𠀀",
        );
    }

    #[test]
    fn every_character_has_the_bytes_it_has() {
        for character in [
            '\0',
            '\x7F',
            '\u{80}',
            '\u{7FF}',
            '\u{800}',
            '\u{FFFF}',
            '\u{10000}',
            char::MAX,
        ] {
            let mut bytes = [0; 4];
            let bytes = character.encode_utf8(&mut bytes).as_bytes();
            assert_eq!(first(bytes).0, bytes.len(), "{character:?}");
        }
        assert_eq!(first(b""), (0, 0));
    }

    #[test]
    fn marks_take_none() {
        check(0, "\u{300}\u{36F}\u{200B}\u{200D}\u{3099}\u{FE0F}");
        assert_eq!(width("e\u{301}漢".as_bytes()), 3);
    }
}
