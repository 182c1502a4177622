//! From bytes to keys: characters of UTF-8, control keys, and escape sequences to be ignored.

use lastword_protocol::{Instant, Millis};

/// How long the bytes of one escape sequence may be apart: longer than a slow line needs, shorter
/// than it takes to type something else after a stray Esc.
const ESCAPE_GAP: Millis = Millis(100);

/// Begins an escape sequence.
pub(crate) const ESCAPE: u8 = 0x1B;

/// A key, line ends apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// A character that is no control character.
    Character(char),
    /// Tab.
    Tab,
    /// Backspace, as 08 or 7F.
    Backspace,
    /// `^C`
    Interrupt,
    /// `^D`
    EndOfInput,
    /// `^L`
    Clear,
    /// `^U`
    Kill,
    /// Another control key, or a whole escape sequence: an arrow, say.
    Other,
    /// Bytes that are not UTF-8.
    Invalid,
}

/// Puts keys together from bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys {
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Ground,
    /// Within a character: the bits so far, how many bytes follow, the least it may come to.
    Character { bits: u32, left: u8, least: u32 },
    /// Within an escape sequence, since when.
    Escape { part: Part, since: Instant },
}

#[derive(Clone, Copy, Debug)]
enum Part {
    /// Behind ESC.
    Start,
    /// Behind `ESC [`: the Linux console sends `ESC [ [ A` for F1.
    Bracket,
    /// Among the parameters of a control sequence (ECMA-48, section 5.4).
    Parameters,
    /// The next byte ends it.
    Last,
}

impl Key {
    /// What the key is while nobody knows whether a person or a script sends it: a tab counts as
    /// a blank, and nothing is cleared or ended.
    pub(crate) const fn of_first_line(self) -> Self {
        match self {
            Self::Tab => Self::Character('\t'),
            Self::Clear | Self::EndOfInput => Self::Other,
            key => key,
        }
    }
}

