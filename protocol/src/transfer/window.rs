//! The pieces that a receiver has behind the first missing one.

/// The most pieces that can be on their way at once: the first missing one, and as many behind it as
/// a credit has bits for.
pub const WINDOW_PIECES: u16 = 1 + 16;

/// The pieces behind the first missing one, as a credit tells of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PieceWindow(u16);

impl PieceWindow {
    /// The bitmap of a credit.
    pub(super) const fn bits(self) -> u16 {
        self.0
    }

    /// Returns whether a piece is missing that others have overtaken.
    pub(super) const fn has_gap(self) -> bool {
        self.0 != 0
    }

    /// Returns whether the piece `places` behind the first missing one is here.
    pub(super) fn contains(self, places: u32) -> bool {
        bit_of(places).is_some_and(|bit| self.0 & bit != 0)
    }

    /// Marks the piece `places` behind the first missing one as received, if there is a bit for it.
    pub(super) fn insert(&mut self, places: u32) {
        self.0 |= bit_of(places).unwrap_or_default();
    }

    /// Takes the first missing piece, and returns the number of pieces up to the next missing one.
    pub(super) fn advance(&mut self) -> u32 {
        let count = 1 + self.0.trailing_ones();
        self.0 = self.0.checked_shr(count).unwrap_or_default();
        count
    }
}

/// Returns the bit of a piece; `None` if it has none.
fn bit_of(places: u32) -> Option<u16> {
    1_u16.checked_shl(places.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_marked_only_where_there_is_a_bit() {
        let mut window = PieceWindow::default();
        for (places, has_bit) in [(0, false), (1, true), (16, true), (17, false)] {
            window.insert(places);
            assert_eq!(window.contains(places), has_bit, "{places}");
        }
        assert_eq!(window.bits(), 0x8001);
    }

    #[test]
    fn the_first_missing_piece_takes_those_behind_it_along() {
        for (bits, count, left) in [
            (0, 1, 0),
            (0b1, 2, 0),
            (0b1011, 3, 0b1),
            (0b1000, 1, 0b100),
            (0x7FFF, 16, 0),
            (0xFFFF, 17, 0),
        ] {
            let mut window = PieceWindow(bits);
            assert_eq!(window.advance(), count, "{bits:#b}");
            assert_eq!(window.bits(), left, "{bits:#b}");
        }
    }
}
