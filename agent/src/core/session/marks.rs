//! What a Linux tty marks in the bytes of a serial line (termios(3), `PARMRK` without `IGNPAR`).

/// Undoes the marking: `FF FF` is the byte `FF`, `FF 00 00` a BREAK, `FF 00 x` a damaged `x`.
#[derive(Debug, Default)]
pub(super) struct Marks {
    state: State,
    damaged: u32,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Data,
    Marked,
    Faulty,
}

/// What a byte of a marked stream came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Marked {
    /// A byte as it was on the line.
    Byte(u8),
    /// A byte that arrived with a framing or parity error: what it was is not known.
    Damaged,
    /// The line was held in the spacing state: a BREAK.
    Break,
}

impl Marks {
    /// Returns the number of bytes that arrived with a framing or parity error.
    pub(super) const fn damaged(&self) -> u32 {
        self.damaged
    }

    /// Takes the next byte of the marked stream.
    pub(super) const fn push(&mut self, byte: u8) -> Option<Marked> {
        let (next, out) = match (self.state, byte) {
            (State::Data, 0xFF) => (State::Marked, None),
            (State::Marked, 0x00) => (State::Faulty, None),
            // A mark before anything but 00 and FF is no mark: the byte is passed on as it is.
            (State::Data | State::Marked, byte) => (State::Data, Some(Marked::Byte(byte))),
            (State::Faulty, 0x00) => (State::Data, Some(Marked::Break)),
            (State::Faulty, _) => {
                self.damaged = self.damaged.saturating_add(1);
                (State::Data, Some(Marked::Damaged))
            }
        };
        self.state = next;
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(marked: &[u8], expected: &[Marked], damaged: u32) {
        let mut marks = Marks::default();
        let out: Vec<_> = marked.iter().filter_map(|byte| marks.push(*byte)).collect();
        assert_eq!(
            (out.as_slice(), marks.damaged()),
            (expected, damaged),
            "{marked:02x?}"
        );
    }

    #[test]
    fn marks_are_undone() {
        check(
            b"a\xFF\xFFb",
            &[Marked::Byte(b'a'), Marked::Byte(0xFF), Marked::Byte(b'b')],
            0,
        );
        check(b"\xFF\x00\x00", &[Marked::Break], 0);
        let damaged = [Marked::Byte(b'a'), Marked::Damaged, Marked::Byte(b'b')];
        check(b"a\xFF\x00xb", &damaged, 1);
        check(b"\x00", &[Marked::Byte(0)], 0);
    }
}
