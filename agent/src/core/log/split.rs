//! Takes bytes apart into lines. However they arrive, the lines are the same.

use super::LINE_BYTES;

/// What becomes of the last bytes, where they end without a newline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// They wait for the rest of their line.
    Waits,
    /// They are a piece of a line that goes on.
    Continues,
    /// They are a line: nothing will follow.
    Ends,
}

/// A line, or a piece of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Its bytes, without the newline.
    pub bytes: &'a [u8],
    /// How many bytes it takes, the newline among them.
    pub taken: usize,
    /// Whether its line goes on.
    pub continues: bool,
}

/// The lines of `bytes`, which begin where a line or a piece does. A line longer than
/// [`LINE_BYTES`] comes in pieces of that length.
#[must_use]
pub fn pieces(bytes: &[u8], ending: Ending) -> Pieces<'_> {
    Pieces {
        rest: bytes,
        ending,
    }
}

/// See [`pieces`].
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    rest: &'a [u8],
    ending: Ending,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let window = &self.rest[..self.rest.len().min(LINE_BYTES + 1)];
        let (length, taken, continues) = match memchr::memchr(b'\n', window) {
            Some(end) => (end, end + 1, false),
            None if window.len() > LINE_BYTES => (LINE_BYTES, LINE_BYTES, true),
            None if window.is_empty() || self.ending == Ending::Waits => return None,
            None => (window.len(), window.len(), self.ending == Ending::Continues),
        };
        let bytes = &self.rest[..length];
        self.rest = &self.rest[taken..];
        Some(Piece {
            bytes,
            taken,
            continues,
        })
    }
}

/// How much to write at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// How many bytes; none, if nothing is ready.
    pub bytes: usize,
    /// How many lines or pieces of lines they are.
    pub lines: u64,
    /// Whether the last of them goes on.
    pub continues: bool,
}

/// The most whole pieces that fit in `limit` bytes; the first one even if it does not.
#[must_use]
pub fn cut(bytes: &[u8], limit: usize, ending: Ending) -> Cut {
    let mut cut = Cut::default();
    for piece in pieces(bytes, ending) {
        if cut.lines > 0 && cut.bytes + piece.taken > limit {
            break;
        }
        cut = Cut {
            bytes: cut.bytes + piece.taken,
            lines: cut.lines + 1,
            continues: piece.continues,
        };
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bytes, how they end, and the pieces: length without the newline, and whether it goes on.
    #[track_caller]
    fn check(bytes: &[u8], ending: Ending, expected: &[(usize, bool)]) {
        let found: Vec<_> = pieces(bytes, ending)
            .map(|piece| (piece.bytes.len(), piece.continues))
            .collect();
        assert_eq!(found, expected, "{} bytes, {ending:?}", bytes.len());
    }

    #[test]
    fn a_line_ends_at_its_newline_and_nowhere_else() {
        check(b"", Ending::Ends, &[]);
        check(b"\n", Ending::Waits, &[(0, false)]);
        check(
            b"ab\n\r\n\0\xFF\n",
            Ending::Waits,
            &[(2, false), (1, false), (2, false)],
        );
    }

    #[test]
    fn an_unfinished_line_waits_unless_told_otherwise() {
        check(b"a\nbc", Ending::Waits, &[(1, false)]);
        check(b"a\nbc", Ending::Continues, &[(1, false), (2, true)]);
        check(b"a\nbc", Ending::Ends, &[(1, false), (2, false)]);
    }

    #[test]
    fn a_line_is_cut_only_when_it_is_too_long_for_certain() {
        let long = |length: usize, end: &[u8]| [&vec![b'x'; length][..], end].concat();
        check(&long(LINE_BYTES, b""), Ending::Waits, &[]);
        check(
            &long(LINE_BYTES, b"\n"),
            Ending::Waits,
            &[(LINE_BYTES, false)],
        );
        check(
            &long(LINE_BYTES + 1, b""),
            Ending::Waits,
            &[(LINE_BYTES, true)],
        );
        check(
            &long(LINE_BYTES + 1, b"\n"),
            Ending::Waits,
            &[(LINE_BYTES, true), (1, false)],
        );
    }

    #[test]
    fn a_cut_takes_what_fits_and_at_least_one() {
        let cut_of = |limit| cut(b"ab\ncd\ne", limit, Ending::Continues);
        for (limit, bytes, lines, continues) in [
            (0, 3, 1, false),
            (5, 3, 1, false),
            (6, 6, 2, false),
            (7, 7, 3, true),
        ] {
            let expected = Cut {
                bytes,
                lines,
                continues,
            };
            assert_eq!(cut_of(limit), expected, "limit {limit}");
        }
        assert_eq!(cut(b"ab", 9, Ending::Waits), Cut::default());
    }

    /// Bytes with many newlines, and now and then a line that is too long.
    fn output() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            8 => proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..40),
            1 => (LINE_BYTES - 2..2 * LINE_BYTES + 3).prop_map(|length| vec![b'x'; length]),
        ];
        proptest::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_lines(
            output in output(),
            sizes in proptest::collection::vec(1..9_000_usize, 1..20),
        ) {
            let whole: Vec<_> = pieces(&output, Ending::Ends).collect();
            let (mut at, mut shown) = (0, 0);
            let mut found = Vec::new();
            for size in sizes.iter().cycle() {
                shown = (shown + size).min(output.len());
                let ending = if shown == output.len() { Ending::Ends } else { Ending::Waits };
                for piece in pieces(&output[at..shown], ending) {
                    at += piece.taken;
                    found.push(piece);
                }
                if shown == output.len() {
                    break;
                }
            }
            prop_assert_eq!(at, output.len());
            prop_assert_eq!(found, whole);
        }
    }
}
