//! From bytes to keys: characters of UTF-8, control keys, and escape sequences in all the spellings
//! that terminals have for them.

use crate::dialect::HAS_TERM;
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
    /// `^K`
    KillEnd,
    /// `^W`
    KillWord,
    /// Left, or `^B`
    Left,
    /// Right, or `^F`
    Right,
    /// Left with Ctrl or Alt, or Alt-b
    WordLeft,
    /// Right with Ctrl or Alt, or Alt-f
    WordRight,
    /// Home, or `^A`
    Home,
    /// End, or `^E`
    End,
    /// Delete
    Delete,
    /// Up, or `^P`
    Older,
    /// Down, or `^N`
    Newer,
    /// What follows is pasted.
    PasteBegins,
    /// What was pasted ends here.
    PasteEnds,
    /// Another control key, or another whole escape sequence: a function key, say, or what a
    /// terminal answers to a question.
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
    /// Among the parameters of a control sequence (ECMA-48, section 5.4): the first of several
    /// numbers, or 0, and the one under way. From 255 on they are all the same.
    Parameters { first: u8, last: u8 },
    /// Among parameters that no key has.
    Foreign,
    /// The next byte ends it.
    Last,
}

impl Key {
    /// What the key is while nobody knows whether a person or a script sends it: a tab counts as
    /// a blank, and a line is only appended to, shortened and dropped.
    pub(crate) const fn of_first_line(self) -> Self {
        match self {
            Self::Tab => Self::Character('\t'),
            Self::Character(_) | Self::Backspace | Self::Interrupt | Self::Kill | Self::Invalid => {
                self
            }
            _ => Self::Other,
        }
    }

    /// What the key is among pasted ones: nothing in there edits, completes or ends anything,
    /// except that `^C` drops the line and the paste.
    pub(crate) const fn of_paste(self) -> Self {
        match self {
            Self::Tab => Self::Character('\t'),
            Self::Character(_) | Self::Interrupt | Self::Invalid | Self::PasteEnds => self,
            _ => Self::Other,
        }
    }

    /// The key behind a control byte other than Esc.
    const fn of_control(byte: u8) -> Self {
        match byte {
            0x01 => Self::Home,
            0x02 => Self::Left,
            0x03 => Self::Interrupt,
            0x04 => Self::EndOfInput,
            0x05 => Self::End,
            0x06 => Self::Right,
            0x08 | 0x7F => Self::Backspace,
            b'\t' => Self::Tab,
            0x0B => Self::KillEnd,
            0x0C => Self::Clear,
            0x0E => Self::Newer,
            0x10 => Self::Older,
            0x15 => Self::Kill,
            0x17 => Self::KillWord,
            _ => Self::Other,
        }
    }

    /// The key behind a control sequence, or behind `ESC O`, with its numbers.
    const fn of_sequence(first: u8, last: u8, end: u8) -> Self {
        // xterm sends 1 + (1 Shift, 2 Alt, 4 Ctrl) behind a 1, older terminals alone; rxvt sends a
        // small letter.
        let is_modified = last > 2;
        match (end, if first == 0 { last } else { first }) {
            (b'A', _) => Self::Older,
            (b'B', _) => Self::Newer,
            (b'C', _) if is_modified => Self::WordRight,
            (b'D', _) if is_modified => Self::WordLeft,
            (b'C', _) => Self::Right,
            (b'D', _) => Self::Left,
            (b'c', _) => Self::WordRight,
            (b'd', _) => Self::WordLeft,
            (b'H', _) | (b'~', 1 | 7) => Self::Home,
            (b'F', _) | (b'~', 4 | 8) => Self::End,
            (b'~', 3) => Self::Delete,
            (b'~', 200) => Self::PasteBegins,
            (b'~', 201) => Self::PasteEnds,
            _ => Self::Other,
        }
    }
}