impl Keys {
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Ground,
        }
    }

    /// Takes a byte that ends no line; returns the key that it completes.
    pub(crate) fn push(&mut self, now: Instant, byte: u8) -> Option<Key> {
        match core::mem::take(&mut self.state) {
            State::Ground => self.begin(now, byte),
            State::Character { bits, left, least } => self.go_on(bits, left, least, byte),
            State::Escape { since, .. } if now.since(since) > ESCAPE_GAP => self.begin(now, byte),
            State::Escape { part, .. } => self.escape(now, part, byte),
        }
    }

    /// Ends what is under way, because the line ends; returns [`Key::Invalid`] if that was within
    /// a character and [`Key::Other`] if within an escape sequence.
    pub(crate) fn finish(&mut self) -> Option<Key> {
        match core::mem::take(&mut self.state) {
            State::Ground => None,
            State::Character { .. } => Some(Key::Invalid),
            State::Escape { .. } => Some(Key::Other),
        }
    }

    fn begin(&mut self, now: Instant, byte: u8) -> Option<Key> {
        let (bits, left, least) = match byte {
            0x20..=0x7E => return Some(Key::Character(byte.into())),
            0x00..=0x1F | 0x7F => return self.control(now, byte),
            0xC2..=0xDF => (byte & 0x1F, 1, 0x80),
            0xE0..=0xEF => (byte & 0x0F, 2, 0x800),
            0xF0..=0xF4 => (byte & 0x07, 3, 0x1_0000),
            _ => return Some(Key::Invalid),
        };
        let bits = bits.into();
        self.state = State::Character { bits, left, least };
        None
    }

    fn control(&mut self, now: Instant, byte: u8) -> Option<Key> {
        Some(match byte {
            b'\t' => Key::Tab,
            0x08 | 0x7F => Key::Backspace,
            0x03 => Key::Interrupt,
            0x04 => Key::EndOfInput,
            0x0C => Key::Clear,
            0x15 => Key::Kill,
            ESCAPE => {
                let part = Part::Start;
                self.state = State::Escape { part, since: now };
                return None;
            }
            _ => Key::Other,
        })
    }

    /// Takes the next byte of a character.
    fn go_on(&mut self, bits: u32, left: u8, least: u32, byte: u8) -> Option<Key> {
        if byte & 0xC0 != 0x80 {
            return Some(Key::Invalid);
        }
        let bits = bits << 6 | u32::from(byte & 0x3F);
        if left > 1 {
            let left = left - 1;
            self.state = State::Character { bits, left, least };
            return None;
        }
        // Overlong forms and surrogates are no characters.
        let character = char::from_u32(bits).filter(|_| bits >= least);
        Some(match character {
            None => Key::Invalid,
            Some(control) if control.is_control() => Key::Other,
            Some(character) => Key::Character(character),
        })
    }

    /// Takes the next byte of an escape sequence.
    fn escape(&mut self, now: Instant, part: Part, byte: u8) -> Option<Key> {
        let part = match (part, byte) {
            // A control key is not part of any sequence.
            (_, 0x00..=0x1F | 0x7F) => return self.control(now, byte),
            (Part::Start, b'[') => Part::Bracket,
            (Part::Start, b'O') | (Part::Bracket, b'[') => Part::Last,
            (Part::Bracket | Part::Parameters, 0x20..=0x3F) => Part::Parameters,
            (Part::Start | Part::Bracket | Part::Parameters | Part::Last, _) => {
                return Some(Key::Other);
            }
        };
        self.state = State::Escape { part, since: now };
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &[Key]) {
        let mut keys = Keys::new();
        let mut seen: Vec<_> = bytes
            .iter()
            .filter_map(|byte| keys.push(Instant(0), *byte))
            .collect();
        seen.extend(keys.finish());
        assert_eq!(seen, expected, "{bytes:?}");
    }

    const A: Key = Key::Character('a');

    #[test]
    fn characters_are_put_together() {
        for text in [
            "a",
            "é",
            "€",
            "😀",
            "\u{7FF}",
            "\u{800}",
            "\u{FFFF}",
            "\u{10FFFF}",
        ] {
            check(
                text.as_bytes(),
                &[Key::Character(text.chars().next().unwrap())],
            );
        }
    }

    #[test]
    fn what_is_not_utf_8_is_told() {
        check(&[0xFF, b'a'], &[Key::Invalid, A]);
        check(&[0xC0, 0x80], &[Key::Invalid, Key::Invalid]);
        check(&[0xE0, 0x80, 0x80], &[Key::Invalid]);
        check(&[0xED, 0xA0, 0x80], &[Key::Invalid]);
        check(&[0xF4, 0x90, 0x80, 0x80], &[Key::Invalid]);
        check(&[0xC3], &[Key::Invalid]);
        check(&[0xC2, 0x9B], &[Key::Other]);
    }

    #[test]
    fn escape_sequences_leave_nothing_behind() {
        for arrow in [
            "\x1b[A",
            "\x1bOA",
            "\x1b[1;5C",
            "\x1b[3~",
            "\x1b[[A",
            "\x1bb",
            "\x1b[?1;2c",
        ] {
            check(format!("{arrow}a").as_bytes(), &[Key::Other, A]);
        }
        check(b"\x1b\x1b[Aa", &[Key::Other, A]);
        check(b"\x1b[\x03a", &[Key::Interrupt, A]);
        check(b"\x1b[1", &[Key::Other]);
    }

    #[test]
    fn a_stray_esc_does_not_swallow_what_is_typed_later() {
        let mut keys = Keys::new();
        assert_eq!(keys.push(Instant(0), 0x1B), None);
        assert_eq!(keys.push(Instant(101), b'a'), Some(A));
        assert_eq!(keys.push(Instant(200), 0x1B), None);
        assert_eq!(keys.push(Instant(300), b'a'), Some(Key::Other));
    }
}