impl Keys {
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Ground,
        }
    }

    /// Returns whether no key is under way.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.state, State::Ground)
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
        // A script's line is spoiled by the first byte of a sequence.
        if byte != ESCAPE || !HAS_TERM {
            return Some(Key::of_control(byte));
        }
        let part = Part::Start;
        self.state = State::Escape { part, since: now };
        None
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
        let (first, last) = match part {
            Part::Parameters { first, last } => (first, last),
            _ => (0, 0),
        };
        let part = match (part, byte) {
            // A control key is not part of any sequence.
            (_, 0x00..=0x1F | 0x7F) => return self.control(now, byte),
            (Part::Start, b'[') => Part::Bracket,
            (Part::Start, b'O') => Part::Parameters { first, last },
            (Part::Bracket, b'[') => Part::Last,
            (Part::Bracket | Part::Parameters { .. }, b'0'..=b'9') => {
                let last = last.saturating_mul(10).saturating_add(byte - b'0');
                Part::Parameters { first, last }
            }
            (Part::Parameters { .. }, b';') => {
                let first = if first == 0 { last } else { first };
                Part::Parameters { first, last: 0 }
            }
            (Part::Bracket | Part::Parameters { .. } | Part::Foreign, 0x20..=0x3F) => Part::Foreign,
            (Part::Bracket | Part::Parameters { .. }, _) => {
                return Some(Key::of_sequence(first, last, byte));
            }
            (Part::Start, b'b') => return Some(Key::WordLeft),
            (Part::Start, b'f') => return Some(Key::WordRight),
            (Part::Start | Part::Foreign | Part::Last, _) => return Some(Key::Other),
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

    /// Each key, and the bytes that it is sent as.
    const SPELLINGS: [(Key, &[&[u8]]); 14] = [
        // The console of Linux, xterm and what follows it (picocom, tio, minicom, telnet run in
        // it), its application mode, rxvt, PuTTY.
        (Key::Older, &[b"\x1b[A", b"\x1bOA", b"\x1b[1;5A", b"\x10"]),
        (Key::Newer, &[b"\x1b[B", b"\x1bOB", b"\x1b[1;2B", b"\x0e"]),
        (Key::Right, &[b"\x1b[C", b"\x1bOC", b"\x1b[1;2C", b"\x06"]),
        (Key::Left, &[b"\x1b[D", b"\x1bOD", b"\x1b[1;2D", b"\x02"]),
        (
            Key::WordRight,
            &[
                b"\x1b[1;5C",
                b"\x1b[1;3C",
                b"\x1b[5C",
                b"\x1bO5C",
                b"\x1bOc",
                b"\x1bf",
            ],
        ),
        (
            Key::WordLeft,
            &[
                b"\x1b[1;5D",
                b"\x1b[1;3D",
                b"\x1b[5D",
                b"\x1bO5D",
                b"\x1bOd",
                b"\x1bb",
            ],
        ),
        (
            Key::Home,
            &[
                b"\x1b[H",
                b"\x1bOH",
                b"\x1b[1~",
                b"\x1b[7~",
                b"\x1b[1;5H",
                b"\x01",
            ],
        ),
        (
            Key::End,
            &[
                b"\x1b[F",
                b"\x1bOF",
                b"\x1b[4~",
                b"\x1b[8~",
                b"\x1b[1;5F",
                b"\x05",
            ],
        ),
        (Key::Delete, &[b"\x1b[3~", b"\x1b[3;5~"]),
        (Key::Backspace, &[b"\x08", b"\x7f"]),
        (Key::PasteBegins, &[b"\x1b[200~"]),
        (Key::PasteEnds, &[b"\x1b[201~"]),
        (Key::KillEnd, &[b"\x0b"]),
        (Key::KillWord, &[b"\x17"]),
    ];

    #[test]
    fn keys_are_known_in_every_spelling() {
        for (key, spellings) in SPELLINGS {
            for spelling in spellings {
                check(&[spelling, &b"a"[..]].concat(), &[key, A]);
            }
        }
    }

    #[test]
    fn escape_sequences_leave_nothing_behind() {
        for other in [
            "\x1b[[A",
            "\x1bOP",
            "\x1b[15~",
            "\x1b[2~",
            "\x1b[24;80R",
            "\x1b[?1;2c",
            "\x1b[>0;95;0c",
            "\x1b[?200~",
            "\x1b[456~",
            "\x1b[ A",
            "\x1bx",
        ] {
            check(format!("{other}a").as_bytes(), &[Key::Other, A]);
        }
        check(b"\x1b\x1b[Aa", &[Key::Older, A]);
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
